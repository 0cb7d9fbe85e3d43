//! Stages 5 and 6: a deviation becomes an incident with its evidence, and stands in CMDB and compliance items.

use std::fmt::Write as _;

use super::Desk;
use super::cmdb::Subject;
use super::operation::{File, Operation, RecordKey, Values};
use super::text::clip;
use crate::id::CorrelationId;
use crate::lifecycle::event::device::{DeviceDrifted, DeviceUnattested, Unattested};
use crate::lifecycle::id::{BuildId, DeviceId};
use crate::lifecycle::mapping::Role;
use crate::lifecycle::priority::Priority;
use crate::lifecycle::timestamp;

/// Findings that the description lists; the attached report has the rest.
const LISTED: usize = 20;
/// The longest short description of an incident, in characters.
const SHORT_DESCRIPTION_LIMIT: usize = 160;

impl Desk<'_> {
    /// An incident of ours.
    pub(super) fn incident(&self, correlation: &CorrelationId) -> RecordKey {
        RecordKey::new(&self.mapping.tables.incident, correlation.clone())
    }
}

struct Case<'a> {
    device: &'a DeviceId,
    build: &'a BuildId,
    priority: Priority,
    role: Role,
    short_description: String,
    description: String,
}

fn incident_values(desk: &Desk<'_>, case: &Case<'_>, record: &RecordKey) -> Values {
    let (tables, incident) = (&desk.mapping.tables, &desk.mapping.incident);
    let found = desk.event.time;
    let respond_by = found.checked_add(case.priority.respond_within()).unwrap_or(found);
    let due = case.priority.due(found);
    let description = format!(
        "{}\n\nRespond by {}, resolve by {} ({}).",
        case.description,
        timestamp::format(respond_by),
        timestamp::format(due),
        case.priority.label(),
    );
    desk.identified(record)
        .text("short_description", clip(&case.short_description, SHORT_DESCRIPTION_LIMIT))
        .text("description", description)
        .text("category", &incident.category)
        .text("impact", case.priority.of_incident().impact().to_string())
        .text("urgency", case.priority.of_incident().urgency().to_string())
        .text("due_date", super::cmdb::date_time(due))
        .record("cmdb_ci", desk.device_item(case.device))
        .lookup("caller_id", &tables.user, "user_name", &incident.caller)
        .lookup("assignment_group", &tables.group, "name", desk.mapping.groups.role(case.role))
        .column(incident.build_column.as_ref(), case.build.as_str())
        .column(incident.device_column.as_ref(), case.device.as_str())
}

pub(super) fn drifted(desk: &Desk<'_>, body: &DeviceDrifted) -> Vec<Operation> {
    let record = desk.incident(&body.incident);
    let worst = body.findings.first();
    let short_description = format!(
        "{priority}: device {device} differs from build {build}: {first}{more}",
        priority = body.priority,
        device = body.device,
        build = body.build_id,
        first = worst.map_or("no finding listed", |finding| finding.path.as_str()),
        more = if body.findings_total > 1 {
            format!(" and {} more", body.findings_total - 1)
        } else {
            String::new()
        },
    );
    let mut description = format!(
        "Device {} reported {} deviation(s) from the signed manifest of build {} at {}.",
        body.device,
        body.findings_total,
        body.build_id,
        timestamp::format(body.reported_at),
    );
    for finding in body.findings.iter().take(LISTED) {
        // Writing to a String does not fail.
        let _ = write!(
            description,
            "\n- {} {} ({}): {}",
            finding.priority, finding.path, finding.kind, finding.class
        );
        if !finding.detail.is_empty() {
            let _ = write!(description, "; {}", finding.detail);
        }
    }
    if body.findings_total > LISTED.min(body.findings.len()) {
        let _ =
            write!(description, "\n... and {} more.", body.findings_total - LISTED.min(body.findings.len()));
    }
    let role = if body.priority == Priority::P1 { Role::Security } else { Role::Operations };
    let case = Case {
        device: &body.device,
        build: &body.build_id,
        priority: body.priority,
        role,
        short_description,
        description,
    };
    let mut operations =
        vec![Operation::Create { record: record.clone(), values: incident_values(desk, &case, &record) }];
    if let Ok(report) = serde_json::to_vec_pretty(body) {
        operations
            .push(Operation::Attach { record, file: File::new("drift.json", "application/json", report) });
    }
    operations.push(Operation::Update {
        record: desk.device_item(&body.device),
        values: desk.compliance_values(body.compliance),
    });
    operations.extend(desk.compliance_items(&Subject {
        device: &body.device,
        build: &body.build_id,
        result: "fail",
        statement: format!("{}\nIncident: {}", case.description, body.incident),
    }));
    operations
}

pub(super) fn unattested(desk: &Desk<'_>, body: &DeviceUnattested) -> Vec<Operation> {
    let record = desk.incident(&body.incident);
    let why = match &body.cause {
        Unattested::Refused { reason } => format!("its report was refused: {reason}"),
        Unattested::Silent { since } => format!("no report since {}", timestamp::format(*since)),
        Unattested::Unproved { order, since } => {
            format!("no report proves order {order}, performed at {}", timestamp::format(*since))
        }
    };
    let case = Case {
        device: &body.device,
        build: &body.build_id,
        priority: body.priority,
        role: Role::Operations,
        short_description: format!("{}: device {} is not attested: {why}", body.priority, body.device),
        description: format!(
            "Device {} does not prove that it runs build {} as it was built: {why}.",
            body.device, body.build_id
        ),
    };
    let mut operations =
        vec![Operation::Create { record: record.clone(), values: incident_values(desk, &case, &record) }];
    operations.push(Operation::Update {
        record: desk.device_item(&body.device),
        values: desk.compliance_values(body.compliance),
    });
    operations.extend(desk.compliance_items(&Subject {
        device: &body.device,
        build: &body.build_id,
        result: "not checked",
        statement: format!("{}\nIncident: {}", case.description, body.incident),
    }));
    operations
}
