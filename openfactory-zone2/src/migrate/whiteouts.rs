//! First phase: does something that was once removed hide what the new base brings?

use std::collections::BTreeMap;

use openfactory_attest::Manifest;
use openfactory_attest::manifest::{EntryKind, TreePath};

use super::{Decision, Failure, PathDecision, Phase, Plan};
use crate::scan::{Found, Kind, Scan, device_path};

/// What a directory's attribute says that hides all of the base below it, and the same of a user's overlay.
const OPAQUE: [&[u8]; 2] = [b"trusted.overlay.opaque", b"user.overlay.opaque"];

/// What leads to a place of the old base, whose meaning on another base nobody knows.
const TIED: [&[u8]; 4] = [
    b"trusted.overlay.redirect",
    b"user.overlay.redirect",
    b"trusted.overlay.metacopy",
    b"user.overlay.metacopy",
];

/// What becomes of each whiteout, and which of them stand in the way.
///
/// | the old base has there | the new base has there | |
/// |---|---|---|
/// | anything | nothing | it hides nothing: dropped |
/// | the very same | the very same | whoever removed it removed this: kept |
/// | another, or nothing | something | stale: what the plan says, else a conflict |
///
/// An opaque directory is judged by all that the bases have below it. Attributes by which an entry is tied to the old
/// base (`redirect`, `metacopy`) are conflicts: what they would show of the new base is undefined.
#[must_use]
pub fn judge(scan: &Scan, old: &Manifest, new: &Manifest, plan: &Plan) -> (Vec<PathDecision>, Vec<Failure>) {
    let rules: BTreeMap<_, _> = plan.whiteouts.iter().map(|rule| (&rule.path, rule.keep)).collect();
    let (mut decisions, mut failures) = (Vec::new(), Vec::new());
    for found in &scan.entries {
        let name = |xattr: &&crate::scan::Xattr| TIED.contains(&xattr.name.as_slice());
        if let Some(tied) = found.xattrs.iter().find(name) {
            let reason = format!("{} ties it to the old base", tied.name.escape_ascii());
            failures.push(Failure::new(Phase::Whiteouts, device_path(&found.path), reason));
            decisions.push(PathDecision::new(&found.path, Phase::Whiteouts, Decision::Conflict));
            continue;
        }
        let Some(hidden) = hidden(found, old, new) else { continue };
        let decision = match (hidden, rules.get(&found.path)) {
            (Hidden::Nothing, _) | (Hidden::Stale, Some(false)) => Decision::Drop,
            (Hidden::Same, _) | (Hidden::Stale, Some(true)) => Decision::Keep,
            (Hidden::Stale, None) => {
                let reason = "it hides what the new base brings, and was there before".to_owned();
                failures.push(Failure::new(Phase::Whiteouts, device_path(&found.path), reason));
                Decision::Conflict
            }
        };
        decisions.push(PathDecision::new(&found.path, Phase::Whiteouts, decision));
    }
    (decisions, failures)
}

/// Whether an entry hides something of the base, as a whiteout or an opaque directory.
pub(super) fn is_whiteout(found: &Found) -> bool {
    found.kind == Kind::Whiteout || is_opaque(found)
}

fn is_opaque(found: &Found) -> bool {
    found.kind == Kind::Directory && found.xattrs.iter().any(|xattr| OPAQUE.contains(&xattr.name.as_slice()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hidden {
    Nothing,
    Same,
    Stale,
}

/// What an entry hides of the new base; none if it is nothing that hides.
fn hidden(found: &Found, old: &Manifest, new: &Manifest) -> Option<Hidden> {
    if !is_whiteout(found) {
        return None;
    }
    let at = |base: &Manifest| entries_at(base, &found.path, is_opaque(found));
    let (old, new) = (at(old), at(new));
    Some(if new.is_empty() {
        Hidden::Nothing
    } else if old == new {
        Hidden::Same
    } else {
        Hidden::Stale
    })
}

/// What a base has at a path and below it; of an opaque directory only what is below, since the directory itself stays.
fn entries_at(base: &Manifest, path: &TreePath, below_alone: bool) -> Vec<(TreePath, EntryKind)> {
    let within = |other: &TreePath| {
        let rest = other.as_bytes().strip_prefix(path.as_bytes());
        rest.is_some_and(|rest| (rest.is_empty() && !below_alone) || rest.starts_with(b"/"))
    };
    let entries = base.entries().filter(|entry| within(&entry.path));
    entries.map(|entry| (entry.path, entry.kind)).collect()
}
