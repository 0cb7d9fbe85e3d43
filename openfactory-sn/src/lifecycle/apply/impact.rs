//! What the CMDB says about the reach of some builds, beside what is known of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::super::id::{BuildId, DeviceId};
use super::super::impact::of_builds;
use super::super::plan::operation::RecordKey;
use super::Worker;
use super::error::Failure;

/// Differences that a note lists; the rest is counted.
const LISTED: usize = 50;

impl Worker<'_> {
    pub(super) async fn note_impact(
        &mut self,
        record: &RecordKey,
        known: &BTreeMap<BuildId, BTreeSet<DeviceId>>,
        type_name: &str,
        marker: &str,
    ) -> Result<(), Failure> {
        let builds = known.keys().cloned().collect();
        let found = of_builds(self.client, self.tables, type_name, builds).await?;
        let mut text = format!(
            "Impact analysis by the CMDB, over relations {type_name:?}: {} build(s) run on {} device(s).",
            found.builds.len(),
            found.devices().len()
        );
        let differences = found.differences(known);
        if differences.is_empty() {
            text.push_str("\nThe devices' own reports say the same.");
        }
        for difference in differences.iter().take(LISTED) {
            // Writing to a String does not fail.
            let _ = write!(text, "\n- {difference}");
        }
        if let Some(more) = differences.len().checked_sub(LISTED).filter(|more| *more > 0) {
            let _ = write!(text, "\n... and {more} more.");
        }
        self.note(record, &text, marker).await
    }
}
