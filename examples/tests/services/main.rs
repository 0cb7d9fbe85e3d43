//! The services as an operator runs them, started in this process or as their binaries, on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod config;
