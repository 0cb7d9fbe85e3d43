use super::*;
use LockdownState::{Locked, Migration, Unlocked};

/// Integration guide, "Lockdown State Transitions", and every other state and trigger.
#[test]
fn every_state_has_an_answer_to_every_trigger() {
    let allowed = [
        (Locked, Trigger::Migrate, Migration, SealAction::Keep, Row::MigrationOpened),
        (Migration, Trigger::Lock, Locked, SealAction::Renew, Row::MigrationClosed),
        (Migration, Trigger::Expired, Locked, SealAction::Recheck, Row::MigrationClosed),
        (Migration, Trigger::MigrationFailed, Locked, SealAction::Recheck, Row::MigrationClosed),
        (Locked, Trigger::Unlock, Unlocked, SealAction::Keep, Row::Unlocked),
        (Unlocked, Trigger::Lock, Locked, SealAction::Renew, Row::Relocked),
        (Unlocked, Trigger::Expired, Locked, SealAction::Recheck, Row::Relocked),
    ];
    for state in LockdownState::ALL {
        for trigger in Trigger::ALL {
            let row = allowed.iter().find(|(from, by, ..)| (*from, *by) == (state, trigger));
            let expected = match row {
                Some(&(from, _, to, seal, row)) => Ok(Transition { from, to, seal, row }),
                None => Err(NotAllowed { state, trigger }),
            };
            assert_eq!(step(state, trigger), expected, "{state} {trigger}");
        }
    }
}

#[test]
fn only_a_signed_lock_renews_the_seal() {
    for state in LockdownState::ALL {
        for trigger in Trigger::ALL {
            let renews = step(state, trigger).is_ok_and(|transition| transition.seal == SealAction::Renew);
            assert!(!renews || trigger == Trigger::Lock, "{state} {trigger}");
        }
    }
}

/// The guide's columns "Zone 2 Access" and "Monitoring Mode" are those of the state that a transition ends in.
#[test]
fn access_and_monitoring_are_the_guides() {
    let rows = [
        (Migration, Access::ReadWrite, Monitoring::Audit),
        (Locked, Access::ReadOnly, Monitoring::Deny),
        (Unlocked, Access::ReadWrite, Monitoring::Audit),
    ];
    for (state, access, monitoring) in rows {
        assert_eq!((state.access(), state.monitoring()), (access, monitoring), "{state}");
    }
}
