//! The five phases over a copy, one after the other; the first that fails is the last.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use openfactory_attest::manifest::TreePath;
use rustix::fs::{Gid, Uid};

use super::run::{NewBase, failed};
use super::{
    Decision, Failure, MigrateError, MigrationReport, Move, PathDecision, Phase, anomalies, integrity,
    relocate, schema, whiteouts,
};
use crate::device::Zone;
use crate::live::FixedFacts;
use crate::policy::{EntryKind, Policy};
use crate::scan::{Kind, Scan, device_path};
use crate::value::Observer;

/// Everything in a Zone 2, as the new policy sees it.
pub(super) fn scan(root: &Path, policy: &Policy) -> Result<Scan, MigrateError> {
    let zone = Zone::open(root).map_err(|source| failed("open", root, source))?;
    Ok(zone.scan(&policy.manifest))
}

pub(super) fn perform(
    root: &Path,
    base: &NewBase<'_>,
    now: SystemTime,
    report: &mut MigrationReport,
    step: &mut dyn FnMut(&'static str) -> Result<(), MigrateError>,
) -> Result<(), MigrateError> {
    let begun = scan(root, base.policy)?;
    report.decisions = begun
        .entries
        .iter()
        .map(|found| PathDecision::new(&found.path, Phase::Whiteouts, Decision::Keep))
        .collect();
    for phase in Phase::ALL {
        report.last = phase;
        step(phase.as_str())?;
        report.failures = match phase {
            Phase::Whiteouts => hidden(root, base, report, &begun)?,
            Phase::Schema => forms(root, base, report)?,
            Phase::Relocation => moves(root, base, report)?,
            Phase::Anomalies => anomalies::find(&scan(root, base.policy)?, &base.policy.manifest),
            Phase::Integrity => {
                let zone = Zone::open(root).map_err(|source| failed("open", root, source))?;
                let facts = FixedFacts::new();
                let mut observer = Observer::new(&zone, &facts);
                let look = |place: &crate::place::Place| observer.observe(place);
                integrity::check(base.policy.constraints.iter(), base.anchors, &zone, now, look)
            }
        };
        for failure in &report.failures {
            decide(report_of(&mut report.decisions, &failure.path), phase, Decision::Conflict);
        }
        if !report.failures.is_empty() {
            return Ok(());
        }
    }
    Ok(())
}

fn report_of<'r>(decisions: &'r mut [PathDecision], path: &str) -> Option<&'r mut PathDecision> {
    decisions.iter_mut().find(|decision| decision.path == path || decision.to.as_deref() == Some(path))
}

fn decide(of: Option<&mut PathDecision>, phase: Phase, decision: Decision) {
    if let Some(of) = of {
        (of.phase, of.decision) = (phase, decision);
    }
}

fn hidden(
    root: &Path,
    base: &NewBase<'_>,
    report: &mut MigrationReport,
    begun: &Scan,
) -> Result<Vec<Failure>, MigrateError> {
    let (decisions, failures) = whiteouts::judge(begun, base.old, base.new, base.plan);
    if failures.is_empty() {
        for found in begun.entries.iter().filter(|found| whiteouts::is_whiteout(found)) {
            let dropped = |decision: &PathDecision| decision.decision == Decision::Drop;
            if !decisions
                .iter()
                .any(|decision| decision.path == device_path(&found.path) && dropped(decision))
            {
                continue;
            }
            let path = found.path.below(root);
            if found.kind == Kind::Whiteout {
                fs::remove_file(&path).map_err(|source| failed("remove", &path, source))?;
            } else {
                for name in ["trusted.overlay.opaque", "user.overlay.opaque"] {
                    match rustix::fs::lremovexattr(&path, name) {
                        Ok(()) | Err(rustix::io::Errno::NODATA | rustix::io::Errno::NOTSUP) => {}
                        Err(errno) => return Err(failed("open up", &path, errno.into())),
                    }
                }
            }
        }
    }
    for decision in decisions {
        if let Some(of) = report_of(&mut report.decisions, &decision.path) {
            *of = decision;
        }
    }
    Ok(failures)
}

fn forms(
    root: &Path,
    base: &NewBase<'_>,
    report: &mut MigrationReport,
) -> Result<Vec<Failure>, MigrateError> {
    let zone = Zone::open(root).map_err(|source| failed("open", root, source))?;
    let (mut failures, mut wanted) = (Vec::new(), Vec::new());
    for transform in base.plan.transforms() {
        match schema::judge(&zone, transform) {
            Ok(Some((content, changed))) => wanted.push((transform, content, changed)),
            Ok(None) => {}
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() {
        for (transform, content, changed) in wanted {
            let path = transform.file.below(root);
            schema::write(root, transform, &content).map_err(|source| failed("write", &path, source))?;
            let of = report_of(&mut report.decisions, &device_path(&transform.file));
            if let Some(of) = of {
                (of.phase, of.decision, of.changed) = (Phase::Schema, Decision::Merge, changed);
            }
        }
    }
    Ok(failures)
}

fn moves(
    root: &Path,
    base: &NewBase<'_>,
    report: &mut MigrationReport,
) -> Result<Vec<Failure>, MigrateError> {
    let (wanted, failures) = relocate::judge(&scan(root, base.policy)?, base.plan.relocations());
    if failures.is_empty() {
        for moved in &wanted {
            make_way(root, base, moved)?;
            let (from, to) = (moved.from.below(root), moved.to.below(root));
            fs::rename(&from, &to).map_err(|source| failed("move", &from, source))?;
            for decision in &mut report.decisions {
                let now = decision.to.as_deref().unwrap_or(&decision.path);
                let Some(now) = now.strip_prefix('/').and_then(|path| TreePath::new(path).ok()) else {
                    continue;
                };
                let to =
                    relocate::within(&now, &moved.from).and_then(|rest| relocate::rebased(&moved.to, rest));
                if let Some(to) = to {
                    (decision.phase, decision.decision) = (Phase::Relocation, Decision::Merge);
                    decision.to = Some(device_path(&to));
                }
            }
        }
    }
    Ok(failures)
}

/// Makes the directories above a new place, as the new manifest wants them.
fn make_way(root: &Path, base: &NewBase<'_>, moved: &Move) -> Result<(), MigrateError> {
    let mut missing = Vec::new();
    let mut above = moved.to.parent();
    while let Some(directory) = above.filter(|directory| !directory.is_root()) {
        if fs::symlink_metadata(directory.below(root)).is_ok() {
            break;
        }
        above = directory.parent();
        missing.push(directory);
    }
    for directory in missing.into_iter().rev() {
        let path = directory.below(root);
        fs::create_dir(&path).map_err(|source| failed("create", &path, source))?;
        let rule =
            base.policy.manifest.rule_for(&crate::scan::device_bytes(&directory), EntryKind::Directory);
        if let Some(rule) = rule {
            let owner = rule.owner();
            rustix::fs::chown(&path, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))
                .map_err(|errno| failed("give", &path, errno.into()))?;
            let mode = rustix::fs::Mode::from_raw_mode(rule.mode().unwrap_or(0o755));
            rustix::fs::chmod(&path, mode).map_err(|errno| failed("set the mode of", &path, errno.into()))?;
        }
    }
    Ok(())
}
