//! Signed commands: each reason to refuse one.

use std::error::Error as _;

use openfactory_attest::canonical;
use openfactory_attest::{Envelope, Sha256Digest, Verified};
use openfactory_zone2::command::{
    self, Action, Authority, Command, CommandError, MAX_ENVELOPE_BYTES, PAYLOAD_TYPE, Recipient, Refusal,
    Target,
};
use openfactory_zone2::lockdown::{LockdownRecord, LockdownState, Next};

use super::support::{at, command, key, trust};

/// press-1 after its first signed lock, at 5.
pub(crate) fn locked() -> LockdownRecord {
    let born = LockdownRecord::born(at(0));
    let authority = Authority::new("ann@example.com", "provisioned", "CHG0030000");
    let target = Target::Device("press-1".into());
    let lock = Command::new("lock-0", Action::Lock, target, authority, at(1), at(1000)).unwrap();
    let lock = verify(&lock.sign(&key(1)).unwrap(), &born, 5).unwrap();
    born.command(&lock, at(5)).unwrap().into_record(Some(Sha256Digest::of(b"seal"))).unwrap()
}

pub(crate) fn verify(
    envelope: &Envelope,
    lockdown: &LockdownRecord,
    now: u64,
) -> Result<Verified<Command>, Refusal> {
    let trust = trust();
    let recipient = Recipient { device: "press-1", fleet: "presses", trust: &trust, lockdown };
    command::verify(&envelope.to_json(), &recipient, at(now))
}

pub(crate) fn obey(record: &LockdownRecord, id: &str, action: Action, now: u64) -> Result<Next, Refusal> {
    let command = verify(&command(id, action).sign(&key(1)).unwrap(), record, now)?;
    record.command(&command, at(now))
}

#[test]
fn a_good_command_is_obeyed_until_the_instant_at_which_it_expires() {
    let envelope = command("c-1", Action::Unlock).sign(&key(1)).unwrap();
    let admitted = verify(&envelope, &locked(), 999).unwrap();
    assert_eq!(admitted.signer().name, "ops");
    assert_eq!(verify(&envelope, &locked(), 1000), Err(Refusal::Expired { expired: at(1000) }));
}

/// Each of these is refused with a reason of its own, and leaves the record as it was.
#[test]
fn every_refusal_has_its_reason() {
    let record = locked();
    let unlock = command("c-1", Action::Unlock);
    let sign = |command: &Command, by: u8| command.sign(&key(by)).unwrap();
    let to = |target: Target| {
        let authority = Authority::new("ann", "why", "CHG1");
        Command::new("c-1", Action::Unlock, target, authority, at(10), at(1000)).unwrap()
    };
    let mut forged = serde_json::to_value(sign(&unlock, 1)).unwrap();
    let payload = canonical::to_vec_signed(&command("c-2", Action::Unlock)).unwrap();
    forged["payload"] = serde_json::to_value(Envelope::sign(PAYLOAD_TYPE, &payload, &key(1)).unwrap())
        .unwrap()["payload"]
        .clone();
    let forged: Envelope = serde_json::from_value(forged).unwrap();
    let mut bare = serde_json::to_value(sign(&unlock, 1)).unwrap();
    bare["signatures"] = serde_json::json!([]);
    let bare: Envelope = serde_json::from_value(bare).unwrap();

    let table = [
        ("no signature", bare, 20, "unsigned"),
        ("a stranger's", sign(&unlock, 9), 20, "unsigned"),
        ("another payload under the signature", forged, 20, "unsigned"),
        ("the build platform's", sign(&unlock, 4), 20, "wrong-key"),
        ("the device's own", sign(&unlock, 2), 20, "wrong-key"),
        ("the integration's, which may only ask for reports", sign(&unlock, 3), 20, "wrong-key"),
        ("another device's", sign(&to(Target::Device("press-2".into())), 1), 20, "other-device"),
        ("another fleet's", sign(&to(Target::Fleet("lathes".into())), 1), 20, "other-device"),
        ("a fleet of the device's name", sign(&to(Target::Fleet("press-1".into())), 1), 20, "other-device"),
        ("too late", sign(&unlock, 1), 1000, "expired"),
        ("used", sign(&command("lock-0", Action::Unlock), 1), 20, "used"),
        ("no place for it", sign(&command("c-1", Action::Lock), 1), 20, "state"),
        ("another type", Envelope::sign("text/plain", b"{}", &key(1)).unwrap(), 20, "malformed"),
        ("no command", Envelope::sign(PAYLOAD_TYPE, b"{}", &key(1)).unwrap(), 20, "malformed"),
    ];
    for (what, envelope, now, reason) in table {
        let refusal = verify(&envelope, &record, now).unwrap_err();
        assert_eq!(refusal.reason(), reason, "{what}: {refusal} ({:?})", refusal.source());
    }
    assert!(verify(&sign(&to(Target::Fleet("presses".into())), 1), &record, 20).is_ok());

    let (trust, huge) = (trust(), vec![b' '; MAX_ENVELOPE_BYTES + 1]);
    let recipient = Recipient { device: "press-1", fleet: "presses", trust: &trust, lockdown: &record };
    for bytes in [&huge[..], b"", b"{", b"\xff"] {
        assert_eq!(command::verify(bytes, &recipient, at(20)).unwrap_err().reason(), "malformed");
    }
}

#[test]
fn a_report_may_be_asked_for_by_the_integration_and_needs_no_reason() {
    let record = locked();
    let authority = Authority::new("", "", "");
    let attest = Action::Attest { nonce: "n-1".into() };
    let target = Target::Fleet("presses".into());
    let command = Command::new("a-1", attest, target, authority, at(10), at(70)).unwrap();
    let admitted = verify(&command.sign(&key(3)).unwrap(), &record, 20).unwrap();
    let next = record.command(&admitted, at(20)).unwrap();
    assert_eq!(next.transition(), None);
    let after = next.into_record(None).unwrap();
    assert_eq!((after.state(), after.history().len()), (LockdownState::Locked, 1));
    // Once.
    assert_eq!(after.command(&admitted, at(21)).unwrap_err(), Refusal::Used { id: "a-1".into() });
}

#[test]
fn a_second_signature_by_the_right_kind_will_do() {
    let envelope = command("c-1", Action::Unlock).sign(&key(3)).unwrap();
    assert_eq!(verify(&envelope, &locked(), 20).unwrap_err().reason(), "wrong-key");
    let both = envelope.countersign(&key(1)).unwrap();
    assert_eq!(verify(&both, &locked(), 20).unwrap().signer().name, "ops");
}

#[test]
fn what_opens_zone_2_names_operator_reason_and_change() {
    let build = |operator: &str, why: &str, change: &str, expires: u64| {
        let authority = Authority::new(operator, why, change);
        let target = Target::Device("press-1".into());
        Command::new("c", Action::Unlock, target, authority, at(10), at(expires))
    };
    assert!(build("ann", "why", "CHG1", 11).is_ok());
    let missing = |member| Err(CommandError::Text { member });
    assert_eq!(build(" ", "why", "CHG1", 11), missing("operator"));
    assert_eq!(build("ann", "", "CHG1", 11), missing("justification"));
    assert_eq!(build("ann", "a\u{7}", "CHG1", 11), missing("justification"));
    assert_eq!(build("ann", &"w".repeat(2049), "CHG1", 11), missing("justification"));
    assert_eq!(build("ann", "why", "", 11), missing("change_request"));
    assert_eq!(build("ann", "why", "CHG1", 10), Err(CommandError::Times));
}

#[test]
fn the_signed_bytes_are_canonical_json() {
    let envelope = command("c-1", Action::Unlock).sign(&key(1)).unwrap();
    let expected = r#"{"action":"unlock","change_request":"CHG0030001","expires":"2026-09-21T14:30:00Z","id":"c-1","issued":"2026-09-21T14:13:30Z","justification":"replace the broken probe","operator":"ann@example.com","target":{"device":"press-1"},"version":1}"#;
    assert_eq!(String::from_utf8_lossy(envelope.payload_unverified()), expected);
}
