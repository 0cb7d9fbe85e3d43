//! A required service that is down is started again, three times at most; then a person is told.

use std::time::Duration;

use openfactory_attest::report::{ServiceFault, Services};

use super::super::entity::{Device, Entity, EntityKey, OrderRecord, Restart};
use super::super::event::EventBody;
use super::super::event::incident::DeviceEscalated;
use super::super::id::{DeviceId, OrderId};
use super::super::platform::{Action, Order};
use super::finding::service_key;
use super::order::publish;
use super::{Context, Step, Stop};
use crate::id::CorrelationId;

/// How long after each try the next report may lead to the next one, or to a person being told.
const PATIENCE: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(120), Duration::from_secs(240)];
/// Services that one order starts at most; the rest waits for the next report.
const MAX_SERVICES: usize = 32;

/// What follows from a report's services: those that run again are done with, those that do not are ordered to be
/// started, or told to a person. What was done, in words.
pub(super) fn follow(
    context: &Context<'_>,
    step: &mut Step,
    id: &DeviceId,
    device: &mut Device,
    services: Option<&Services>,
) -> Result<Option<String>, Stop> {
    let Some(services) = services else { return Ok(None) };
    let faults = services.faults().filter(|(_, fault)| *fault == ServiceFault::RequiredStopped);
    let stopped: Vec<&str> = faults.map(|(service, _)| service.name.as_str()).collect();
    prove(context, step, device, &stopped)?;
    let (mut due, mut hopeless) = (Vec::new(), Vec::new());
    for service in stopped {
        match device.restarts.iter().find(|restart| restart.service == service) {
            None => due.push(service),
            Some(restart) => match next(context, restart)? {
                Next::Wait => {}
                Next::Again => due.push(service),
                Next::Escalate => hopeless.push(service),
            },
        }
    }
    due.truncate(MAX_SERVICES);
    let mut told = Vec::new();
    if !due.is_empty() {
        order(context, step, id, device, &due);
        told.push(format!("to be started again: {}", due.join(", ")));
    }
    if !hopeless.is_empty() {
        escalate(context, step, id, device, &hopeless);
        told.push(format!("a person is told of {}", hopeless.join(", ")));
    }
    Ok((!told.is_empty()).then(|| told.join("; ")))
}

enum Next {
    Wait,
    Again,
    Escalate,
}

fn next(context: &Context<'_>, restart: &Restart) -> Result<Next, Stop> {
    let is_performed =
        context.view.order(&restart.order)?.is_some_and(|(_, record)| record.performed.is_some());
    if restart.escalated || !is_performed {
        return Ok(Next::Wait);
    }
    let tries = usize::try_from(restart.tries).unwrap_or(usize::MAX);
    let patience = PATIENCE.get(tries.saturating_sub(1)).copied().unwrap_or_default();
    let waited = context.now.duration_since(restart.at).unwrap_or_default();
    Ok(match (waited < patience, tries < PATIENCE.len()) {
        (true, _) => Next::Wait,
        (false, true) => Next::Again,
        (false, false) => Next::Escalate,
    })
}

/// Services that run again prove the orders that were given for them.
fn prove(context: &Context<'_>, step: &mut Step, device: &mut Device, stopped: &[&str]) -> Result<(), Stop> {
    let (open, done): (Vec<Restart>, Vec<Restart>) = std::mem::take(&mut device.restarts)
        .into_iter()
        .partition(|restart| stopped.contains(&restart.service.as_str()));
    let mut orders: Vec<&OrderId> = done.iter().map(|restart| &restart.order).collect();
    orders.sort();
    orders.dedup();
    for order in orders.into_iter().filter(|order| open.iter().all(|restart| restart.order != **order)) {
        if let Some((version, record)) = context.view.order(order)?
            && record.performed.is_some()
        {
            let record = OrderRecord { proved: true, ..record.clone() };
            step.write(EntityKey::Order(order.clone()), version, Entity::Order(record));
        }
    }
    device.restarts = open;
    Ok(())
}

fn incident_about<'a>(device: &'a Device, service: &str) -> Option<&'a CorrelationId> {
    let key = service_key(service, ServiceFault::RequiredStopped);
    device.incidents.iter().rev().find(|open| open.about.contains(&key)).map(|open| &open.incident)
}

fn order(context: &Context<'_>, step: &mut Step, id: &DeviceId, device: &mut Device, services: &[&str]) {
    let order_id = OrderId::derived(&context.event.identity(), "restart");
    let actions = services.iter().map(|name| Action::RestartService { name: (*name).to_owned() }).collect();
    let mut order = Order::new(
        order_id.clone(),
        id.clone(),
        device.fleet.clone(),
        device.build_id.clone(),
        actions,
        format!("required service(s) of device {id} do not run: {}", services.join(", ")),
    );
    let mut incidents: Vec<String> =
        services.iter().filter_map(|name| incident_about(device, name)).map(ToString::to_string).collect();
    incidents.sort();
    incidents.dedup();
    order.incidents = incidents;
    for service in services {
        let at = context.now;
        match device.restarts.iter_mut().find(|restart| restart.service == *service) {
            Some(restart) => {
                restart.tries = restart.tries.saturating_add(1);
                (restart.order, restart.at) = (order_id.clone(), at);
            }
            None => device.restarts.push(Restart {
                service: (*service).to_owned(),
                tries: 1,
                order: order_id.clone(),
                at,
                escalated: false,
            }),
        }
    }
    publish(context, step, order, "restart");
}

fn escalate(context: &Context<'_>, step: &mut Step, id: &DeviceId, device: &mut Device, services: &[&str]) {
    for restart in device.restarts.iter_mut().filter(|one| services.contains(&one.service.as_str())) {
        restart.escalated = true;
    }
    let event = DeviceEscalated {
        device: id.clone(),
        fleet: device.fleet.clone(),
        build_id: device.build_id.clone(),
        incident: services.iter().find_map(|name| incident_about(device, name)).cloned(),
        reason: format!(
            "Required service(s) {} still do not run after {} orders to start them.",
            services.join(", "),
            PATIENCE.len()
        ),
    };
    step.publish(context.derived("escalated", context.now, EventBody::DeviceEscalated(Box::new(event))));
}
