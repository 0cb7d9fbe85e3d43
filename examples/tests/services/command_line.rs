//! What every binary answers to everybody.

use std::process::Command;

use openfactory_examples::{agent, router, webhook};

fn stdout(binary: &str, argument: &str) -> String {
    let output = Command::new(binary).arg(argument).output().unwrap();
    assert!(output.status.success(), "{binary} {argument}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_binary_tells_its_version_under_its_own_name() {
    for (name, binary) in [
        ("agent", env!("CARGO_BIN_EXE_agent")),
        ("attest", env!("CARGO_BIN_EXE_attest")),
        ("demo", env!("CARGO_BIN_EXE_demo")),
        ("event-router", env!("CARGO_BIN_EXE_event-router")),
        ("servicenow-sim", env!("CARGO_BIN_EXE_servicenow-sim")),
        ("webhook", env!("CARGO_BIN_EXE_webhook")),
    ] {
        assert_eq!(stdout(binary, "--version"), format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
        assert!(stdout(binary, "--help").contains(&format!("Usage: {name} ")), "{name}");
    }
}

#[test]
fn what_is_configured_by_a_file_prints_one_to_start_from() {
    for (binary, defaults) in [
        (env!("CARGO_BIN_EXE_agent"), agent::config::DEFAULTS),
        (env!("CARGO_BIN_EXE_event-router"), router::config::DEFAULTS),
        (env!("CARGO_BIN_EXE_webhook"), webhook::config::DEFAULTS),
    ] {
        assert_eq!(stdout(binary, "--print-config"), defaults);
    }
    let nothing = Command::new(env!("CARGO_BIN_EXE_agent")).output().unwrap();
    assert_eq!(nothing.status.code(), Some(2));
}
