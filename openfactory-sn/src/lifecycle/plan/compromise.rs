//! Key compromise: incident, emergency change, rotation, renewals, compliance items, and their end
//! (guide, "Key Compromise Response").

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use openfactory_attest::key::KeyId;

use super::Desk;
use super::operation::{File, Operation, RecordKey, Values, marker};
use super::text::clip;
use crate::lifecycle::compliance::Compliance;
use crate::lifecycle::correlation;
use crate::lifecycle::event::deadline::ResponseLate;
use crate::lifecycle::event::key::{
    ArtifactResigned, CompromisedKey, KeyRecovered, KeyRevoked, RevocationOrdered,
};
use crate::lifecycle::id::{BuildId, DeviceId};
use crate::lifecycle::mapping::Role;
use crate::lifecycle::priority::Priority;
use crate::lifecycle::timestamp;
use crate::models::change_request::State;
use crate::models::incident;

/// The longest short description of an incident or compliance item, in characters.
const SHORT_DESCRIPTION_LIMIT: usize = 160;
/// Controls that a compromised key touches (guide, Phase 2, "GRC Compliance Item").
const CONTROLS: &str = "21 CFR 11 §11.10(d) authority controls, SOC 2 CC7.2 anomaly monitoring";

impl Desk<'_> {
    fn revocation(&self, key: &KeyId) -> RecordKey {
        RecordKey::new(&self.mapping.tables.change_request, correlation::revocation(key))
    }

    fn rotation(&self, key: &KeyId) -> RecordKey {
        RecordKey::new(&self.mapping.tables.change_request, correlation::rotation(key))
    }

    fn renewal(&self, key: &KeyId, build: &BuildId) -> RecordKey {
        RecordKey::new(&self.mapping.tables.change_request, correlation::renewal(key, build))
    }

    fn key_item(&self, key: &KeyId, what: &str) -> RecordKey {
        RecordKey::new(&self.mapping.tables.compliance, correlation::key_item(key, what))
    }

    /// A change request that the response makes: an emergency, which nobody waits for.
    fn response_change(&self, record: &RecordKey, title: &str, description: String, why: &str) -> Values {
        let (mapping, change) = (self.mapping, &self.mapping.change);
        self.identified(record)
            .text("type", &change.emergency_type)
            .text("short_description", clip(title, change.short_description_limit))
            .text("description", description)
            .text("category", &change.category)
            .text("risk", &change.risk.absent)
            .text("justification", why)
            .lookup("requested_by", &mapping.tables.user, "user_name", &mapping.incident.caller)
            .lookup("assignment_group", &mapping.tables.group, "name", &mapping.groups.change)
    }
}

/// Phase 1: the P1 incident, with the first estimate.
pub(super) fn ordered(desk: &Desk<'_>, body: &RevocationOrdered) -> Vec<Operation> {
    let (mapping, key) = (desk.mapping, &body.key);
    let record = desk.incident(&body.incident);
    let priority = Priority::P1.of_incident();
    let due = Priority::P1.due(desk.event.time);
    let description = format!(
        "Key compromise detected.\n\
         Key ID: {id}\n\
         Key type: {kind} ({name}), severity {severity}: {scope}\n\
         Suspected compromise window, by the audit log: {window}\n\
         Detected at {detected} by {who}: {evidence}\n\
         Initial blast radius estimate: {builds} build(s) signed by the key, {devices} device(s) running them\n\n\
         Resolve by {due} ({label}).",
        id = key.key_id,
        kind = key.kind,
        name = key.name,
        severity = key.kind.severity(),
        scope = key.kind.scope(),
        window = key.window,
        detected = timestamp::format(body.detected_at),
        who = body.reported_by,
        evidence = body.evidence,
        builds = body.builds.len(),
        devices = body.devices.len(),
        due = timestamp::format(due),
        label = Priority::P1.label(),
    );
    let title = format!("P1: {} key compromised: {}", key.kind, key.key_id);
    let values = desk
        .identified(&record)
        .text("short_description", clip(&title, SHORT_DESCRIPTION_LIMIT))
        .text("description", description)
        .text("category", &mapping.incident.category)
        .text("impact", priority.impact().to_string())
        .text("urgency", priority.urgency().to_string())
        .text("severity", severity_choice(key))
        .text("due_date", super::cmdb::date_time(due))
        .lookup("caller_id", &mapping.tables.user, "user_name", &mapping.incident.caller)
        .lookup("assignment_group", &mapping.tables.group, "name", mapping.groups.role(Role::Security));
    vec![Operation::Create { record, values }]
}

/// `severity` of an incident: 1 high, 2 medium, 3 low. Critical is the highest that it knows.
fn severity_choice(key: &CompromisedKey) -> &'static str {
    use openfactory_attest::key::Severity;
    match key.kind.severity() {
        Severity::Critical | Severity::High => "1",
        Severity::Medium => "2",
        Severity::Low => "3",
    }
}

/// Phases 1 and 2: the emergency change that documents the revocation, the rotation, what is affected.
pub(super) fn revoked(desk: &Desk<'_>, body: &KeyRevoked) -> Vec<Operation> {
    let (key, revocation) = (&body.key, &body.revocation);
    let incident = desk.incident(&body.incident);
    let when = timestamp::format(revocation.revoked_at);
    let mut operations = Vec::new();

    let record = desk.revocation(&key.key_id);
    let description = format!(
        "Key revocation.\nKey ID: {}\nKey type: {} ({})\nRevoked at: {when}, number {} of the revocation \
         lists\nAffected services: whatever trusts signatures of this key. {} build(s), {} device(s).\n\
         Bypasses the approval of planned changes: to leave the key in force would be the greater risk.",
        key.key_id,
        key.kind,
        key.name,
        revocation.list_sequence,
        body.radius.len(),
        body.devices(),
    );
    let title = format!("Emergency: revoke {} key {}", key.kind, key.key_id);
    let why = format!("The key is in other hands; see incident {}.", body.incident);
    let values = desk.response_change(&record, &title, description, &why);
    operations.push(Operation::Create { record: record.clone(), values });
    operations.push(Operation::MoveChange {
        record: record.clone(),
        to: State::Implement,
        values: Values::new(),
    });
    operations.push(Operation::MoveIncident {
        record: incident.clone(),
        to: incident::State::InProgress,
        values: Values::new().record("rfc", record),
    });

    let record = desk.rotation(&key.key_id);
    let description = format!(
        "Key rotation.\nOld key ID: {}, revoked at {when}\nNew key ID: {}\nRotation scope: {}",
        key.key_id,
        revocation.successor,
        key.kind.scope(),
    );
    let title = format!("Emergency: rotate {} key {}", key.kind, key.name);
    let values = desk.response_change(&record, &title, description, &why);
    operations.push(Operation::Create { record: record.clone(), values });
    operations.push(Operation::MoveChange { record, to: State::Implement, values: Values::new() });

    let text = assessment(body);
    operations.push(desk.note(incident.clone(), "assessed", text.clone()));
    operations.extend(impact(desk, body, incident.clone()));
    if let Ok(radius) = serde_json::to_vec_pretty(body) {
        let file = File::new("blast-radius.json", "application/json", radius);
        operations.push(Operation::Attach { record: incident, file });
    }
    operations.push(affected_controls(desk, body, &text));
    for (build, assessed) in &body.radius {
        if assessed.place.is_affected() {
            operations.extend(rebuild(desk, body, build));
        }
    }
    operations
}

/// Guide, Phase 2, "CMDB Relationship Query": what the compromised builds run on by the CMDB, beside what is known here.
/// None if no build is.
fn impact(desk: &Desk<'_>, body: &KeyRevoked, record: RecordKey) -> Option<Operation> {
    let affected = body.radius.iter().filter(|(_, build)| build.place.is_affected());
    let known: BTreeMap<BuildId, BTreeSet<DeviceId>> =
        affected.map(|(id, build)| (id.clone(), build.devices.iter().cloned().collect())).collect();
    (!known.is_empty()).then(|| Operation::NoteImpact {
        known,
        type_name: desk.mapping.relations.build_runs_on_device.clone(),
        marker: marker(desk.identity, &format!("{} impact", record.sys_id())),
        record,
    })
}

/// A build that can't be proved to be from before the window is held, and has to be built anew.
fn rebuild(desk: &Desk<'_>, body: &KeyRevoked, build: &BuildId) -> [Operation; 2] {
    let record = desk.renewal(&body.key.key_id, build);
    let description = format!(
        "Rebuild triggered by incident {}.\nOriginal build: {build}, whose document was signed by the revoked key \
         {} within the compromise window.\nIts original recipe is attached to its change request.\nNew signing key: \
         {}",
        body.incident, body.key.key_id, body.revocation.successor,
    );
    let title = format!("Rebuild {build}: its signing key was compromised");
    let why = "Nothing proves that this build is what the build platform made.";
    let values = desk
        .response_change(&record, &title, description, why)
        .record("parent", desk.build_change(build))
        .column(desk.mapping.change.build_column.as_ref(), build.as_str());
    [
        Operation::Create { record, values },
        Operation::Put {
            record: desk.build_item(build),
            values: desk
                .identified(&desk.build_item(build))
                .text("name", format!("Build {build}"))
                .and(desk.compliance_values(Compliance::Quarantined)),
        },
    ]
}

fn affected_controls(desk: &Desk<'_>, body: &KeyRevoked, text: &str) -> Operation {
    let compliance = &desk.mapping.compliance;
    let record = desk.key_item(&body.key.key_id, "controls");
    let title = format!("Key compromise: controls touched by {} key {}", body.key.kind, body.key.key_id);
    let values = desk
        .identified(&record)
        .text("name", clip(&title, 100))
        .text("short_description", clip(&title, SHORT_DESCRIPTION_LIMIT))
        .text("description", format!("Affected controls: {CONTROLS}\n\n{text}"))
        .column(compliance.kind_column.as_ref(), "compliance")
        .column(compliance.result_column.as_ref(), "fail");
    Operation::Create { record, values }
}

fn assessment(body: &KeyRevoked) -> String {
    let mut text = format!(
        "Blast radius of key {}: {} artifact(s), {} of them not proved to be from before the window; {} device(s).\n\
         Compromise window, by the audit log: {}; revoked at {}, when the log had {} entries.",
        body.key.key_id,
        body.radius.len(),
        body.affected(),
        body.devices(),
        body.key.window,
        timestamp::format(body.revocation.revoked_at),
        body.revocation.log_size,
    );
    for (build, assessed) in &body.radius {
        let devices: Vec<&str> = assessed.devices.iter().map(|device| device.as_str()).collect();
        // Writing to a String does not fail.
        let _ = write!(text, "\n- build {build}: {}; devices: ", assessed.place);
        text.push_str(if devices.is_empty() { "none" } else { "" });
        text.push_str(&devices.join(", "));
    }
    text
}

/// Phase 3: a build is signed anew: its change, its evidence, its item.
pub(super) fn resigned(desk: &Desk<'_>, body: &ArtifactResigned) -> Vec<Operation> {
    let id = &body.build_id;
    let record = desk.renewal(&body.key_id, id);
    let signer = body.document.key_ids_unverified().next().map(|key| key.to_string()).unwrap_or_default();
    let incident = correlation::compromise(&body.key_id);
    let description = format!(
        "Build {id} is signed anew because of incident {incident}.\nThe stored image was hashed again and is, bit for \
         bit, what the audit log held before the compromise window.\nOld document: {}, by key {}\nNew document: {}, by \
         key {signer}\ndm-verity root hash: {}",
        body.replaces, body.key_id, body.document_digest, body.root_hash,
    );
    let title = format!("Sign build {id} anew: its signing key was compromised");
    let values = desk
        .response_change(&record, &title, description.clone(), "Devices refuse the revoked key.")
        .record("parent", desk.build_change(id))
        .column(desk.mapping.change.build_column.as_ref(), id.as_str());
    let document = File::new("verification.resigned.json", "application/json", body.document.to_json());
    let mut operations = vec![
        Operation::Create { record: record.clone(), values },
        Operation::MoveChange { record: record.clone(), to: State::Implement, values: Values::new() },
        Operation::Attach { record, file: document.clone() },
        Operation::Update {
            record: desk.build_item(id),
            values: Values::new()
                .column(desk.mapping.item.document_digest_column.as_ref(), body.document_digest.to_string()),
        },
        desk.note(desk.incident(&incident), "resigned", description.clone()),
    ];
    for framework in &desk.mapping.compliance.frameworks {
        let evidence =
            RecordKey::new(&desk.mapping.tables.evidence, correlation::evidence(id, &framework.name));
        operations.push(desk.note(evidence.clone(), "resigned", description.clone()));
        operations.push(Operation::Attach { record: evidence, file: document.clone() });
    }
    operations
}

/// A time limit was not kept: the incident says so.
pub(super) fn late(desk: &Desk<'_>, body: &ResponseLate) -> Operation {
    let mut text = format!(
        "The compromise of key {} was not {} within {} h. {}",
        body.key_id,
        body.deadline,
        body.deadline.within().as_secs() / 3600,
        body.reason,
    );
    if !body.waits_for.is_empty() {
        let devices: Vec<&str> = body.waits_for.iter().map(|device| device.as_str()).collect();
        text.push_str(" Waited for: ");
        text.push_str(&devices.join(", "));
        text.push('.');
    }
    desk.note(desk.incident(&body.incident), "late", text)
}

/// Phase 4: what was opened is closed, and the report after it stands in GRC.
pub(super) fn recovered(desk: &Desk<'_>, body: &KeyRecovered) -> Vec<Operation> {
    let (key, review) = (&body.key.key_id, &body.review);
    let devices: Vec<&str> = body.converged.iter().map(|device| device.as_str()).collect();
    let took = body.recovered_at.duration_since(body.detected_at).unwrap_or_default().as_secs();
    let notes = format!(
        "Fleet convergence confirmed: {} of {} affected device(s) proved themselves without key {key}: {}.\n\
         Root cause: {}\nPolicy changes: {}\nDetected {}, revoked {}, recovered {} ({took} s after detection).\n\
         Revocation list {} holds the key.\nReviewed by {}.",
        body.converged.len(),
        body.converged.len(),
        if devices.is_empty() { "none".to_owned() } else { devices.join(", ") },
        review.root_cause,
        review.policy_changes,
        timestamp::format(body.detected_at),
        timestamp::format(body.revocation.revoked_at),
        timestamp::format(body.recovered_at),
        body.revocation.list_sequence,
        review.reviewer,
    );
    let change = &desk.mapping.change;
    let renewals = body.resigned.iter().map(|build| desk.renewal(key, build));
    let mut operations: Vec<Operation> = [desk.revocation(key), desk.rotation(key)]
        .into_iter()
        .chain(renewals)
        .map(|record| Operation::MoveChange {
            record,
            to: State::Closed,
            values: Values::new().text("close_code", &change.closed_successful).text("close_notes", &notes),
        })
        .collect();
    let record = desk.key_item(key, "post-incident report");
    let title = format!("Post-incident report: {} key {key}", body.key.kind);
    let values = desk
        .identified(&record)
        .text("name", clip(&title, 100))
        .text("short_description", clip(&title, SHORT_DESCRIPTION_LIMIT))
        .text("description", format!("{notes}\n\nLessons learned: {}", review.lessons))
        .column(desk.mapping.compliance.kind_column.as_ref(), "post-incident report")
        .column(desk.mapping.compliance.result_column.as_ref(), "pass");
    operations.push(Operation::Create { record, values });
    let controls = desk.key_item(key, "controls");
    operations.push(Operation::Update {
        record: controls,
        values: Values::new().column(desk.mapping.compliance.result_column.as_ref(), "pass"),
    });
    let values = Values::new()
        .text("close_code", &desk.mapping.incident.resolved_by_change)
        .text("close_notes", notes);
    operations.push(Operation::MoveIncident {
        record: desk.incident(&body.incident),
        to: incident::State::Resolved,
        values,
    });
    operations
}
