//! What an instance needs for the integration, looked at from outside: what is missing, and how to mend it.
//!
//! Everything here reads, except for the write probe, which is asked for by name and cleans up.

mod check;
mod probe;

use std::time::Duration;

use crate::client::Client;
use crate::error::Error;

/// The life of a token that the integration guide asks for.
pub(super) const TOKEN_LIFE: Duration = Duration::from_secs(30 * 60);

/// What the integration needs of an instance.
///
/// ```
/// use openfactory_sn::doctor::{Finding, Needs, Verdict};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let needs = Needs::new()
///     .role("itil")
///     .table("u_cmdb_ci_os_image")
///     .identified_class("u_cmdb_ci_os_image")
///     .choice("cmdb_ci", "discovery_source", "OpenFactory")
///     .relation_type("Runs on::Runs")
///     .business_rule("change_request", "OpenFactory")
///     .change_management()
///     .plugin("com.sn_audit")
///     .class("u_cmdb_ci_os_image", "cmdb_ci")
///     .discovery_source("OpenFactory")
///     .write_probe("incident");
///
/// // An instance that refuses the credential is asked nothing more: repeated failures lock users.
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/now/table/sys_user"), Reply::fault(401, "User Not Authenticated", ""));
/// let findings: Vec<Finding> = client(&instance).examine(&needs).await;
/// let bad: Vec<_> = findings.iter().filter(|finding| !finding.is_good()).collect();
/// assert_eq!(bad[0].need, "credential");
/// assert!(matches!(bad[0].verdict, Verdict::Missing) && bad[0].advice.contains("check the credential"));
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    tables: Vec<String>,
    identified: Vec<String>,
    choices: Vec<(String, String, String)>,
    roles: Vec<String>,
    relation_types: Vec<String>,
    business_rules: Vec<(String, String)>,
    plugins: Vec<String>,
    classes: Vec<(String, String)>,
    change_management: bool,
    probe: Option<String>,
}

impl Needs {
    /// Nothing beside a credential that is accepted.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This table, to be read.
    #[must_use]
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.tables.push(name.into());
        self
    }

    /// An identification rule for this class: its own, or that of a class above it.
    #[must_use]
    pub fn identified_class(mut self, class: impl Into<String>) -> Self {
        self.identified.push(class.into());
        self
    }

    /// This raw value on a field's choice list.
    #[must_use]
    pub fn choice(
        mut self,
        table: impl Into<String>,
        field: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.choices.push((table.into(), field.into(), value.into()));
        self
    }

    /// This role of the credential's own user.
    #[must_use]
    pub fn role(mut self, name: impl Into<String>) -> Self {
        self.roles.push(name.into());
        self
    }

    /// A relation type of this name.
    #[must_use]
    pub fn relation_type(mut self, name: impl Into<String>) -> Self {
        self.relation_types.push(name.into());
        self
    }

    /// An active business rule on this table whose name begins like this.
    #[must_use]
    pub fn business_rule(mut self, table: impl Into<String>, name: impl Into<String>) -> Self {
        self.business_rules.push((table.into(), name.into()));
        self
    }

    /// This plugin, by its id such as `com.snc.change_management`, and active.
    #[must_use]
    pub fn plugin(mut self, id: impl Into<String>) -> Self {
        self.plugins.push(id.into());
        self
    }

    /// This class of configuration items, directly below that one.
    #[must_use]
    pub fn class(mut self, name: impl Into<String>, parent: impl Into<String>) -> Self {
        self.classes.push((name.into(), parent.into()));
        self
    }

    /// This data source for Identification and Reconciliation: a choice of `cmdb_ci`'s `discovery_source`.
    #[must_use]
    pub fn discovery_source(self, name: impl Into<String>) -> Self {
        self.choice("cmdb_ci", "discovery_source", name)
    }

    /// The plugin of the Change Management API.
    #[must_use]
    pub fn change_management(mut self) -> Self {
        self.change_management = true;
        self
    }

    /// That a record of this table can be made under a key of our choice, changed and deleted: writes one, and takes it
    /// away again.
    #[must_use]
    pub fn write_probe(mut self, table: impl Into<String>) -> Self {
        self.probe = Some(table.into());
        self
    }
}

/// What was found about one need.
///
/// ```
/// use openfactory_sn::doctor::{Finding, Needs, Verdict};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// /// A line of the doctor's report.
/// fn line(finding: &Finding) -> String {
///     let mark = match finding.verdict {
///         Verdict::Good => "ok",
///         Verdict::Remark => "note",
///         Verdict::Missing => "MISSING",
///         _ => "not checked",
///     };
///     format!("{mark}: {} ({})", finding.need, finding.advice)
/// }
///
/// let user = json!([{"sys_id": "u1", "user_name": "svc"}]);
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/now/table/sys_user"), Reply::result(200, user))
///     .on(Expected::get("/api/now/table/sys_user_has_role"), Reply::result(200, json!([])))
///     .on(Expected::get("/api/now/table/sys_user_has_role"), Reply::result(200, json!([{"sys_id": "r1"}])))
///     .on(Expected::get("/api/now/table/sys_rate_limit_rules"), Reply::fault(403, "Insufficient rights", ""));
/// let findings = client(&instance).examine(&Needs::new().role("itil")).await;
/// let lines: Vec<String> = findings.iter().map(line).collect();
/// assert_eq!(lines[..2], ["ok: credential (accepted, as svc)", "MISSING: role itil (grant the role itil to svc)"]);
/// assert!(lines[2].starts_with("not checked: rate limit rules"), "which says nothing of the rules");
/// assert_eq!(findings.iter().filter(|finding| finding.is_good()).count(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at: `table change_request`.
    pub need: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen, and how to mend it if it is not good.
    pub advice: String,
}

/// How a need stands.
///
/// ```
/// use openfactory_sn::doctor::Verdict;
///
/// /// The exit status of a check before a deployment: what could not be looked at is no "all well".
/// fn status(verdicts: &[Verdict]) -> u8 {
///     let worst = verdicts.iter().map(|verdict| match verdict {
///         Verdict::Good | Verdict::Remark => 0,
///         Verdict::Missing => 1,
///         _ => 2,
///     });
///     worst.max().unwrap_or(2)
/// }
///
/// assert_eq!(status(&[Verdict::Good, Verdict::Missing, Verdict::Remark]), 1);
/// assert_eq!(status(&[]), 2);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Verdict {
    /// It is there.
    Good,
    /// It is not there, or hidden from this credential, which is shown others of its kind.
    Missing,
    /// It is there, but something about it is to be known.
    Remark,
    /// It could not be looked at, for this reason, such as that the credential is shown nothing of its kind. Says nothing of
    /// whether it is there.
    Unchecked(Error),
}

impl Finding {
    pub(super) fn new(need: impl Into<String>, verdict: Verdict, advice: impl Into<String>) -> Self {
        Self { need: need.into(), verdict, advice: advice.into() }
    }

    /// Whether the need is met, remarks aside.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self.verdict, Verdict::Good | Verdict::Remark)
    }
}

impl Client {
    /// Looks at everything that is needed, one finding for each. Of the credentials that integration points have of their own,
    /// each is tried once; what a point needs beyond that is looked at by [`Client::at`] and an examination of its own.
    ///
    /// ```
    /// use openfactory_sn::doctor::{Needs, Verdict};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get("/api/now/table/sys_user"),
    ///         Reply::result(200, json!([{"sys_id": "u1", "user_name": "svc", "active": "true"}])))
    ///     .on(Expected::get("/api/now/table/sys_rate_limit_rules"), Reply::result(200, json!([])))
    ///     .on(Expected::get("/api/now/table/u_image"), Reply::fault(400, "Invalid table u_image", ""));
    /// let findings = client(&instance).examine(&Needs::new().table("u_image")).await;
    /// let image = findings.iter().find(|finding| finding.need == "table u_image").expect("looked at");
    /// assert!(matches!(image.verdict, Verdict::Missing));
    /// # }
    /// ```
    pub async fn examine(&self, needs: &Needs) -> Vec<Finding> {
        let mut findings = Vec::new();
        let credential = check::credential(self, needs).await;
        let refused = credential.first().is_some_and(|finding| matches!(finding.verdict, Verdict::Missing));
        findings.extend(credential);
        if refused {
            // Everything else would say the same, and repeated failures lock users.
            return findings;
        }
        findings.extend(check::token_life(self).await);
        for point in self.own_points() {
            findings.extend(check::point(self, point).await);
        }
        findings.push(check::rate_rules(self).await);
        for table in &needs.tables {
            findings.push(check::table(self, table).await);
        }
        for id in &needs.plugins {
            findings.push(check::plugin(self, id).await);
        }
        for (name, parent) in &needs.classes {
            findings.push(check::class(self, name, parent).await);
        }
        for class in &needs.identified {
            findings.push(check::identification_rule(self, class).await);
        }
        for (table, field, value) in &needs.choices {
            findings.push(check::choice(self, table, field, value).await);
        }
        for name in &needs.relation_types {
            findings.push(check::relation_type(self, name).await);
        }
        for (table, name) in &needs.business_rules {
            findings.push(check::business_rule(self, table, name).await);
        }
        if needs.change_management {
            findings.push(check::change_management(self).await);
        }
        if let Some(table) = &needs.probe {
            findings.push(probe::write(self, table).await);
        }
        findings
    }
}
