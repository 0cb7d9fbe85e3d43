//! Stage 1: the change request of a build (guide, "Change Request Fields"), and its gate.

use super::Desk;
use super::operation::{File, Operation, RecordKey, Values, marker};
use super::text::{change_short_description, clip, risk, security_level};
use crate::lifecycle::correlation;
use crate::lifecycle::event::build::{BuildCompleted, BuildRequested};
use crate::lifecycle::event::gate::{GateOpened, GateRefused};
use crate::lifecycle::id::BuildId;
use crate::lifecycle::timestamp;
use crate::models::change_request::State;

/// The longest justification that ServiceNow keeps, in characters.
const JUSTIFICATION_LIMIT: usize = 4000;

impl Desk<'_> {
    /// The change request of a build.
    pub(super) fn build_change(&self, build: &BuildId) -> RecordKey {
        RecordKey::new(&self.mapping.tables.change_request, correlation::change(build))
    }

    /// A note on a record. An event that writes several on one record tells them apart by labels.
    pub(super) fn note(&self, record: RecordKey, label: &str, text: impl Into<String>) -> Operation {
        let label = format!("{} {label}", record.sys_id());
        Operation::Note { record, text: text.into(), marker: marker(self.identity, &label) }
    }

    /// Our own key and our name, which every record of ours carries.
    pub(super) fn identified(&self, record: &RecordKey) -> Values {
        Values::new()
            .text("correlation_id", record.correlation.as_str())
            .text("correlation_display", &self.mapping.source_name)
    }
}

pub(super) fn requested(desk: &Desk<'_>, body: &BuildRequested) -> Vec<Operation> {
    let (mapping, change) = (desk.mapping, &desk.mapping.change);
    let record = desk.build_change(&body.build_id);
    let (risk, reason) = risk(&security_level(&body.recipe), &change.risk);
    let recipe_hash = body.recipe.recipe_hash();
    let description = format!(
        "Build {build} of recipe {name:?} for fleet {fleet}.\n\
         Base image: {base} {version}\n\
         Features: {features}\n\
         Requested by: {requester}\n\
         Recipe SHA-256 (RFC 8785 form, as attached): {recipe_hash}\n\
         Build intent SHA-256 (payload of the attached envelope): {intent}",
        build = body.build_id,
        name = body.recipe.name(),
        fleet = body.fleet,
        base = body.recipe.base_image(),
        version = body.base_version,
        features = body.recipe.features().join(", "),
        requester = body.requester,
        intent = body.intent.payload_digest(),
    );
    let values = desk
        .identified(&record)
        .text("type", &change.planned_type)
        .text(
            "short_description",
            change_short_description(
                body.recipe.base_image(),
                body.recipe.features(),
                change.short_description_limit,
            ),
        )
        .text("description", description)
        .text("category", &change.category)
        .text("risk", risk)
        .text("risk_impact_analysis", reason)
        .lookup("requested_by", &mapping.tables.user, "email", &body.requester)
        .text("justification", clip(&body.request_text, JUSTIFICATION_LIMIT))
        .lookup("assignment_group", &mapping.tables.group, "name", &mapping.groups.change)
        .column(change.build_column.as_ref(), body.build_id.as_str())
        .column(change.fleet_column.as_ref(), body.fleet.as_str());
    vec![
        Operation::Create { record: record.clone(), values },
        Operation::Attach {
            record: record.clone(),
            file: File::new("recipe.json", "application/json", body.recipe.canonical_bytes().to_vec()),
        },
        Operation::Attach {
            record: record.clone(),
            file: File::new("build-intent.dsse.json", "application/json", body.intent.to_json()),
        },
        // Only now is it whole, and only now may anyone be asked to approve it.
        Operation::MoveChange { record, to: State::Assess, values: Values::new() },
    ]
}

pub(super) fn completed(desk: &Desk<'_>, body: &BuildCompleted) -> Vec<Operation> {
    let text = format!(
        "Build {build} is completed in {seconds} s.\n\
         Image: {name}, {size} bytes\n\
         Image SHA-256: {sha256}\n\
         dm-verity root hash: {root_hash}\n\
         Build log SHA-256: {log}",
        build = body.build_id,
        seconds = body.duration_s,
        name = body.image.name,
        size = body.image.size,
        sha256 = body.image.sha256,
        root_hash = body.root_hash,
        log = body.build_log,
    );
    vec![desk.note(desk.build_change(&body.build_id), "completed", text)]
}

pub(super) fn gate_opened(desk: &Desk<'_>, body: &GateOpened) -> Vec<Operation> {
    let text = format!(
        "The gate of build {} is open: this change request was read at {} and is approved (state {}, last updated by {}).",
        body.build_id,
        timestamp::format(body.seen_at),
        body.state,
        or_unknown(&body.updated_by),
    );
    vec![desk.note(desk.build_change(&body.build_id), "gate", text)]
}

pub(super) fn gate_refused(desk: &Desk<'_>, body: &GateRefused) -> Vec<Operation> {
    let text = format!(
        "Build {} will not begin: {} (read at {}, last updated by {}).",
        body.build_id,
        body.reason,
        timestamp::format(body.seen_at),
        or_unknown(&body.updated_by),
    );
    vec![desk.note(desk.build_change(&body.build_id), "gate", text)]
}

fn or_unknown(name: &str) -> &str {
    if name.is_empty() { "unknown" } else { name }
}
