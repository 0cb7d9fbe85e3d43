//! Stages 5 and 6: a deviation becomes an incident with its evidence, and stands in CMDB and compliance items.

use std::fmt::Write as _;

use openfactory_zone2 as zone2;

use super::Desk;
use super::cmdb::Subject;
use super::operation::{File, Operation, RecordKey, Values};
use super::text::clip;
use crate::id::CorrelationId;
use crate::lifecycle::event::device::{DeviceDrifted, DeviceUnattested, DriftKind, Unattested};
use crate::lifecycle::event::incident::{DeviceCleared, DeviceEscalated};
use crate::lifecycle::id::{BuildId, DeviceId};
use crate::lifecycle::mapping::Role;
use crate::lifecycle::priority::Priority;
use crate::lifecycle::timestamp;
use crate::models::incident;

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

fn unchecked(what: &[String]) -> String {
    let listed = what.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = what.len().saturating_sub(LISTED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("not all of it could be checked: {listed}{more}")
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
    let case = Case {
        device: &body.device,
        build: &body.build_id,
        priority: body.priority,
        role: role(body),
        short_description: headline(body),
        description: description(body),
    };
    let mut operations =
        vec![Operation::Create { record: record.clone(), values: incident_values(desk, &case, &record) }];
    if let Ok(report) = serde_json::to_vec_pretty(body) {
        let file = File::new("drift.json", "application/json", report);
        operations.push(Operation::Attach { record: record.clone(), file });
    }
    if let Some(note) = rows(body) {
        operations.push(desk.note(record, "rows", note));
    }
    operations
        .push(Operation::Update { record: desk.device_item(&body.device), values: item_values(desk, body) });
    operations.extend(desk.compliance_items(&Subject {
        device: &body.device,
        build: &body.build_id,
        result: "fail",
        statement: format!("{}\nIncident: {}", case.description, body.incident),
    }));
    operations
}

/// Whose incident it is: by the row's assignment where the overlay has it, by urgency elsewhere.
fn role(body: &DeviceDrifted) -> Role {
    match body.about {
        DriftKind::Overlay { row } => match row.role() {
            zone2::Role::NetworkOps => Role::Network,
            zone2::Role::DeviceOps => Role::Devices,
            _ => Role::Security,
        },
        _ if body.priority == Priority::P1 => Role::Security,
        _ => Role::Operations,
    }
}

fn headline(body: &DeviceDrifted) -> String {
    let DeviceDrifted { priority, device, build_id, .. } = body;
    let first = body.findings.first().map_or("no finding listed", |finding| finding.path.as_str());
    let first = match body.findings_total {
        0 | 1 => first.to_owned(),
        total => format!("{first} and {} more", total - 1),
    };
    match body.about {
        DriftKind::Files => format!("{priority}: device {device} differs from build {build_id}: {first}"),
        DriftKind::Verity => format!("{priority}: device {device}: dm-verity failure, build {build_id}"),
        DriftKind::RequiredService => format!("{priority}: device {device}: required service down: {first}"),
        DriftKind::UnauthorizedService => {
            format!("{priority}: device {device}: unauthorized service started: {first}")
        }
        // All findings of a cause are of one subject.
        DriftKind::Overlay { row } => {
            let subject = body.findings.first().map_or("", |finding| finding.path.as_str());
            format!("{priority}: device {device}: {}: {subject}", row.headline())
        }
    }
}

fn description(body: &DeviceDrifted) -> String {
    let from = match body.about {
        DriftKind::Files => format!("from the signed manifest of build {}", body.build_id),
        DriftKind::Verity => format!("from the signed image of build {}", body.build_id),
        DriftKind::RequiredService | DriftKind::UnauthorizedService => {
            format!("of its services, running build {}", body.build_id)
        }
        DriftKind::Overlay { .. } => format!("of its overlay (Zone 2), running build {}", body.build_id),
    };
    let reported_at = timestamp::format(body.reported_at);
    let mut description = format!(
        "Device {} reported {} deviation(s) {from} at {reported_at}.",
        body.device, body.findings_total
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
    let listed = LISTED.min(body.findings.len());
    if body.findings_total > listed {
        let _ = write!(description, "\n... and {} more.", body.findings_total - listed);
    }
    description
}

/// The guide's rows that apply, and what is done by itself: a note where the overlay has rows of its own.
fn rows(body: &DeviceDrifted) -> Option<String> {
    let DriftKind::Overlay { row } = body.about else { return None };
    let mut rows: Vec<(Priority, &str, &str)> = body
        .findings
        .iter()
        .map(|finding| (finding.priority, finding.kind.as_str(), finding.class.as_str()))
        .collect();
    rows.dedup();
    let mut note = String::from("Rows of the integration guide that apply, the first decides:");
    for (priority, id, headline) in rows {
        // Writing to a String does not fail.
        let _ = write!(note, "\n- {priority} {id}: {headline}");
    }
    let is_row = row.priority().is_some_and(|priority| Priority::from(priority) == body.priority);
    for done in row.automation().iter().filter(|_| is_row) {
        let _ = write!(note, "\nBy itself: {done}.");
    }
    Some(note)
}

fn item_values(desk: &Desk<'_>, body: &DeviceDrifted) -> Values {
    let item = &desk.mapping.item;
    let values =
        desk.compliance_values(body.compliance).column(item.flags_column.as_ref(), body.flags.join(", "));
    match body.about {
        DriftKind::Overlay { .. } => values.column(item.overlay_column.as_ref(), "violated"),
        _ => values,
    }
}

/// The cause of incidents is gone, though the device does not comply.
pub(super) fn cleared(desk: &Desk<'_>, body: &DeviceCleared) -> Vec<Operation> {
    let flags = desk.mapping.item.flags_column.as_ref();
    let values = match body.flags.is_empty() {
        true => Values::new().clear(flags),
        false => Values::new().column(flags, body.flags.join(", ")),
    };
    let mut operations = vec![Operation::Update { record: desk.device_item(&body.device), values }];
    for correlation in &body.resolves {
        let record = desk.incident(correlation);
        let notes = format!(
            "The report of device {} of {} no longer has what this incident is about. {} other incident(s) of the \
             device are open.",
            body.device,
            timestamp::format(body.reported_at),
            body.open
        );
        let code = &desk.mapping.incident.resolved_otherwise;
        let values = Values::new().text("close_code", code).text("close_notes", notes);
        operations.push(Operation::MoveIncident { record, to: incident::State::Resolved, values });
    }
    operations
}

/// What is done by itself has not helped: the incident says so.
pub(super) fn escalated(desk: &Desk<'_>, body: &DeviceEscalated) -> Vec<Operation> {
    let note = |correlation| {
        let text = format!("ESCALATED: {} A person has to look at device {}.", body.reason, body.device);
        desk.note(desk.incident(correlation), "escalated", text)
    };
    body.incident.as_ref().map(note).into_iter().collect()
}

pub(super) fn unattested(desk: &Desk<'_>, body: &DeviceUnattested) -> Vec<Operation> {
    let record = desk.incident(&body.incident);
    let why = match &body.cause {
        Unattested::Refused { reason } => format!("its report was refused: {reason}"),
        Unattested::Silent { since } => format!("no report since {}", timestamp::format(*since)),
        Unattested::Unchecked { what } => unchecked(what),
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
