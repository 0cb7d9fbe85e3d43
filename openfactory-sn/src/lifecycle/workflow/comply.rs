//! Stage 5: a device that is what was built; what waited for that proof ends.

use openfactory_attest::key::KeyId;
use openfactory_attest::report::DeviceReport;
use openfactory_zone2::OverlayReport;

use super::super::compliance::Compliance;
use super::super::entity::{Build, Device, Entity, EntityKey, OrderRecord, timer_name};
use super::super::event::EventBody;
use super::super::event::device::{Awaited, DeviceComplied, DeviceReported, OverlayFacts, ProvedOrder};
use super::super::event::key::DeviceConverged;
use super::super::id::{BuildId, DeviceId};
use super::super::timestamp;
use super::remediation::release;
use super::{Context, Step, Stop, instruction, promise, refuse, rollout};
use crate::id::CorrelationId;

/// Builds that a device is known to have run well; older ones are forgotten.
const MAX_KNOWN_GOOD: usize = 8;

/// A report that has nothing wrong in it.
pub(super) fn complied(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    body: &DeviceReported,
) -> Result<String, Stop> {
    let report = &body.report;
    let freed = match &device.compromised_key {
        None => None,
        Some(key) => {
            let build = context.view.build(&device.build_id)?.map(|(_, build)| build);
            let renewed = build.is_some_and(|build| build.signed_by != Some(*key));
            let taken = renewed && build.is_some_and(|build| proves_document(report, build));
            if !taken && device.quarantined {
                return Ok(match renewed {
                    false => format!(
                        "device {id} matches its build, whose document the compromised key {key} has signed: held"
                    ),
                    true => format!(
                        "device {id} matches its build, but does not go by the document that replaces the one of the \
                         compromised key {key}: held"
                    ),
                });
            }
            taken.then_some(*key)
        }
    };
    if let Some(incident) = &device.held {
        return Ok(format!("device {id} matches its build, but incident {incident} keeps it apart"));
    }
    let under_way = match &device.order {
        None => None,
        Some(order) => match context.view.order(order)? {
            None => return refuse(format!("order {order} of device {id} is not known")),
            Some((version, record)) => Some((version, record)),
        },
    };
    if under_way.is_some_and(|(_, record)| record.performed.is_none()) {
        return Ok(format!(
            "device {id} matches its build, but an order is under way: its proof comes after it"
        ));
    }
    if let Some((_, record)) = under_way {
        instruction::proved(context, step, &record.order)?;
    }
    instruction::needless(context, step, device)?;
    let proves = under_way.map(|(version, record)| prove(step, version, record));
    if let Some(proved) = &proves {
        step.cancel_timer(timer_name(id, &Awaited::Proof { order: proved.order.clone() }));
    }
    device.order = None;
    if let Some(key_id) = freed {
        device.compromised_key = None;
        converged(context, step, id, key_id, &device.build_id)?;
    }
    let resolves: Vec<CorrelationId> =
        std::mem::take(&mut device.incidents).into_iter().map(|open| open.incident).collect();
    promise::over(step, &resolves);
    let changed = device.compliance != Compliance::Compliant;
    let heartbeat_due = device.recorded_at.is_none_or(|last| {
        context.now.duration_since(last).is_ok_and(|age| age >= context.policy.compliance_heartbeat)
    });
    device.compliance = Compliance::Compliant;
    let record_compliance = changed || heartbeat_due;
    if record_compliance {
        device.recorded_at = Some(context.now);
    }
    device.known_good.retain(|build| *build != device.build_id);
    device.known_good.push(device.build_id.clone());
    let surplus = device.known_good.len().saturating_sub(MAX_KNOWN_GOOD);
    device.known_good.drain(..surplus);
    let event = DeviceComplied {
        device: id.clone(),
        fleet: device.fleet.clone(),
        build_id: device.build_id.clone(),
        reported_at: timestamp::truncate(report.time),
        checked_entries: report.checked_entries,
        manifest_digest: report.manifest_digest,
        record_compliance,
        resolves: resolves.clone(),
        proves,
        supersedes: device.supersedes.take(),
        overlay: body.overlay.as_ref().map(facts),
    };
    step.publish(context.derived("complied", context.now, EventBody::DeviceComplied(Box::new(event))));
    if rollout::after_proof(context, step, id, device)? {
        return Ok(format!(
            "device {id} matches its build: compliant; what its rollout waited for is ordered"
        ));
    }
    if device.quarantined {
        let why = format!("device {id} proved that it is build {}", device.build_id);
        return Ok(match release(context, step, id, device, &resolves, why)? {
            true => format!("device {id} matches its build: compliant, its quarantine is to end"),
            false => format!("device {id} matches its build, whose rollout has failed: it stays apart"),
        });
    }
    Ok(format!("device {id} matches its build: compliant"))
}

/// Whether the device goes by the document that its build has now.
fn proves_document(report: &DeviceReport, build: &Build) -> bool {
    build.document_digest.is_some() && report.document_digest == build.document_digest
}

/// The device runs what another key than the compromised one has signed, and proved it.
fn converged(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    key_id: KeyId,
    build_id: &BuildId,
) -> Result<(), Stop> {
    let Some(document_digest) = context.view.build(build_id)?.and_then(|(_, build)| build.document_digest)
    else {
        return refuse(format!("build {build_id} has no document"));
    };
    let event = DeviceConverged { key_id, device: id.clone(), document_digest };
    step.publish(context.derived("converged", context.now, EventBody::DeviceConverged(Box::new(event))));
    Ok(())
}

/// The order is proved: remembered with it, told to whoever closes its change request.
fn prove(step: &mut Step, version: u64, record: &OrderRecord) -> ProvedOrder {
    let order = &record.order;
    let proved = ProvedOrder {
        order: order.id.clone(),
        complete: record.performed.as_ref().is_some_and(super::super::platform::Performed::is_complete),
        change_request: order.is_change(),
    };
    let record = OrderRecord { proved: true, ..record.clone() };
    step.write(EntityKey::Order(order.id.clone()), version, Entity::Order(record));
    proved
}

fn facts(overlay: &OverlayReport) -> OverlayFacts {
    OverlayFacts { lockdown: overlay.lockdown, seal: overlay.seal_digest, policy: overlay.policy_digest }
}
