//! Data on disk, and the certificate authority beside it.

use openfactory_simulator::state::StoreError;
use openfactory_simulator::{Builder, Profile, Simulator, StartError};
use serde_json::json;

use crate::support::{builder, started};

#[tokio::test]
async fn a_restart_goes_on_where_the_instance_was() {
    let dir = tempfile::tempdir().unwrap();
    let settings = || builder().state(dir.path().join("state.db")).tls_dir(dir.path().join("tls"));
    let it = started(settings()).await;
    let made = it.create("incident", json!({ "short_description": "kept" })).await;
    let groups = it.simulator.store().records("sys_user_group").unwrap();
    let ca = it.simulator.ca_pem().map(str::to_owned);
    it.simulator.shutdown().await;

    let again = started(settings()).await;
    assert_eq!(again.simulator.ca_pem().map(str::to_owned), ca);
    assert_eq!(again.get(&crate::support::path_of("incident", &made)).await["short_description"], "kept");
    assert_eq!(again.simulator.store().records("sys_user_group").unwrap(), groups);
    assert_eq!(again.create("incident", json!({})).await["number"], "INC0010002");
    // A client that was made before the restart still trusts it.
    let answer = it.client.get(again.url("/api/now/nonsense")).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(dir.path().join("tls/ca-key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_state_that_is_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("state.db");
    std::fs::write(&file, vec![b'x'; 8192]).unwrap();
    let error = Simulator::builder().state(&file).start().await.unwrap_err();
    assert!(matches!(error, StartError::State { .. }), "{error:?}");
    assert_eq!(std::fs::read(&file).unwrap(), vec![b'x'; 8192]);
    let missing = Simulator::builder().state(dir.path().join("no/such/dir/state.db")).start().await;
    assert!(matches!(missing, Err(StartError::State { .. })));
}

#[tokio::test]
async fn a_state_is_that_of_one_instance_of_one_profile() {
    let dir = tempfile::tempdir().unwrap();
    let settings = || builder().state(dir.path().join("state.db"));
    let failed = async |builder: Builder| match builder.start().await {
        Err(StartError::State { source, .. }) => source,
        other => panic!("{other:?}"),
    };
    let it = started(settings()).await;
    assert!(matches!(failed(settings()).await, StoreError::InUse));
    it.create("incident", json!({})).await;
    it.simulator.shutdown().await;
    let other = settings().profile(Profile::Stock);
    assert!(matches!(failed(other).await, StoreError::Profile { found } if found == "guide"));
    // One that is dropped leaves it, too.
    drop(started(settings()).await);
    let again = started(settings()).await;
    assert_eq!(again.simulator.store().records("incident").unwrap().len(), 1);
}

#[tokio::test]
async fn it_speaks_plain_http_where_told() {
    let simulator = builder().plain_http().start().await.unwrap();
    assert!(simulator.base_url().starts_with("http://127.0.0.1:"));
    assert!(simulator.ca_pem().is_none());
    let url = format!("{}/api/now/table/incident", simulator.base_url());
    let answer =
        reqwest::Client::builder().no_proxy().build().unwrap().get(url).basic_auth("ada", Some("pw"));
    assert_eq!(answer.send().await.unwrap().status(), 200);
}
