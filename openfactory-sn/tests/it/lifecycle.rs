//! The lifecycle: from events to decisions, plans and records.

mod afterwards;
mod apply;
mod compromise;
mod events;
mod gates;
mod incident_plans;
mod overdue;
mod plans;
mod remediation;
mod reports;
mod rollout;
mod samples;
mod services;
mod state;
mod world;
mod zone2;
