//! Stage 4: base image → build → device in the CMDB (guide, "CMDB Configuration Item Mapping").

use std::time::SystemTime;

use super::Desk;
use super::operation::{Operation, RecordKey, Values};
use super::text::clip;
use crate::lifecycle::compliance::Compliance;
use crate::lifecycle::correlation;
use crate::lifecycle::event::device::DeviceDeployed;
use crate::lifecycle::id::{BuildId, DeviceId, FleetId};
use crate::lifecycle::mapping::Framework;
use crate::value::format_date_time;

impl Desk<'_> {
    /// The configuration item of a device.
    pub(super) fn device_item(&self, device: &DeviceId) -> RecordKey {
        RecordKey::new(&self.mapping.tables.device, correlation::device_item(device))
    }

    /// The configuration item of a build.
    pub(super) fn build_item(&self, build: &BuildId) -> RecordKey {
        RecordKey::new(&self.mapping.tables.build, correlation::build_item(build))
    }

    /// What a device's item says of its compliance.
    pub(super) fn compliance_values(&self, compliance: Compliance) -> Values {
        let item = &self.mapping.item;
        Values::new()
            .text("operational_status", item.operational_status.choice(compliance).unwrap_or_default())
            .column(item.compliance_column.as_ref(), compliance.label())
    }

    /// A device's compliance items, one per framework in scope, as they are to be.
    pub(super) fn compliance_items(&self, subject: &Subject<'_>) -> Vec<Operation> {
        let items = self.mapping.compliance.frameworks.iter().map(|framework| {
            let correlation = correlation::compliance(subject.device, &framework.name);
            let record = RecordKey::new(&self.mapping.tables.compliance, correlation);
            let values = self.compliance_item(subject, framework, &record);
            Operation::Put { record, values }
        });
        items.collect()
    }

    fn compliance_item(&self, subject: &Subject<'_>, framework: &Framework, record: &RecordKey) -> Values {
        let compliance = &self.mapping.compliance;
        let title = format!("{}: continuous verification of device {}", framework.name, subject.device);
        let values = self
            .identified(record)
            .text("name", clip(&title, 100))
            .text("short_description", clip(&title, 160))
            .text("description", format!("Clauses: {}\n\n{}", framework.device_clauses, subject.statement))
            .column(compliance.kind_column.as_ref(), "compliance")
            .column(compliance.framework_column.as_ref(), &framework.name)
            .column(compliance.build_column.as_ref(), subject.build.as_str())
            .column(compliance.device_column.as_ref(), subject.device.as_str())
            .column(compliance.result_column.as_ref(), subject.result);
        match &compliance.item_column {
            Some(column) => values.record(column, self.device_item(subject.device)),
            None => values,
        }
    }

    fn group_of(&self, fleet: &FleetId, values: Values) -> Values {
        values.lookup(
            "assignment_group",
            &self.mapping.tables.group,
            "name",
            self.mapping.groups.fleet(fleet),
        )
    }
}

/// What a compliance item is about, and what it says.
pub(super) struct Subject<'a> {
    pub(super) device: &'a DeviceId,
    pub(super) build: &'a BuildId,
    /// `pass`, `fail` or `not checked`.
    pub(super) result: &'static str,
    pub(super) statement: String,
}

/// ServiceNow's form of an instant; empty, and so not written, for one that it has no form for.
pub(super) fn date_time(time: SystemTime) -> String {
    format_date_time(time).unwrap_or_default()
}

pub(super) fn deployed(desk: &Desk<'_>, body: &DeviceDeployed) -> Vec<Operation> {
    let base = RecordKey::new(
        &desk.mapping.tables.base_image,
        correlation::base_image_item(&body.base_image, &body.base_version),
    );
    let build = desk.build_item(&body.build_id);
    let device = desk.device_item(&body.device);
    let relations = &desk.mapping.relations;
    let mut operations = vec![
        Operation::Create { record: base.clone(), values: base_values(desk, body, &base) },
        Operation::Create { record: build.clone(), values: build_values(desk, body, &build) },
        Operation::Put { record: device.clone(), values: device_values(desk, body, &device) },
        Operation::Relate {
            parent: build.clone(),
            child: base,
            type_name: relations.build_depends_on_base.clone(),
        },
        Operation::Relate { parent: build, child: device, type_name: relations.build_runs_on_device.clone() },
    ];
    operations.extend(desk.compliance_items(&Subject {
        device: &body.device,
        build: &body.build_id,
        result: "not checked",
        statement: format!("Build {} was deployed; the device has not reported since.", body.build_id),
    }));
    operations
}

fn base_values(desk: &Desk<'_>, body: &DeviceDeployed, record: &RecordKey) -> Values {
    desk.identified(record)
        .text("name", format!("{} {}", body.base_image, body.base_version))
        .text("short_description", format!("Base image {} {}", body.base_image, body.base_version))
        .text("os", &body.distribution)
        .text("os_version", &body.base_version)
        .column(desk.mapping.item.kind_column.as_ref(), "base_image")
}

fn build_values(desk: &Desk<'_>, body: &DeviceDeployed, record: &RecordKey) -> Values {
    let values = desk
        .identified(record)
        .text("name", format!("Build {}", body.build_id))
        .text(
            "short_description",
            format!("Build {} on {} {}", body.build_id, body.base_image, body.base_version),
        )
        .text("os", &body.distribution)
        .text("os_version", &body.os_version)
        .column(desk.mapping.item.kind_column.as_ref(), "build");
    of_build(desk, body, values)
}

/// The guide's table, row by row.
fn device_values(desk: &Desk<'_>, body: &DeviceDeployed, record: &RecordKey) -> Values {
    let item = &desk.mapping.item;
    let mut values = desk
        .identified(record)
        .text("name", body.device.as_str())
        // device.id
        .text("asset_tag", body.device.as_str())
        .text("serial_number", &body.serial)
        // device.os_version
        .text("os_version", &body.os_version);
    // device.fleet
    values = desk.group_of(&body.fleet, values).column(item.fleet_column.as_ref(), body.fleet.as_str());
    // device.build_recipe
    values = values
        .text("short_description", format!("Build {}, recipe {}", body.build_id, body.recipe_hash))
        // device.distribution
        .text("os", &body.distribution)
        .column(item.kind_column.as_ref(), "device");
    // device.compliance_status: nothing is known of it before its first report.
    values = values.and(desk.compliance_values(Compliance::Unknown));
    // device.last_verified: its first report will write it.
    of_build(desk, body, values)
}

/// `build.features`, `build.security_level` and what else an item says of a build.
fn of_build(desk: &Desk<'_>, body: &DeviceDeployed, values: Values) -> Values {
    let item = &desk.mapping.item;
    let link = item.document_link.as_deref().map(|link| link.replace("{build_id}", body.build_id.as_str()));
    values
        .column(item.features_column.as_ref(), body.features.join(","))
        .column(item.security_level_column.as_ref(), &body.security_level)
        .column(item.build_column.as_ref(), body.build_id.as_str())
        .column(item.recipe_hash_column.as_ref(), body.recipe_hash.to_string())
        .column(item.root_hash_column.as_ref(), body.root_hash.to_string())
        .column(item.document_digest_column.as_ref(), body.document_digest.to_string())
        .column(item.document_link_column.as_ref(), link.unwrap_or_default())
}
