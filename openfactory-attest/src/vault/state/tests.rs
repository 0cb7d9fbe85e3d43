use super::*;
use crate::key::{Ed25519Key, Signer as _};
use crate::vault::VaultErrorKind;

fn key(seed: u8, name: &str) -> VaultKey {
    let public = Ed25519Key::from_seed(&[seed; 32]).public_key().clone();
    VaultKey::new(name, KeyKind::BuildPlatformSigning, public, SystemTime::UNIX_EPOCH)
}

#[test]
fn the_file_round_trips() {
    let mut state = State::new();
    state.keys.push(VaultKey {
        state: KeyState::Revoked {
            reason: Reason::KeyCompromise,
            incident: Some("INC0010001".to_owned()),
            when: SystemTime::UNIX_EPOCH,
        },
        superseded_by: Some(*key(2, "platform").key_id()),
        ..key(1, "platform")
    });
    state.keys.push(key(2, "platform"));
    let bytes = state.to_bytes().unwrap();
    assert_eq!(State::parse(&bytes).unwrap(), state);
    assert_eq!(state.current("platform"), Some(&key(2, "platform")));
    let revoked = state.keys[0].to_revoked().unwrap();
    assert_eq!(
        (revoked.incident.as_deref(), revoked.superseded_by),
        (Some("INC0010001"), Some(*key(2, "").key_id()))
    );
    assert_eq!(state.keys[1].to_revoked(), None);
}

#[test]
fn a_file_that_the_vault_did_not_write_is_damage() {
    let mut twice = State::new();
    twice.keys = vec![key(1, "a"), key(1, "b")];
    let mut two_active = State::new();
    two_active.keys = vec![key(1, "a"), key(2, "a")];
    let mut unnamed = State::new();
    unnamed.keys = vec![key(1, "a\nb")];
    let good = State::new().to_bytes().unwrap();
    let good = String::from_utf8(good).unwrap();
    for bytes in [
        b"{".to_vec(),
        b"{\"version\":1,\"version\":1,\"keys\":[]}".to_vec(),
        b"{\"version\":1.5,\"keys\":[]}".to_vec(),
        b"[1,[]]".to_vec(),
        good.replace('1', "2").into_bytes(),
        good.replace("\"keys\"", "\"key\"").into_bytes(),
        vec![b' '; MAX_STATE + 1],
        twice.to_bytes().unwrap(),
        two_active.to_bytes().unwrap(),
        unnamed.to_bytes().unwrap(),
    ] {
        let error = State::parse(&bytes).unwrap_err();
        assert_eq!(error.kind(), VaultErrorKind::Damaged, "{error}");
    }
}
