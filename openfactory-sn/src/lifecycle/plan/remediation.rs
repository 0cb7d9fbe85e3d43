//! Stage 6: every rollback is a formal change; what proves it resolves the incident and closes the change.

use std::fmt::Write as _;

use super::Desk;
use super::cmdb::{Subject, date_time};
use super::operation::{Operation, RecordKey, Values};
use super::text::clip;
use crate::id::CorrelationId;
use crate::lifecycle::compliance::Compliance;
use crate::lifecycle::correlation;
use crate::lifecycle::event::device::{DeviceComplied, ProvedOrder};
use crate::lifecycle::event::order::{OrderGiven, OrderPerformed};
use crate::lifecycle::id::{BuildId, OrderId};
use crate::lifecycle::platform::{Action, Order};
use crate::lifecycle::timestamp;
use crate::models::change_request::State;
use crate::models::incident;

impl Desk<'_> {
    pub(super) fn order_change(&self, order: &OrderId) -> RecordKey {
        RecordKey::new(&self.mapping.tables.change_request, correlation::order_change(order))
    }

    /// What the emergency change request of an order says.
    pub(super) fn emergency_values(&self, order: &Order, record: &RecordKey) -> Values {
        emergency_values(self, order, record)
    }

    fn incidents(&self, order: &Order) -> Vec<RecordKey> {
        let correlations = order.incidents.iter().filter_map(|text| CorrelationId::new(text).ok());
        correlations.map(|correlation| self.incident(&correlation)).collect()
    }
}

pub(super) fn ordered(desk: &Desk<'_>, body: &OrderGiven) -> Vec<Operation> {
    let order = &body.order;
    // A hold needs no change: the incident's notes tell of it when it is in force.
    if !order.is_change() {
        return Vec::new();
    }
    let record = desk.order_change(&order.id);
    let values = desk.emergency_values(order, &record);
    vec![
        Operation::Create { record: record.clone(), values },
        Operation::MoveChange { record, to: State::Implement, values: Values::new() },
    ]
}

fn emergency_values(desk: &Desk<'_>, order: &Order, record: &RecordKey) -> Values {
    let (mapping, change) = (desk.mapping, &desk.mapping.change);
    let to_build: &BuildId = order.rolls_back_to().or_else(|| order.rebuilds()).unwrap_or(&order.build_id);
    let mut plan = String::from("Done by the platform, in this order:");
    for action in &order.actions {
        // Writing to a String does not fail.
        let _ = write!(plan, "\n- {action}");
    }
    let title = match order.rebuilds() {
        Some(build) => format!("Emergency: rebuild build {build} for device {}", order.device),
        None if !order.is_change() => format!("Emergency: quarantine device {}", order.device),
        None => format!("Emergency: roll back device {} to build {to_build}", order.device),
    };
    let description = format!(
        "Order {id} for device {device} of fleet {fleet}, which should run build {build}.\n{reason}\n\
         Incidents: {incidents}\n\
         Ordered at {time}.",
        id = order.id,
        device = order.device,
        fleet = order.fleet,
        build = order.build_id,
        reason = order.reason,
        incidents = order.incidents.join(", "),
        time = timestamp::format(desk.event.time),
    );
    desk.identified(record)
        .text("type", &change.emergency_type)
        .text("short_description", clip(&title, change.short_description_limit))
        .text("description", description)
        .text("category", &change.category)
        .text("risk", &change.risk.absent)
        .text("risk_impact_analysis", risk_analysis(order))
        .text("justification", &order.reason)
        .text("implementation_plan", plan)
        .text("backout_plan", "The other image slot of the device holds what ran before.")
        .text("test_plan", "The device's next report must match the signed manifest of the build.")
        .record("parent", desk.build_change(&order.build_id))
        .record("cmdb_ci", desk.device_item(&order.device))
        .lookup("requested_by", &mapping.tables.user, "user_name", &mapping.incident.caller)
        .lookup("assignment_group", &mapping.tables.group, "name", &mapping.groups.change)
        .column(change.build_column.as_ref(), to_build.as_str())
        .column(change.fleet_column.as_ref(), order.fleet.as_str())
}

fn risk_analysis(order: &Order) -> String {
    if let Some(by) = &order.instructed_by {
        return format!(
            "{by} has looked at the incident and instructed it: to leave the device as it is would be the greater risk."
        );
    }
    match &order.rollout {
        Some(build) => format!(
            "The rollout of build {build} has failed: to leave the device on it would be the greater risk."
        ),
        None => "The device was tampered with: to leave it as it is would be the greater risk.".to_owned(),
    }
}

pub(super) fn performed(desk: &Desk<'_>, body: &OrderPerformed) -> Vec<Operation> {
    let (order, performed) = (&body.order, &body.performed);
    let change = order.is_change().then(|| desk.order_change(&order.id));
    let mut text = format!(
        "Order {} for device {} was performed at {}{}",
        order.id,
        order.device,
        timestamp::format(desk.event.time),
        if performed.is_complete() { ":" } else { " IN PART, a person has to look:" },
    );
    for outcome in &performed.outcomes {
        // Writing to a String does not fail.
        let _ = write!(text, "\n- {outcome}");
    }
    if change.is_some() {
        text.push_str("\nThe device's next report will tell whether it is what was built.");
    }
    let mut operations = Vec::new();
    for incident in desk.incidents(order) {
        let values = match &change {
            Some(change) => Values::new().record("rfc", change.clone()),
            None => Values::new(),
        };
        // A hold that ends leaves the incident, which its proof has resolved, as it is.
        if !order.actions.contains(&Action::Release) {
            let record = incident.clone();
            operations.push(Operation::MoveIncident { record, to: incident::State::InProgress, values });
        }
        operations.push(desk.note(incident, "performed", text.clone()));
    }
    if let Some(change) = change {
        operations.push(desk.note(change, "performed", text.clone()));
    }
    // The rollout's change request hears of what goes back, and of what could not be done.
    if let Some(build) =
        order.rollout.as_ref().filter(|_| order.deploys().is_none() || !performed.is_complete())
    {
        operations.push(desk.note(desk.build_change(build), "performed", text));
    }
    operations.extend(item_after(desk, body));
    operations
}

/// What the device's item says after the act: held, remediated, or released.
fn item_after(desk: &Desk<'_>, body: &OrderPerformed) -> Option<Operation> {
    let (order, performed) = (&body.order, &body.performed);
    let record = desk.device_item(&order.device);
    let rolled_back = order
        .rolls_back_to()
        .filter(|to_build| performed.did(&Action::RollBack { to_build: (*to_build).clone() }))
        .or_else(|| {
            order.rebuilds().filter(|build| performed.did(&Action::Rebuild { build: (*build).clone() }))
        });
    if let Some(to_build) = rolled_back {
        let values = desk
            .compliance_values(Compliance::Remediated)
            .column(desk.mapping.item.build_column.as_ref(), to_build.as_str());
        return Some(Operation::Update { record, values });
    }
    let pushed = performed.outcomes.iter().find_map(|outcome| match &outcome.act {
        Action::PushDocument { document_digest, .. } if outcome.is_done() => Some(document_digest),
        _ => None,
    });
    if let Some(digest) = pushed {
        let values = desk
            .compliance_values(Compliance::Remediated)
            .column(desk.mapping.item.document_digest_column.as_ref(), digest.to_string());
        return Some(Operation::Update { record, values });
    }
    if performed.did(&Action::Quarantine) {
        return Some(Operation::Update { record, values: desk.compliance_values(Compliance::Quarantined) });
    }
    None
}

pub(super) fn complied(desk: &Desk<'_>, body: &DeviceComplied) -> Vec<Operation> {
    let item = &desk.mapping.item;
    let device = desk.device_item(&body.device);
    let proof = format!(
        "Device {} reported at {} that all {} entries of the signed manifest {} of build {} are as they were built.",
        body.device,
        timestamp::format(body.reported_at),
        body.checked_entries,
        body.manifest_digest,
        body.build_id,
    );
    let attested = date_time(body.reported_at);
    let mut values = desk
        .compliance_values(Compliance::Compliant)
        .text("last_discovered", &attested)
        .column(item.attested_column.as_ref(), &attested)
        .column(item.build_column.as_ref(), body.build_id.as_str());
    if body.record_compliance {
        values = values.clear(item.flags_column.as_ref());
    }
    if let Some(overlay) = &body.overlay {
        values = values
            .column(item.overlay_column.as_ref(), "as sealed")
            .column(item.lockdown_column.as_ref(), overlay.lockdown.as_str())
            .column(
                item.seal_digest_column.as_ref(),
                overlay.seal.map_or_else(String::new, |seal| seal.to_string()),
            );
    }
    let mut operations = vec![Operation::Update { record: device.clone(), values }];
    let runs_on = &desk.mapping.relations.build_runs_on_device;
    if let Some(old) = &body.supersedes {
        operations.push(Operation::Relate {
            parent: desk.build_item(&body.build_id),
            child: device.clone(),
            type_name: runs_on.clone(),
        });
        operations.push(Operation::Unrelate {
            parent: desk.build_item(old),
            child: device,
            type_name: runs_on.clone(),
        });
    }
    if body.record_compliance {
        operations.extend(desk.compliance_items(&Subject {
            device: &body.device,
            build: &body.build_id,
            result: "pass",
            statement: proof.clone(),
        }));
    }
    if let Some(proved) = body.proves.as_ref().filter(|proved| proved.change_request) {
        operations.push(close_change(desk, proved, &proof));
    }
    for correlation in &body.resolves {
        operations.push(resolve(desk, desk.incident(correlation), body.proves.as_ref(), &proof));
    }
    operations
}

fn close_change(desk: &Desk<'_>, proved: &ProvedOrder, proof: &str) -> Operation {
    let change = &desk.mapping.change;
    let (code, notes) = if proved.complete {
        (&change.closed_successful, format!("Order {} is performed and proved. {proof}", proved.order))
    } else {
        let notes = format!(
            "Order {} was performed in part only; yet the device is whole again. {proof}",
            proved.order
        );
        (&change.closed_unsuccessful, notes)
    };
    let values = Values::new().text("close_code", code).text("close_notes", notes);
    Operation::MoveChange { record: desk.order_change(&proved.order), to: State::Closed, values }
}

fn resolve(desk: &Desk<'_>, record: RecordKey, proves: Option<&ProvedOrder>, proof: &str) -> Operation {
    let incident = &desk.mapping.incident;
    let by_change = proves.filter(|proved| proved.change_request && proved.complete);
    let (code, notes) = match by_change {
        Some(proved) => {
            (&incident.resolved_by_change, format!("Remedied by order {}. {proof}", proved.order))
        }
        None => (&incident.resolved_otherwise, proof.to_owned()),
    };
    let values = Values::new().text("close_code", code).text("close_notes", notes);
    Operation::MoveIncident { record, to: incident::State::Resolved, values }
}
