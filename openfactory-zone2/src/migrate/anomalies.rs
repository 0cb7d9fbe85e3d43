//! Fourth phase: what Zone 2 never holds, and what the new manifest doesn't allow.

use super::{Failure, Phase};
use crate::policy::{EntryKind, PathRule};
use crate::scan::{Found, Kind, Scan, device_bytes, device_path};
use crate::violation::Row;
use crate::{Manifest, check};

/// The largest file without a rule that is copied, in bytes.
const MAX_WITHOUT_RULE: u64 = 64 << 20;

/// Files that are larger than they may be, found before anything is copied: a copy of such a file may fill the disk.
pub(super) fn oversized(scan: &Scan, manifest: &Manifest) -> Vec<Failure> {
    let larger = |found: &&Found| {
        let Kind::File { size, .. } = found.kind else { return false };
        let rule = manifest.rule_for(&device_bytes(&found.path), EntryKind::File);
        size > rule.and_then(PathRule::max_size).unwrap_or(MAX_WITHOUT_RULE)
    };
    let failure = |found: &Found| {
        Failure::new(Phase::Anomalies, device_path(&found.path), "it is larger than it may be")
            .with_row(Row::SchemaTransform)
    };
    scan.entries.iter().filter(larger).map(failure).collect()
}

/// Every anomaly. An executable, by mode, magic, interpreter line, set-id bit or capabilities, and a device node are the
/// guide's "unexpected binary", P1; all else is a file that the new base doesn't know: P2 as a failed schema.
pub(super) fn find(scan: &Scan, manifest: &Manifest) -> Vec<Failure> {
    let mut failures: Vec<Failure> = scan
        .entries
        .iter()
        .filter(|found| matches!(found.kind, Kind::CharDevice | Kind::BlockDevice))
        .map(|found| Failure::new(Phase::Anomalies, device_path(&found.path), "a device node"))
        .collect();
    // What hides something of the base was judged before.
    let judged = |path: &str| {
        scan.entries.iter().any(|found| found.kind == Kind::Whiteout && device_path(&found.path) == path)
    };
    let results = check::manifest(scan, manifest);
    for finding in results.findings {
        if finding.row == Row::OutsideManifest && judged(&finding.subject) {
            continue;
        }
        let row = match finding.row {
            Row::Executable => Row::UnexpectedBinary,
            _ => Row::SchemaTransform,
        };
        if !failures.iter().any(|failure| failure.path == finding.subject) {
            failures.push(Failure::new(Phase::Anomalies, finding.subject, finding.detail).with_row(row));
        }
    }
    for unread in results.not_checked {
        let failure = Failure::new(Phase::Anomalies, unread.subject, unread.reason);
        failures.push(failure.with_row(Row::SchemaTransform));
    }
    failures
}
