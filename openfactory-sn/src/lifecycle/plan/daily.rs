//! The daily report of a fleet: one incident, with what has none of its own.

use std::fmt::Write as _;

use super::Desk;
use super::operation::{File, Operation};
use crate::lifecycle::correlation;
use crate::lifecycle::event::fleet::DayReported;
use crate::lifecycle::mapping::Role;
use crate::lifecycle::priority::Priority;

/// Findings that the description lists; the attached report has the rest.
const LISTED: usize = 20;

pub(super) fn reported(desk: &Desk<'_>, body: &DayReported) -> Vec<Operation> {
    let (mapping, priority) = (desk.mapping, Priority::P4);
    let (fleet, date, minor) = (&body.fleet, body.date(), &body.minor);
    let record = desk.incident(&correlation::daily(fleet, &date));
    let total = u64::try_from(minor.findings.len()).unwrap_or(u64::MAX).saturating_add(minor.left_out);
    let mut description =
        format!("On {date} (UTC), {total} deviation(s) were found that call for nothing now.");
    for found in minor.findings.iter().take(LISTED) {
        let finding = &found.finding;
        // Writing to a String does not fail.
        let _ = write!(
            description,
            "\n- device {}: {} ({}): {}",
            found.device, finding.path, finding.kind, finding.class
        );
    }
    let more = total.saturating_sub(LISTED as u64);
    if more > 0 {
        let _ = write!(description, "\n... and {more} more.");
    }
    let values = desk
        .identified(&record)
        .text("short_description", format!("{priority}: daily report of fleet {fleet}, {date}"))
        .text("description", description)
        .text("category", &mapping.incident.category)
        .text("impact", priority.of_incident().impact().to_string())
        .text("urgency", priority.of_incident().urgency().to_string())
        .text("due_date", super::cmdb::date_time(priority.due(desk.event.time)))
        .lookup("caller_id", &mapping.tables.user, "user_name", &mapping.incident.caller)
        .lookup("assignment_group", &mapping.tables.group, "name", mapping.groups.role(Role::Operations));
    let mut operations = vec![Operation::Create { record: record.clone(), values }];
    if let Ok(report) = serde_json::to_vec_pretty(body) {
        let file = File::new("daily-report.json", "application/json", report);
        operations.push(Operation::Attach { record, file });
    }
    operations
}
