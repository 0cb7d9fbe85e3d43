//! Devices by compliance, and the incidents that are open for them.

use std::collections::BTreeMap;

use openfactory_sn::SysId;
use openfactory_sn::lifecycle::compliance::Compliance;
use openfactory_sn::lifecycle::entity::{self, Entity, EntityKey, EntityKind};
use openfactory_sn::lifecycle::state::StateError;
use openfactory_sn::lifecycle::timestamp;
use serde::Serialize;

use super::super::core::Core;
use super::listed::all;

/// Devices that are shown, and incidents.
const SHOWN: usize = 100;

/// The devices.
#[derive(Debug, Serialize)]
pub(super) struct Fleet {
    /// How many there are; where `complete` is false, at least so many.
    pub(super) total: usize,
    pub(super) complete: bool,
    /// How many there are of each word for compliance.
    pub(super) by_compliance: BTreeMap<&'static str, usize>,
    /// Those that are not compliant first; at most 100.
    pub(super) shown: Vec<Device>,
    pub(super) open_incidents: usize,
    /// The most urgent first; at most 100.
    pub(super) incidents: Vec<Incident>,
}

/// A device.
#[derive(Debug, Serialize)]
pub(super) struct Device {
    pub(super) device: String,
    pub(super) fleet: String,
    pub(super) build: String,
    pub(super) compliance: &'static str,
    pub(super) quarantined: bool,
    pub(super) last_report: Option<String>,
    /// Since when its next report is awaited.
    pub(super) awaiting_since: Option<String>,
    pub(super) open_incidents: usize,
    /// The order that is under way or waits for its proof.
    pub(super) order: Option<String>,
}

/// An incident that is open for a device.
#[derive(Debug, Serialize)]
pub(super) struct Incident {
    pub(super) incident: String,
    pub(super) sys_id: String,
    pub(super) priority: &'static str,
    pub(super) device: String,
}

pub(super) async fn look_up(core: &Core) -> Result<Fleet, StateError> {
    let (rows, complete) = all(core, EntityKind::Device).await?;
    let mut devices: Vec<(String, entity::Device)> = Vec::with_capacity(rows.len());
    for (key, entity) in rows {
        if let (EntityKey::Device(id), Entity::Device(device)) = (key, entity) {
            devices.push((id.as_str().to_owned(), device));
        }
    }
    let mut by_compliance = BTreeMap::new();
    let mut incidents = Vec::new();
    for (id, device) in &devices {
        *by_compliance.entry(device.compliance.label()).or_default() += 1;
        incidents.extend(device.incidents.iter().map(|open| (open.priority, id, open)));
    }
    incidents.sort_by_key(|(priority, ..)| *priority);
    let table = &core.mapping.tables.incident;
    let open_incidents = incidents.len();
    let incidents = incidents.into_iter().take(SHOWN).map(|(priority, device, open)| Incident {
        incident: open.incident.as_str().to_owned(),
        sys_id: SysId::derived(table, &open.incident).as_str().to_owned(),
        priority: priority.label(),
        device: device.clone(),
    });
    let incidents = incidents.collect();

    devices.sort_by_key(|(_, device)| device.compliance == Compliance::Compliant);
    let total = devices.len();
    let shown = devices.into_iter().take(SHOWN).map(shown).collect();
    Ok(Fleet { total, complete, by_compliance, shown, open_incidents, incidents })
}

fn shown((id, device): (String, entity::Device)) -> Device {
    Device {
        device: id,
        fleet: device.fleet.as_str().to_owned(),
        build: device.build_id.as_str().to_owned(),
        compliance: device.compliance.label(),
        quarantined: device.quarantined,
        last_report: device.last_report.map(timestamp::format),
        awaiting_since: device.awaiting_since.map(timestamp::format),
        open_incidents: device.incidents.len(),
        order: device.order.map(|order| order.as_str().to_owned()),
    }
}
