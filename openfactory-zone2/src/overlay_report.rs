//! What a device says of its overlay: part of its signed report.
//!
//! Bounded: at most [`MAX_FINDINGS`] findings and as many things that could not be checked, the most urgent first;
//! how many are left out is said. Reading one checks the bounds again.

use std::time::SystemTime;

use openfactory_attest::Sha256Digest;
use openfactory_attest::drift::Priority;
use serde::{Deserialize, Serialize};

use crate::command;
use crate::finding::{Finding, Outcome};
use crate::lockdown::{Cause, LockdownRecord, LockdownState, TransitionRecord};
use crate::violation::{Automation, Row};

/// The most findings in a report, and the most things that were not checked.
pub const MAX_FINDINGS: usize = 500;

/// The most transitions in a report: the latest.
pub const MAX_TRANSITIONS: usize = 16;

/// The longest text in a report, in bytes; what is longer is cut.
pub const MAX_TEXT_BYTES: usize = 512;

/// The state of a device's overlay, as the device found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
#[non_exhaustive]
pub struct OverlayReport {
    /// Whether Zone 2 may be written.
    pub lockdown: LockdownState,
    /// Since when.
    pub since: SystemTime,
    /// When the window ends, if one is open.
    pub expires: Option<SystemTime>,
    /// The policy that was applied ([`Policy::digest`](crate::policy::Policy::digest)).
    pub policy_digest: Sha256Digest,
    /// The seal that holds (its signed payload's digest). None before the first lock.
    pub seal_digest: Option<Sha256Digest>,
    /// Entries that were looked at.
    pub checked_entries: u64,
    /// Constraints that were checked.
    pub checked_constraints: u64,
    /// All that is wrong, the most urgent first.
    pub findings: Vec<OverlayFinding>,
    /// All that nobody could look at.
    pub not_checked: Vec<NotLookedAt>,
    /// Findings, and things not checked, for which there was no room.
    pub omitted: u64,
    /// The latest transitions, oldest first. Whoever keeps them tells them apart by their sequence.
    pub transitions: Vec<TransitionRecord>,
}

/// The report as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    lockdown: LockdownState,
    #[serde(with = "crate::instant::exact")]
    since: SystemTime,
    #[serde(with = "crate::instant::optional", default)]
    expires: Option<SystemTime>,
    policy_digest: Sha256Digest,
    seal_digest: Option<Sha256Digest>,
    checked_entries: u64,
    checked_constraints: u64,
    findings: Vec<OverlayFinding>,
    not_checked: Vec<NotLookedAt>,
    omitted: u64,
    transitions: Vec<TransitionRecord>,
}

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OverlayFinding {
    /// How urgent it is: the row's priority, but that a certificate which only is about to expire is a P3.
    pub priority: Priority,
    /// The guide's row.
    pub row: Row,
    /// Where: a path on the device, or a constraint's place. Findings of one subject have one cause.
    pub subject: String,
    /// The value that was found, masked where the policy says that it is secret.
    pub value: Option<String>,
    /// What is wrong with it.
    pub detail: String,
    /// What is wanted.
    pub rule: String,
    /// What a person can do about it.
    pub advice: String,
}

/// One thing that could not be checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NotLookedAt {
    /// Where: a path on the device, a constraint's place, or `lockdown` and `seal` for these themselves.
    pub subject: String,
    /// Why not.
    pub reason: String,
}

/// Findings that have one cause: one incident.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CauseGroup<'r> {
    /// Where.
    pub subject: &'r str,
    /// The most urgent of the findings: its row decides.
    pub leading: &'r OverlayFinding,
    /// All findings of the subject, the leading one first.
    pub findings: Vec<&'r OverlayFinding>,
}

/// Why something is no overlay report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OverlayReportError {
    /// Another version than 1.
    #[error("overlay report version {found} is not supported, only 1 is")]
    Version {
        /// The version it says.
        found: u32,
    },
    /// A list has more members than a report has.
    #[error("{found} {list} are more than the {most} of a report")]
    TooMany {
        /// Which list.
        list: &'static str,
        /// Its members.
        found: usize,
        /// The most that it may have.
        most: usize,
    },
    /// A text is longer than a report's.
    #[error("a text of {bytes} bytes is longer than a report's")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A finding is of a row that is nothing to mend, or less urgent than its row.
    #[error("a finding of the row {row} cannot be {priority:?}")]
    Priority {
        /// The row.
        row: Row,
        /// The priority that it says.
        priority: Priority,
    },
}

impl OverlayReport {
    const VERSION: u32 = 1;

    /// A report of a device in this state, by this policy, that has found nothing yet.
    #[must_use]
    pub fn new(lockdown: &LockdownRecord, policy_digest: Sha256Digest) -> Self {
        let history = lockdown.history();
        Self {
            lockdown: lockdown.state(),
            since: lockdown.since(),
            expires: lockdown.expires(),
            policy_digest,
            seal_digest: lockdown.seal(),
            checked_entries: 0,
            checked_constraints: 0,
            findings: Vec::new(),
            not_checked: Vec::new(),
            omitted: 0,
            transitions: history[history.len().saturating_sub(MAX_TRANSITIONS)..].to_vec(),
        }
    }

    /// The same report with what was found in so many entries and constraints.
    #[must_use]
    pub fn with_results(
        mut self,
        checked_entries: u64,
        checked_constraints: u64,
        findings: impl IntoIterator<Item = OverlayFinding>,
        not_checked: impl IntoIterator<Item = NotLookedAt>,
    ) -> Self {
        self.checked_entries = checked_entries;
        self.checked_constraints = checked_constraints;
        self.findings.extend(findings);
        self.not_checked.extend(not_checked);
        self.findings.sort();
        self.findings.dedup();
        self.not_checked.sort();
        self.not_checked.dedup();
        for left in [
            self.findings.len().saturating_sub(MAX_FINDINGS),
            self.not_checked.len().saturating_sub(MAX_FINDINGS),
        ] {
            self.omitted = self.omitted.saturating_add(u64::try_from(left).unwrap_or(u64::MAX));
        }
        self.findings.truncate(MAX_FINDINGS);
        self.not_checked.truncate(MAX_FINDINGS);
        self
    }

    /// Whether the overlay is as it must be, as far as the device looked: it looked at all, is Locked under a seal,
    /// and found nothing wrong and nothing that it could not check.
    #[must_use]
    pub fn compliant(&self) -> bool {
        self.lockdown == LockdownState::Locked
            && self.seal_digest.is_some()
            && self.checked_entries + self.checked_constraints > 0
            && self.findings.is_empty()
            && self.not_checked.is_empty()
            && self.omitted == 0
    }

    /// The findings by cause, the most urgent cause first. One cause makes one incident, whose row is the leading
    /// finding's; the others are told in it.
    #[must_use]
    pub fn causes(&self) -> Vec<CauseGroup<'_>> {
        let mut causes: Vec<CauseGroup<'_>> = Vec::new();
        for finding in &self.findings {
            match causes.iter_mut().find(|cause| cause.subject == finding.subject) {
                Some(cause) => cause.findings.push(finding),
                None => causes.push(CauseGroup {
                    subject: &finding.subject,
                    leading: finding,
                    findings: vec![finding],
                }),
            }
        }
        causes
    }

    /// The most urgent priority, if anything is wrong.
    #[must_use]
    pub fn priority(&self) -> Option<Priority> {
        self.findings.iter().map(|finding| finding.priority).min()
    }
}

impl OverlayFinding {
    /// A finding as urgent as its row. None for a row with nothing to mend.
    pub fn new(
        row: Row,
        subject: impl AsRef<str>,
        value: Option<&str>,
        detail: impl AsRef<str>,
        rule: impl AsRef<str>,
        advice: impl AsRef<str>,
    ) -> Option<Self> {
        Some(Self {
            priority: row.priority()?,
            row,
            subject: cut(subject.as_ref()),
            value: value.map(cut),
            detail: cut(detail.as_ref()),
            rule: cut(rule.as_ref()),
            advice: cut(advice.as_ref()),
        })
    }

    /// What is done at once: what the row says, but nothing about a mere warning, such as a certificate that is about to
    /// expire.
    #[must_use]
    pub fn automation(&self) -> &'static [Automation] {
        if Some(self.priority) == self.row.priority() { self.row.automation() } else { &[] }
    }

    /// What a constraint found. `Err` where it could not be checked.
    ///
    /// # Errors
    /// [`NotLookedAt`], which is not a fault but the other kind of answer.
    pub fn of_constraint(finding: &Finding) -> Result<Self, NotLookedAt> {
        let subject = cut(&finding.place().to_string());
        match finding.outcome() {
            Outcome::NotChecked(reason) => Err(NotLookedAt::new(subject, reason.to_string())),
            Outcome::Violated(violation) => Ok(Self {
                priority: finding.priority(),
                row: violation.row(),
                subject,
                value: finding.value().map(cut),
                detail: cut(&violation.to_string()),
                rule: cut(finding.rule()),
                advice: cut(finding.advice()),
            }),
        }
    }
}

impl NotLookedAt {
    /// That something could not be checked, and why.
    pub fn new(subject: impl AsRef<str>, reason: impl AsRef<str>) -> Self {
        Self { subject: cut(subject.as_ref()), reason: cut(reason.as_ref()) }
    }
}

impl TryFrom<Wire> for OverlayReport {
    type Error = OverlayReportError;

    fn try_from(wire: Wire) -> Result<Self, OverlayReportError> {
        if wire.version != Self::VERSION {
            return Err(OverlayReportError::Version { found: wire.version });
        }
        for (list, found, most) in [
            ("findings", wire.findings.len(), MAX_FINDINGS),
            ("things not checked", wire.not_checked.len(), MAX_FINDINGS),
            ("transitions", wire.transitions.len(), MAX_TRANSITIONS),
        ] {
            if found > most {
                return Err(OverlayReportError::TooMany { list, found, most });
            }
        }
        for finding in &wire.findings {
            let OverlayFinding { priority, row, subject, value, detail, rule, advice } = finding;
            let least = match row {
                Row::Certificate => Some(Priority::P3),
                other => other.priority(),
            };
            if row.priority().is_none_or(|most| *priority < most)
                || least.is_none_or(|least| *priority > least)
            {
                return Err(OverlayReportError::Priority { row: *row, priority: *priority });
            }
            for text in [subject, detail, rule, advice].into_iter().chain(value) {
                check_length(text, MAX_TEXT_BYTES)?;
            }
        }
        for transition in &wire.transitions {
            let Cause::Command { id, signer, operator, justification, change_request } = &transition.cause
            else {
                continue;
            };
            for text in [id, signer, operator, justification, change_request] {
                check_length(text, command::MAX_TEXT_BYTES)?;
            }
        }
        for NotLookedAt { subject, reason } in &wire.not_checked {
            check_length(subject, MAX_TEXT_BYTES)?;
            check_length(reason, MAX_TEXT_BYTES)?;
        }
        Ok(Self {
            lockdown: wire.lockdown,
            since: wire.since,
            expires: wire.expires,
            policy_digest: wire.policy_digest,
            seal_digest: wire.seal_digest,
            checked_entries: wire.checked_entries,
            checked_constraints: wire.checked_constraints,
            findings: wire.findings,
            not_checked: wire.not_checked,
            omitted: wire.omitted,
            transitions: wire.transitions,
        })
    }
}

impl From<OverlayReport> for Wire {
    fn from(report: OverlayReport) -> Self {
        Self {
            version: OverlayReport::VERSION,
            lockdown: report.lockdown,
            since: report.since,
            expires: report.expires,
            policy_digest: report.policy_digest,
            seal_digest: report.seal_digest,
            checked_entries: report.checked_entries,
            checked_constraints: report.checked_constraints,
            findings: report.findings,
            not_checked: report.not_checked,
            omitted: report.omitted,
            transitions: report.transitions,
        }
    }
}

fn check_length(text: &str, most: usize) -> Result<(), OverlayReportError> {
    if text.len() > most { Err(OverlayReportError::TooLong { bytes: text.len() }) } else { Ok(()) }
}

fn cut(text: &str) -> String {
    const MARK: &str = "…";
    if text.len() <= MAX_TEXT_BYTES {
        return text.to_owned();
    }
    format!("{}{MARK}", &text[..text.floor_char_boundary(MAX_TEXT_BYTES - MARK.len())])
}

#[cfg(test)]
mod tests;
