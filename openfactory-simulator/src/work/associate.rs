//! Relating configuration items to a change.

use serde_json::json;

use super::{Association, Report, services};
use crate::refusal::Refusal;
use crate::store::Session;
use crate::write::{self, Writer, input::Input};

/// Relates what there is and is not related yet; tells of the others. If nothing of it exists, it has
/// failed, unless a switch says otherwise.
pub(super) fn perform(
    session: &Session<'_>,
    writer: &Writer<'_>,
    change: &str,
    association: Association,
    items: &[String],
    refresh: bool,
) -> Result<Report, Refusal> {
    let mut report = Report::default();
    if session.find("change_request", change)?.is_none() {
        let errors = vec!["Invalid Change sys_id provided".to_owned()];
        return Ok(Report { failed: true, errors, ..report });
    }
    let (table, field) = association.place();
    let mut ignored = Vec::new();
    for id in items {
        let there = session.by(table, "task", change)?;
        if session.find("cmdb_ci", id)?.is_none() {
            report.warnings.push(format!("Invalid CMDB_CI sys_id provided: {id}"));
            ignored.push(id);
        } else if there.iter().any(|row| row.value(field) == id) {
            report.infos.push(format!("CMDB_CI sys_id already associated to provided change: {id}"));
            ignored.push(id);
        } else {
            let input = Input::of([("task", change), (field, id), ("manually_added", "true")]);
            write::create(session, writer, table, &input)?;
        }
    }
    if report.warnings.len() == items.len() && !session.switches.workers_without_items_are_done {
        report.failed = true;
        report.errors = std::mem::take(&mut report.warnings);
    }
    if refresh && association == Association::Affected && !report.failed {
        report.infos.extend(services::perform(session, writer, change)?.infos);
    }
    if !ignored.is_empty() {
        report.payload = Some(json!({ "ignored_cmdb_ci_sys_ids": ignored }));
    }
    Ok(report)
}
