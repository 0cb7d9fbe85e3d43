//! Fifth phase: do certificates chain to the new base's issuers, do values keep the new constraints?

use std::time::SystemTime;

use super::{Failure, Phase};
use crate::constraint::{CaSet, Constraint, Rule};
use crate::overlay_report::OverlayFinding;
use crate::place::{Place, Source};
use crate::value::{MAX_FILE_BYTES, Observed, ReadFiles};
use crate::violation::Row;

/// Everything that does not hold on the new base. Facts of the running device are asked after its boot.
pub(super) fn check<'c>(
    constraints: impl Iterator<Item = &'c Constraint>,
    anchors: Option<&CaSet>,
    files: &dyn ReadFiles,
    now: SystemTime,
    mut observe: impl FnMut(&Place) -> Observed,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    for constraint in constraints {
        let place = constraint.place();
        let Source::File { path, .. } = place.source() else { continue };
        if let (Rule::Certificate(_), Some(anchors)) = (constraint.rule(), anchors)
            && let Ok(Some(bytes)) = files.read(path, MAX_FILE_BYTES)
            && let Err(broken) = anchors.verify(&bytes, now)
        {
            failures.push(Failure::new(Phase::Integrity, path, broken.to_string()));
        }
        let live = |place: &Place| !matches!(place.source(), Source::File { .. });
        if let Rule::Equal(rule) = constraint.rule()
            && live(rule.to())
        {
            continue;
        }
        for finding in constraint.look(now, &mut observe) {
            let failure = match OverlayFinding::of_constraint(&finding) {
                // What only is about to expire stops nothing.
                Ok(found) if finding.priority() > found.row.priority().unwrap_or(finding.priority()) => {
                    continue;
                }
                Ok(found) => {
                    let row = match found.row {
                        Row::Certificate | Row::KeyUsage => Row::BrokenChain,
                        _ => Row::SchemaTransform,
                    };
                    Failure::new(Phase::Integrity, found.subject, found.detail).with_row(row)
                }
                Err(unchecked) => Failure::new(Phase::Integrity, unchecked.subject, unchecked.reason)
                    .with_row(Row::SchemaTransform),
            };
            failures.push(failure);
        }
    }
    failures
}
