//! One router on one directory; and a configuration that can't be used.

use std::process::Command;

use crate::world::World;

/// Runs the binary, which must not start; gives what it says.
fn refused(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_event-router")).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty());
    said
}

#[tokio::test]
async fn a_second_router_on_the_same_files_is_refused() {
    let world = World::new().await;
    let router = world.start().await;
    let file = world.config_file(world.simulator.base_url());
    let said =
        tokio::task::spawn_blocking(move || refused(&["--config", file.to_str().unwrap()])).await.unwrap();
    assert!(said.contains("state.sqlite is in use by process"), "{said}");
    assert_eq!(router.send(&world.request("b-1"), &world.platform).await.status, 202, "the first goes on");
    router.stop().await;
    world.audited();
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_known_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("router.toml");
    std::fs::write(&file, "[listen]\nadress = \"127.0.0.1:0\"\n").unwrap();
    let said = refused(&["--config", file.to_str().unwrap()]);
    assert!(said.contains("adress") && said.contains("`listen.address`"), "{said}");
}

#[test]
fn the_printed_configuration_is_the_default_one() {
    let output = Command::new(env!("CARGO_BIN_EXE_event-router")).arg("--print-config").output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, openfactory_examples::router::config::DEFAULTS.as_bytes());
}

#[test]
fn every_key_of_the_default_configuration_is_real() {
    let defaults = openfactory_examples::router::config::DEFAULTS;
    let all = openfactory_examples::config::uncommented(defaults);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.toml");
    std::fs::write(&file, all).unwrap();
    let config: openfactory_examples::router::config::RouterConfig =
        openfactory_examples::config::load(defaults, Some(&file), []).unwrap();
    assert_eq!(config.servicenow.client_id, "0123456789abcdef0123456789abcdef");
}
