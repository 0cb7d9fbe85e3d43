//! The lifecycle: from events to decisions, plans and records.

mod afterwards;
mod apply;
mod compromise;
mod daily;
mod deadlines;
mod events;
mod gates;
mod impact;
mod incident_plans;
mod instructions;
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
