//! Hourly limits: rows of `sys_rate_limit_rules` say how many requests an hour a user, a role or everyone may make.
//!
//! Without a rule there is no limit and no header, as on a fresh instance. Of the rules that fit, one for the user goes
//! before one for a role, and that before one for all; of several roles the lowest limit counts. Enforcement may lag by
//! half a minute, as it does where several nodes count.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::access::Caller;
use crate::record::Record;
use crate::store::{Narrow, Session, StoreError};

const HOUR: i64 = 3_600;

/// How much later a limit may be enforced, in seconds, where enforcement lags.
const LAG: i64 = 30;

/// What a rule says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) rule: String,
    pub(crate) limit: u64,
    /// When the count begins anew, in seconds since the epoch.
    pub(crate) reset: i64,
    /// Seconds to wait, if the request is beyond the limit.
    pub(crate) wait: Option<i64>,
    /// The API that the rule is for.
    pub(crate) api: String,
}

/// How many requests there were this hour, by rule and user.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    counts: Mutex<BTreeMap<(String, String), Count>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    hour: i64,
    requests: u64,
    /// When the limit was passed.
    passed: Option<i64>,
}

/// The rules there are.
pub(crate) fn rules(session: &Session<'_>) -> Result<Vec<Record>, StoreError> {
    session.scan("sys_rate_limit_rules", &Narrow::All)
}

impl Counters {
    /// Counts a request; none if no rule fits it.
    pub(crate) fn count(
        &self,
        rules: &[Record],
        caller: &Caller,
        path: &str,
        now: i64,
        lags: bool,
    ) -> Option<Verdict> {
        let rule = fitting(rules, caller, path)?;
        let limit = rule.value("request_limit_per_hour").parse().unwrap_or(u64::MAX);
        let hour = now.div_euclid(HOUR);
        let key = (rule.sys_id.clone(), caller.user_name.clone());
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Count { hour, requests: 0, passed: None };
        let count = counts.entry(key).or_insert(fresh);
        if count.hour != hour {
            *count = fresh;
        }
        count.requests += 1;
        if count.requests > limit && count.passed.is_none() {
            count.passed = Some(now);
        }
        let reset = (hour + 1) * HOUR;
        let beyond = count.passed.is_some_and(|passed| !lags || now >= passed + LAG);
        Some(Verdict {
            rule: rule.sys_id.clone(),
            limit,
            reset,
            wait: beyond.then_some(reset - now),
            api: rule.value("rest_api").to_owned(),
        })
    }
}

/// The rule that counts for a request.
fn fitting<'a>(rules: &'a [Record], caller: &Caller, path: &str) -> Option<&'a Record> {
    let applies =
        |rule: &&Record| rule.value("active") == "true" && path.starts_with(rule.value("path_prefix"));
    let rank = |rule: &&'a Record| {
        let (user, role) = (rule.value("user"), rule.value("role"));
        let limit = rule.value("request_limit_per_hour").parse().unwrap_or(u64::MAX);
        match (user, role) {
            (user, _) if !user.is_empty() => (user == caller.sys_id).then_some((0, limit)),
            (_, role) if !role.is_empty() => caller.roles.contains(role).then_some((1, limit)),
            _ => Some((2, limit)),
        }
    };
    rules
        .iter()
        .filter(applies)
        .filter_map(|rule| Some((rank(&rule)?, rule)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, rule)| rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_goes_before_the_role_and_the_role_before_all() {
        let rule = |sys_id: &str, user: &str, role: &str, limit: &str, path: &str| {
            let mut rule = Record::new("sys_rate_limit_rules", sys_id);
            for (field, value) in [
                ("user", user),
                ("role", role),
                ("request_limit_per_hour", limit),
                ("path_prefix", path),
                ("active", "true"),
            ] {
                rule.set(field, value);
            }
            rule
        };
        let mut caller = Caller::system();
        caller.sys_id = "u1".to_owned();
        caller.roles = ["itil", "asset"].map(str::to_owned).into();
        let rules = [
            rule("all", "", "", "1", "/api/now/"),
            rule("itil", "", "itil", "20", "/api/now/"),
            rule("asset", "", "asset", "10", "/api/now/"),
            rule("admin", "", "admin", "1", "/api/now/"),
            rule("mine", "u1", "", "99", "/api/now/table"),
            rule("yours", "u2", "", "1", "/api/now/table"),
        ];
        let found = |path| fitting(&rules, &caller, path).map(|rule| rule.sys_id.as_str());
        assert_eq!(found("/api/now/table/incident"), Some("mine"));
        assert_eq!(found("/api/now/stats/incident"), Some("asset"));
        assert_eq!(found("/api/sn_chg_rest/change"), None);
    }
}
