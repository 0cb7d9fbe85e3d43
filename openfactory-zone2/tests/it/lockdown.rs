//! The lockdown record: windows, seals, and what is remembered.

use openfactory_attest::Sha256Digest;
use openfactory_zone2::Row;
use openfactory_zone2::command::{Action, Authority, Command, Refusal, Target};
use openfactory_zone2::lockdown::{
    Cause, LockdownRecord, LockdownState, MAX_HISTORY, MAX_USED, MissingSeal, SealAction, TransitionRecord,
};

use super::commands::{locked, obey, verify};
use super::support::{at, key};

fn digest(text: &str) -> Option<Sha256Digest> {
    Some(Sha256Digest::of(text.as_bytes()))
}

fn last(record: &LockdownRecord) -> &TransitionRecord {
    record.history().last().unwrap()
}

#[test]
fn guide_row_unlocked_to_locked_a_device_is_born_unlocked_and_its_first_lock_seals_it() {
    let born = LockdownRecord::born(at(0));
    assert_eq!((born.state(), born.seal(), born.expires()), (LockdownState::Unlocked, None, None));
    assert!(born.tick(at(1 << 30)).is_none(), "nothing expires before the first lock");
    let next = obey(&born, "c-1", Action::Lock, 20).unwrap();
    assert!(next.needs_seal());
    assert_eq!(next.clone().into_record(None), Err(MissingSeal));
    let locked = next.into_record(digest("seal")).unwrap();
    assert_eq!((locked.state(), locked.seal()), (LockdownState::Locked, digest("seal")));
    let told = last(&locked);
    assert_eq!((told.sequence, told.row, told.at, told.seal), (1, Row::Relocked, at(20), digest("seal")));
}

#[test]
fn guide_row_locked_to_unlocked_by_a_command_with_operator_and_justification() {
    let unlocked =
        obey(&locked(), "c-1", Action::Unlock, 20).unwrap().into_record(digest("ignored")).unwrap();
    assert_eq!((unlocked.state(), unlocked.expires()), (LockdownState::Unlocked, Some(at(1000))));
    assert_eq!(unlocked.seal(), digest("seal"), "the old seal stays");
    let cause = Cause::Command {
        id: "c-1".into(),
        signer: "ops".into(),
        operator: "ann@example.com".into(),
        justification: "replace the broken probe".into(),
        change_request: "CHG0030001".into(),
    };
    let told = last(&unlocked);
    assert_eq!((told.sequence, told.row, &told.cause), (2, Row::Unlocked, &cause));
}

#[test]
fn a_window_that_expires_ends_at_the_old_seal() {
    for (action, row) in [(Action::Unlock, Row::Relocked), (Action::Migrate, Row::MigrationClosed)] {
        let open = obey(&locked(), "c-1", action, 20).unwrap().into_record(None).unwrap();
        assert!(open.tick(at(999)).is_none());
        let next = open.tick(at(1000)).unwrap();
        assert_eq!(next.transition().unwrap().seal, SealAction::Recheck);
        let closed = next.into_record(digest("never taken")).unwrap();
        assert_eq!(
            (closed.state(), closed.seal(), closed.expires()),
            (LockdownState::Locked, digest("seal"), None)
        );
        assert_eq!((last(&closed).row, &last(&closed).cause), (row, &Cause::Expired));
        assert!(closed.tick(at(2000)).is_none());
    }
}

#[test]
fn guide_rows_locked_to_migration_and_back() {
    let open = obey(&locked(), "c-1", Action::Migrate, 20).unwrap().into_record(None).unwrap();
    assert_eq!((open.state(), last(&open).row), (LockdownState::Migration, Row::MigrationOpened));
    let done = obey(&open, "c-2", Action::Lock, 30).unwrap().into_record(digest("new")).unwrap();
    assert_eq!((done.state(), done.seal()), (LockdownState::Locked, digest("new")));
    assert_eq!(last(&done).row, Row::MigrationClosed);

    let failed = open.migration_failed(at(30)).unwrap().into_record(None).unwrap();
    assert_eq!((failed.state(), failed.seal()), (LockdownState::Locked, digest("seal")));
    assert_eq!(last(&failed).cause, Cause::MigrationFailed);
    assert!(failed.migration_failed(at(31)).is_err());
}

#[test]
fn a_command_is_used_once_whatever_came_of_it() {
    let open = obey(&locked(), "c-1", Action::Unlock, 20).unwrap().into_record(None).unwrap();
    let closed = obey(&open, "c-2", Action::Lock, 30).unwrap().into_record(digest("new")).unwrap();
    for id in ["c-1", "c-2"] {
        assert_eq!(obey(&closed, id, Action::Unlock, 40).unwrap_err(), Refusal::Used { id: id.into() });
    }
}

#[test]
fn a_device_that_lost_its_record_is_locked_and_believes_no_command_from_before() {
    let lost = LockdownRecord::restored(at(15));
    assert_eq!((lost.state(), lost.seal()), (LockdownState::Locked, None));
    // Issued at 10.
    let refusal = obey(&lost, "c-9", Action::Unlock, 20).unwrap_err();
    assert_eq!(refusal, Refusal::Forgotten { issued: at(10), until: at(15) });
    let lost = LockdownRecord::restored(at(9));
    assert!(obey(&lost, "c-9", Action::Unlock, 20).is_ok());
}

#[test]
fn what_is_remembered_is_bounded_and_nothing_forgotten_is_believed_again() {
    let report = |number: usize, issued: u64, expires: u64| {
        let action = Action::Attest { nonce: "n".into() };
        let target = Target::Device("press-1".into());
        let authority = Authority::new("", "", "");
        let id = format!("a-{number}");
        let command = Command::new(id, action, target, authority, at(issued), at(expires)).unwrap();
        command.sign(&key(3)).unwrap()
    };
    let mut record = LockdownRecord::restored(at(0));
    for number in 0..MAX_USED {
        let admitted = verify(&report(number, 10, 100), &record, 20).unwrap();
        record = record.command(&admitted, at(20)).unwrap().into_record(None).unwrap();
    }
    // All are in force: there is no room.
    let one_more = verify(&report(MAX_USED, 30, 300), &record, 40).unwrap();
    assert_eq!(record.command(&one_more, at(40)).unwrap_err(), Refusal::TooMany);
    // All have expired: they make room, and are refused for their age.
    let record = record.command(&one_more, at(100)).unwrap().into_record(None).unwrap();
    assert_eq!(LockdownRecord::parse(&record.to_json().unwrap()), Ok(record.clone()));
    let refusal = verify(&report(5, 10, 1000), &record, 110).unwrap_err();
    assert_eq!(refusal, Refusal::Forgotten { issued: at(10), until: at(10) });
    assert_eq!(verify(&report(MAX_USED, 30, 300), &record, 110).unwrap_err().reason(), "used");
}

#[test]
fn the_history_holds_the_latest_transitions_and_the_sequence_goes_on() {
    let mut record = locked();
    for round in 0..MAX_HISTORY {
        let now = 20 + round as u64;
        let (open, lock) = (format!("u-{round}"), format!("l-{round}"));
        record = obey(&record, &open, Action::Unlock, now).unwrap().into_record(None).unwrap();
        record = obey(&record, &lock, Action::Lock, now).unwrap().into_record(digest(&lock)).unwrap();
    }
    assert_eq!(record.history().len(), MAX_HISTORY);
    assert_eq!(last(&record).sequence, 1 + 2 * MAX_HISTORY as u64);
    assert_eq!(LockdownRecord::parse(&record.to_json().unwrap()), Ok(record));
}
