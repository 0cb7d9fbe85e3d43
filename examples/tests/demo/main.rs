//! The demo as a process that is killed: at random moments, and at each edge of the rule that ties state, queue
//! and audit together. However often, it ends with the records of an undisturbed run, each once.
#![allow(missing_docs, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::missing_panics_doc,
    reason = "tests"
)]

mod bad_input;
mod edges;
mod image;
mod kill;
mod profiles;
mod sbom;
mod timer;
mod told;
