//! From what was found to what is wrong: a scan against the manifest and the seal, values against the constraints.

use std::time::SystemTime;

use crate::overlay_report::{NotLookedAt, OverlayFinding};
use crate::place::Place;
use crate::policy::{Owner, PathRule, Policy};
use crate::scan::{Found, Kind, Scan, device_bytes, device_path};
use crate::seal::{Seal, SealDifference};
use crate::value::Observed;
use crate::violation::Row;
use crate::{Constraints, Manifest};

/// What is wrong, and what nobody could look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Results {
    /// What is wrong.
    pub findings: Vec<OverlayFinding>,
    /// What could not be checked.
    pub not_checked: Vec<NotLookedAt>,
}

impl Results {
    /// These results and those.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.findings.extend(other.findings);
        self.not_checked.extend(other.not_checked);
        self
    }
}

/// Holds a scan against the manifest: what no rule allows, what can be run, what has another owner or mode or is
/// larger than its rule says (integration guide, "Unauthorized Zone 2 Modification").
#[must_use]
pub fn manifest(scan: &Scan, manifest: &Manifest) -> Results {
    let findings = scan.entries.iter().flat_map(|found| {
        let kind = found.kind.in_policy();
        let rule = kind.and_then(|kind| manifest.rule_for(&device_bytes(&found.path), kind));
        executable(found).into_iter().chain(match rule {
            Some(rule) => against_rule(found, rule),
            None => unmanifested(found).into_iter().collect(),
        })
    });
    Results { findings: findings.collect(), not_checked: unread(scan) }
}

/// Holds a scan against the seal: each difference is a P1 (integration guide, same table).
#[must_use]
pub fn seal(scan: &Scan, seal: &Seal) -> Results {
    let check = seal.check(scan);
    let findings = check.differences.iter().filter_map(tampered).collect();
    Results { findings, not_checked: unread(scan) }
}

/// Holds the policy against the seal: the one under which Zone 2 was sealed is the one that counts until the next signed
/// lock. Whoever can write the policy's files could else allow what he has done.
#[must_use]
pub fn policy(policy: &Policy, seal: &Seal) -> Results {
    let sealed = seal.binding().policy_digest;
    let finding = (policy.digest != sealed).then(|| {
        OverlayFinding::new(
            Row::HashMismatch,
            "policy",
            None,
            format!("the policy in force is {}, sealed was {sealed}", policy.digest),
            "while locked, the policy is the one that was sealed",
            "put the sealed policy back; another one counts from the next signed lock on",
        )
    });
    Results { findings: finding.flatten().into_iter().collect(), not_checked: Vec::new() }
}

/// Holds the values that `observe` finds against the constraints, as of `now` (integration guide, "Zone 2
/// Constraint Violations").
pub fn constraints(
    constraints: &Constraints,
    now: SystemTime,
    mut observe: impl FnMut(&Place) -> Observed,
) -> Results {
    let mut results = Results::default();
    for constraint in constraints {
        for finding in constraint.look(now, &mut observe) {
            match OverlayFinding::of_constraint(&finding) {
                Ok(finding) => results.findings.push(finding),
                Err(not_checked) => results.not_checked.push(not_checked),
            }
        }
    }
    results
}

fn unread(scan: &Scan) -> Vec<NotLookedAt> {
    scan.unread.iter().map(|unread| NotLookedAt::new(device_path(&unread.path), &unread.reason)).collect()
}

fn executable(found: &Found) -> Option<OverlayFinding> {
    let Kind::File { executable, digest, .. } = &found.kind else { return None };
    if executable.is_empty() {
        return None;
    }
    let signs: Vec<_> = executable.iter().map(ToString::to_string).collect();
    let digest = digest.map_or_else(|| "not hashed".to_owned(), |digest| format!("sha256 {digest}"));
    OverlayFinding::new(
        Row::Executable,
        device_path(&found.path),
        None,
        format!("can be run ({}), {digest}", signs.join(", ")),
        "zone 2 holds no executables",
        "find out who put it there and when; rebuild the device from a verified image",
    )
}

fn unmanifested(found: &Found) -> Option<OverlayFinding> {
    OverlayFinding::new(
        Row::OutsideManifest,
        device_path(&found.path),
        None,
        format!("a {} that no rule allows", found.kind.name()),
        "zone 2 holds only what its manifest allows",
        "remove it, or add a rule for it to the manifest of the next build",
    )
}

fn against_rule(found: &Found, rule: &PathRule) -> Vec<OverlayFinding> {
    let finding = |value: String, detail: String| {
        OverlayFinding::new(
            Row::OutsideManifest,
            device_path(&found.path),
            Some(&value),
            detail,
            format!("the manifest's rule for {}", rule.path()),
            "set it right by the manifest, or change the rule in the next build",
        )
    };
    let owner = |owner: Owner| format!("{}:{}", owner.uid, owner.gid);
    let mut findings = Vec::new();
    if found.owner != rule.owner() {
        let detail = format!("owner must be {}", owner(rule.owner()));
        findings.extend(finding(owner(found.owner), detail));
    }
    if let Some(mode) = rule.mode()
        && mode != found.mode
    {
        findings.extend(finding(format!("{:04o}", found.mode), format!("mode must be {mode:04o}")));
    }
    if let (Kind::File { size, .. }, Some(most)) = (&found.kind, rule.max_size())
        && *size > most
    {
        findings.extend(finding(format!("{size} bytes"), format!("may have at most {most} bytes")));
    }
    findings
}

fn tampered(difference: &SealDifference) -> Option<OverlayFinding> {
    let changes: Vec<_> = difference.changes.iter().map(ToString::to_string).collect();
    OverlayFinding::new(
        Row::HashMismatch,
        device_path(&difference.path),
        None,
        changes.join("; "),
        "while locked, zone 2 is as it was sealed",
        "take the device off the network; compare with the seal; provision it anew",
    )
}
