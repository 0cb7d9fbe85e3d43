use openfactory_sn::secret::{FernetError, FernetKeys, SecretStore, StoreError};
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use openfactory_sn::webhook::{Verifier, WebhookSecret};
use openfactory_sn::{Auth, Client, Secret};
use serde_json::json;

use crate::support::{ID, builder, id, record_path, row};

const SECRETS: &[&str] = &["pass-3f9a", "secret-7c1e", "token-55d0", "c3ZjOnBhc3MtM2Y5YQ", "b3BlbmZhY3Rvcnk"];

fn assert_clean(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn nothing_that_holds_a_secret_prints_it() {
    let script = ScriptedTransport::new();
    let basic = Auth::basic("svc", Secret::new("pass-3f9a"));
    let oauth = Auth::client_credentials("client-1", Secret::new("secret-7c1e"));
    assert_clean(&format!("{basic:?} {oauth:?}"));
    for auth in [basic, oauth] {
        let builder = builder(&script).auth(auth);
        assert_clean(&format!("{builder:?}"));
        let client = builder.build().unwrap();
        assert_clean(&format!(
            "{client:?} {:?} {:?}",
            client.dynamic_table("incident"),
            client.attachments()
        ));
    }
    let webhook = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx").unwrap();
    assert_clean(&format!("{webhook:?} {:?}", Verifier::new([webhook.clone()])));
    let with_user =
        Client::builder("https://svc:pass-3f9a@plant.example.com").auth(Auth::basic("a", "b".into()));
    assert_clean(&format!("{with_user:?}"));
    assert_clean(&format!("{:?}", with_user.build().unwrap_err()));
}

#[tokio::test]
async fn no_error_prints_one() {
    let replies = [
        Reply::failure(TransportErrorKind::Timeout),
        Reply::fault(401, "User Not Authenticated", ""),
        Reply::fault(403, "Operation Failed", ""),
        Reply::raw(200, "text/html", "<html>"),
        Reply::result(200, json!([])),
    ];
    for reply in replies {
        let script = ScriptedTransport::new()
            .on(Expected::post("/oauth_token.do"), Reply::token("token-55d0", 1799))
            .on(Expected::get(record_path()), reply)
            .on(Expected::post("/oauth_token.do"), Reply::json(401, &json!({"error": "server_error"})));
        let auth = Auth::client_credentials("client-1", Secret::new("secret-7c1e"));
        let client = builder(&script).auth(auth).build().unwrap();
        let error = client.dynamic_table("incident").get(&id()).await.unwrap_err();
        assert_clean(&format!("{error} {error:?} {} {client:?} {:?}", error.advice(), script.requests()));
    }
}

#[tokio::test]
async fn the_token_is_marked_as_sensitive() {
    let script = ScriptedTransport::new()
        .on(Expected::post("/oauth_token.do"), Reply::token("token-55d0", 1799))
        .on(Expected::get(record_path()), Reply::result(200, row(ID, "1")));
    let auth = Auth::client_credentials("client-1", Secret::new("secret-7c1e"));
    builder(&script).auth(auth).build().unwrap().dynamic_table("incident").get(&id()).await.unwrap();
    let requests = script.requests();
    assert!(requests[1].headers["authorization"].is_sensitive());
    assert_clean(&format!("{:?}", requests[1].headers));
}

#[cfg(unix)]
#[test]
fn what_an_earlier_attempt_left_does_not_open_the_store_to_others() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let directory = tempfile::tempdir().unwrap();
    let (path, beside) = (directory.path().join("secrets"), directory.path().join("secrets.new"));
    let other = directory.path().join("other");
    let mut store =
        SecretStore::new(FernetKeys::parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").unwrap());
    store.set("cmdb", &Secret::new("s3cr3t"), std::time::SystemTime::now(), [7; 16]).unwrap();
    std::fs::write(&beside, "").unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o644)).unwrap();
    for _ in 0..2 {
        store.save(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        symlink(&other, &beside).unwrap();
    }
    assert!(!other.exists(), "a link is not followed");
}

#[test]
fn what_is_kept_can_be_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secrets");
    let keys = FernetKeys::parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").unwrap();
    let mut store = SecretStore::new(keys.clone());
    let now = std::time::SystemTime::now();
    assert!(matches!(
        store.set("long", &Secret::new("x".repeat(48_001)), now, [7; 16]),
        Err(StoreError::Fernet { source: FernetError::TooLong, .. })
    ));
    store.set("a", &Secret::new("x"), now, [7; 16]).unwrap();
    store.save(&path).unwrap();
    for n in 0..20 {
        store.set(&format!("long{n}"), &Secret::new("x".repeat(48_000)), now, [7; 16]).unwrap();
    }
    assert!(matches!(store.save(&path), Err(StoreError::File(_))));
    assert_eq!(
        SecretStore::open(&path, keys.clone()).unwrap().names().collect::<Vec<_>>(),
        ["a"],
        "as it was"
    );
    std::fs::write(&path, store.to_text()).unwrap();
    assert!(matches!(SecretStore::open(&path, keys), Err(StoreError::File(_))));
}
