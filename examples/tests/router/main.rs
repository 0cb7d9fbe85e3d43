//! The event router as an operator runs it, over TLS on loopback, with the simulator as its ServiceNow.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod alarms;
mod alone;
mod attestation;
mod commands;
mod compromised;
mod faults;
mod full_disk;
mod gate;
mod instructions;
mod intake;
mod orders;
mod page;
mod queue_control;
mod world;
