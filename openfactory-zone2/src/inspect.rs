//! All checks of a device's overlay together: from what is there to what is reported.

use std::time::SystemTime;

use openfactory_attest::Sha256Digest;

use crate::check::{self, Results};
use crate::lockdown::{LockdownRecord, LockdownState};
use crate::overlay_report::{NotLookedAt, OverlayReport};
use crate::place::Place;
use crate::policy::Policy;
use crate::scan::Scan;
use crate::seal::Seal;
use crate::value::Observed;

/// What a device remembers of its overlay, beside what is there now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Remembered<'d> {
    /// Its lockdown record.
    pub lockdown: &'d LockdownRecord,
    /// Why the record is not the stored one, if it was lost.
    pub lost: Option<String>,
    /// The seal that it keeps.
    pub seal: KeptSeal<'d>,
}

/// The seal that a device keeps.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeptSeal<'d> {
    /// There is none: the device was never locked.
    None,
    /// There should be one, and it can't be read or isn't believed, with the reason.
    Unusable(String),
    /// An opened one, and the digest of its signed payload.
    Opened(&'d Seal, Sha256Digest),
}

impl<'d> Remembered<'d> {
    /// A record that was read, and the seal beside it.
    #[must_use]
    pub const fn new(lockdown: &'d LockdownRecord, seal: KeptSeal<'d>) -> Self {
        Self { lockdown, lost: None, seal }
    }

    /// The same, but that the record stands in for one that was lost.
    #[must_use]
    pub fn lost(self, reason: impl Into<String>) -> Self {
        Self { lost: Some(reason.into()), ..self }
    }
}

/// Holds what a scan found, and the values that `observe` finds, against policy, seal and lockdown, as of `now`.
///
/// While Locked, Zone 2, and the policy itself, are held against the seal that the record names; without that very seal it is not checked, which
/// is not compliant. While it is open there is nothing to hold it against but the policy.
///
/// ```
/// use std::time::SystemTime;
/// use openfactory_zone2::inspect::{KeptSeal, Remembered, inspect};
/// use openfactory_zone2::{LockdownRecord, Observed, policy::Policy, scan::Scan};
///
/// let policy = Policy::parse(br#"{"version": 1, "paths": []}"#, br#"{"version": 1, "constraints": []}"#)?;
/// let now = SystemTime::now();
/// let born = LockdownRecord::born(now);
/// let report = inspect(&Scan::default(), &policy, &Remembered::new(&born, KeptSeal::None), now, |_| Observed::Absent);
/// assert!(report.findings.is_empty() && !report.compliant());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn inspect(
    scan: &Scan,
    policy: &Policy,
    remembered: &Remembered<'_>,
    now: SystemTime,
    observe: impl FnMut(&Place) -> Observed,
) -> OverlayReport {
    let results = check::manifest(scan, &policy.manifest)
        .and(against_seal(scan, policy, remembered))
        .and(check::constraints(&policy.constraints, now, observe));
    let mut not_checked = results.not_checked;
    if let Some(reason) = &remembered.lost {
        not_checked.push(NotLookedAt::new("lockdown", reason));
    }
    let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
    OverlayReport::new(remembered.lockdown, policy.digest).with_results(
        count(scan.entries.len()),
        count(policy.constraints.iter().len()),
        results.findings,
        not_checked,
    )
}

fn against_seal(scan: &Scan, policy: &Policy, remembered: &Remembered<'_>) -> Results {
    if remembered.lockdown.state() != LockdownState::Locked {
        return Results::default();
    }
    let reason = match (&remembered.seal, remembered.lockdown.seal()) {
        (KeptSeal::Opened(seal, digest), Some(named)) if *digest == named => {
            return check::seal(scan, seal).and(check::policy(policy, seal));
        }
        (KeptSeal::Opened(_, digest), Some(named)) => {
            format!("the seal that is kept, {digest}, is not the one that holds, {named}")
        }
        (KeptSeal::Opened(..), None) => "the lockdown record names no seal".to_owned(),
        (KeptSeal::Unusable(reason), _) => reason.clone(),
        (KeptSeal::None, _) => "there is no seal".to_owned(),
    };
    Results { findings: Vec::new(), not_checked: vec![NotLookedAt::new("seal", reason)] }
}
