//! What operators do with dead letters.

use std::time::Duration;

use super::Harness;
use super::kit::*;
use super::letters::{letter_ids, letters};
use crate::dead_letter::{DeadLetterFilter, DeadPolicy, Discard, Moved, Redrive, Selection};
use crate::error::ErrorKind;
use crate::history::IncidentKind;
use crate::message::Published;

fn named(ids: &[&str]) -> Selection {
    Selection::Ids(ids.iter().map(|id| (*id).to_owned()).collect())
}

fn all() -> Selection {
    Selection::Matching(DeadLetterFilter::all())
}

fn again(selection: Selection) -> Redrive {
    Redrive::new(selection, "op@example.org", "fixed")
}

async fn redrive(harness: &dyn Harness, redrive: Redrive) -> Moved {
    ok(harness.queue().redrive(redrive).await)
}

/// Before all that waits in its key, while the key's running lease ends first.
pub async fn a_redriven_message_takes_its_old_place(harness: &mut dyn Harness) {
    publish(harness, [keyed("1", "key"), keyed("2", "key"), keyed("3", "key")]).await;
    kill(harness, "1", "x").await;
    redrive(harness, again(all())).await;
    assert_eq!(drain(harness).await, ["1", "2", "3"]);

    let skip = |id: &str| keyed(id, "key").on_dead(DeadPolicy::Skip);
    publish(harness, [skip("4"), skip("5"), skip("6"), skip("7")]).await;
    kill(harness, "4", "x").await;
    kill(harness, "5", "x").await;
    let running = lease_one(harness, "6").await;
    redrive(harness, again(all())).await;
    lease_nothing(harness).await;
    done(harness, &running, retry(Duration::ZERO)).await;
    assert_eq!(drain(harness).await, ["4", "5", "6", "7"]);
}

/// The second time, there is nothing left to move.
pub async fn redriving_twice_moves_once(harness: &mut dyn Harness) {
    publish(harness, [plain("a"), plain("b")]).await;
    kill(harness, "a", "x").await;
    kill(harness, "b", "x").await;
    let first = redrive(harness, again(named(&["b", "a", "a", "nobody"]))).await;
    assert_eq!(
        (first.ids, first.missing, first.remaining),
        (vec!["a".into(), "b".into()], vec!["nobody".into()], 0)
    );
    let second = redrive(harness, again(named(&["a"]))).await;
    assert_eq!((second.ids.len(), second.missing), (0, vec!["a".to_owned()]));
    assert_eq!(redrive(harness, again(all())).await, Moved::default());
    assert_eq!(drain(harness).await, ["a", "b"]);
    assert_eq!(stats(harness).await.dead, 0);
}

/// It is the same message: same place, same id, its failures forgiven but not forgotten.
pub async fn a_redriven_message_keeps_its_history_and_its_id(harness: &mut dyn Harness) {
    let seq = publish(harness, [plain("a")]).await[0];
    let first = lease_one(harness, "a").await;
    done(harness, &first, retry(Duration::ZERO)).await;
    kill(harness, "a", "x").await;
    redrive(harness, again(all())).await;
    assert_eq!(publish_one(harness, plain("a")).await, Published::Duplicate { seq });
    let leased = lease_one(harness, "a").await;
    assert_eq!((leased.token.seq(), leased.attempt, leased.deliveries), (seq, 1, 3));
    assert!(leased.token.epoch() > first.token.epoch());
    done(harness, &leased, dead("y")).await;
    let letter = &letters(harness, DeadLetterFilter::all()).await[0];
    let kinds: Vec<IncidentKind> = letter.history.iter().map(|incident| incident.kind).collect();
    let expected = [IncidentKind::Failed, IncidentKind::Dead, IncidentKind::Redriven, IncidentKind::Dead];
    assert_eq!(kinds, expected);
    assert_eq!(letter.history[2].reason, "op@example.org: fixed");
    redrive(harness, again(all()).keep_failures()).await;
    let leased = lease_one(harness, "a").await;
    assert_eq!(leased.attempt, 1, "forgiven by the first redrive");
    done(harness, &leased, retry(Duration::ZERO)).await;
    kill(harness, "a", "z").await;
    redrive(harness, again(all()).keep_failures()).await;
    assert_eq!(lease_one(harness, "a").await.attempt, 2);
}

/// It only says what would be.
pub async fn a_dry_run_changes_nothing(harness: &mut dyn Harness) {
    for id in ["a", "b", "c"] {
        publish(harness, [plain(id)]).await;
        kill(harness, id, "x").await;
    }
    let would = redrive(harness, again(all()).limit(2).dry_run()).await;
    assert_eq!((would.ids, would.remaining), (vec!["a".into(), "b".into()], 1));
    let discard = Discard::new(all(), "op", "old").limit(1).dry_run();
    let would = ok(harness.queue().discard(discard).await);
    assert_eq!((would.ids, would.remaining), (vec!["a".into()], 2));
    lease_nothing(harness).await;
    assert_eq!(letter_ids(&letters(harness, DeadLetterFilter::all()).await), ["a", "b", "c"]);
    let moved = redrive(harness, again(all()).limit(2)).await;
    assert_eq!((moved.ids, moved.remaining), (vec!["a".into(), "b".into()], 1));
    assert_eq!(drain(harness).await, ["a", "b"]);
}

/// Two a second: the third comes after one second.
pub async fn a_rate_spreads_a_redrive(harness: &mut dyn Harness) {
    for id in ["a", "b", "c", "d"] {
        publish(harness, [plain(id)]).await;
        kill(harness, id, "x").await;
    }
    redrive(harness, again(all()).rate(2)).await;
    assert_eq!(drain(harness).await, ["a"]);
    harness.advance(SECOND / 2);
    assert_eq!(drain(harness).await, ["b"]);
    harness.advance(SECOND);
    assert_eq!(drain(harness).await, ["c", "d"]);
}

/// Somebody has asked for it.
pub async fn an_expired_message_is_delivered_when_redriven(harness: &mut dyn Harness) {
    publish(harness, [plain("a").expires(harness.now() + SECOND)]).await;
    harness.advance(SECOND);
    lease_nothing(harness).await;
    redrive(harness, again(all())).await;
    assert_eq!(drain(harness).await, ["a"]);
}

/// It is never seen again, its key goes on, and its id stays known.
pub async fn a_discard_is_for_good_and_unblocks(harness: &mut dyn Harness) {
    let seq = publish(harness, [keyed("1", "key"), keyed("2", "key")]).await[0];
    kill(harness, "1", "x").await;
    let moved = ok(harness.queue().discard(Discard::new(named(&["1"]), "op", "obsolete")).await);
    assert_eq!(moved.ids, ["1"]);
    assert_eq!(letters(harness, DeadLetterFilter::all()).await, []);
    assert_eq!(redrive(harness, again(named(&["1"]))).await.missing, ["1"]);
    assert_eq!(publish_one(harness, keyed("1", "key")).await, Published::Duplicate { seq });
    assert_eq!(drain(harness).await, ["2"]);
    assert_eq!(stats(harness).await.blocked_keys, 0);
}

/// No act without name and reason.
pub async fn operators_must_say_who_and_why(harness: &mut dyn Harness) {
    publish(harness, [plain("a")]).await;
    kill(harness, "a", "x").await;
    let queue = harness.queue();
    for (actor, reason) in [("", "why"), ("who", ""), ("who", "  ")] {
        let refused = [
            kind(queue.redrive(Redrive::new(all(), actor, reason)).await),
            kind(queue.discard(Discard::new(all(), actor, reason)).await),
            kind(queue.pause(crate::pause::Pause::new(crate::pause::PauseScope::Queue, actor, reason)).await),
            kind(
                queue.resume(crate::pause::Resume::new(crate::pause::PauseScope::Queue, actor, reason)).await,
            ),
        ];
        assert_eq!(refused, [Some(ErrorKind::Invalid); 4]);
    }
    assert_eq!(stats(harness).await.dead, 1);
}
