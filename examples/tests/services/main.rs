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

mod agent;
mod agent_overlay;
mod command_line;
mod config;
mod fixture;
mod platform;
mod state;
mod tls;
mod webhook;

/// Says that a test did not run because a foreign tool is missing; with `OPENFACTORY_STRICT=1` that is a failure.
fn skip(test: &str, tool: &str) {
    let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
    assert!(!strict, "{test} needs {tool}");
    eprintln!("SKIPPED: {test}: needs {tool}");
}
