//! Promises about commits.

use super::samples::{commit, entity, event, id, key, write};
use super::{Harness, Outcome, check, same};
use crate::lifecycle::entity::{EntityKey, EntityKind};
use crate::lifecycle::state::StateStore;
use crate::lifecycle::state::commit::CommitOutcome::{AlreadyApplied, Applied, Conflict};

async fn versions(store: &impl StateStore, labels: &[&str]) -> Result<Vec<u64>, super::Broken> {
    let keys: Vec<EntityKey> = labels.iter().map(|label| key(label)).collect();
    let kept = store.load(&keys).await?;
    let order: Vec<&EntityKey> = kept.iter().map(|(key, _)| key).collect();
    check("load answers in the order of the keys", order.iter().copied().eq(keys.iter()), || {
        format!("{order:?}")
    })?;
    Ok(kept.into_iter().map(|(_, kept)| kept.map_or(0, |kept| kept.version)).collect())
}

pub(super) async fn nothing_is_there_at_first<H: Harness>(harness: &H) -> Outcome {
    let promise = "an empty store is empty";
    let store = harness.empty().await;
    same(promise, &versions(&store, &["a", "b"]).await?, &vec![0, 0])?;
    same(promise, &store.outbox(10).await?.len(), &0)?;
    same(promise, &store.next_due().await?, &None)?;
    same(promise, &store.is_applied(&id("a")).await?, &false)?;
    same(promise, &store.receipt(&id("a")).await?, &None)
}

pub(super) async fn a_commit_happens_once<H: Harness>(harness: &H) -> Outcome {
    let promise = "a commit happens once";
    let store = harness.empty().await;
    let first = commit("one", vec![write("a", 0, "first")], vec![event("one")]);
    same(promise, &store.commit(&first).await?, &Applied)?;
    same(promise, &store.is_applied(&id("one")).await?, &true)?;
    // The version it was decided on is gone, yet it is not a conflict: it was applied.
    same(promise, &store.commit(&first).await?, &AlreadyApplied)?;
    let other_content = commit("one", vec![write("a", 1, "second")], vec![event("two")]);
    same(promise, &store.commit(&other_content).await?, &AlreadyApplied)?;
    same(promise, &versions(&store, &["a"]).await?, &vec![1])?;
    same(promise, &store.outbox(10).await?.len(), &1)
}

pub(super) async fn an_old_version_is_not_written_over<H: Harness>(harness: &H) -> Outcome {
    let promise = "an entity is written over the version that was read";
    let store = harness.empty().await;
    same(promise, &store.commit(&commit("1", vec![write("a", 0, "1")], vec![])).await?, &Applied)?;
    same(promise, &store.commit(&commit("2", vec![write("a", 0, "2")], vec![])).await?, &Conflict)?;
    same(promise, &store.commit(&commit("2", vec![write("a", 2, "2")], vec![])).await?, &Conflict)?;
    same(promise, &store.commit(&commit("2", vec![write("a", 1, "2")], vec![])).await?, &Applied)?;
    same(promise, &store.commit(&commit("3", vec![write("b", 1, "3")], vec![])).await?, &Conflict)?;
    same(promise, &versions(&store, &["a", "b"]).await?, &vec![2, 0])
}

pub(super) async fn a_conflict_changes_nothing<H: Harness>(harness: &H) -> Outcome {
    let promise = "a commit is all or nothing";
    let store = harness.empty().await;
    let mut step = commit("1", vec![write("a", 0, "1"), write("b", 5, "1")], vec![event("1")]);
    step.timers.push(super::samples::timer("t", 1));
    same(promise, &store.commit(&step).await?, &Conflict)?;
    same(promise, &versions(&store, &["a", "b"]).await?, &vec![0, 0])?;
    same(promise, &store.outbox(10).await?.len(), &0)?;
    same(promise, &store.next_due().await?, &None)?;
    same(promise, &store.is_applied(&id("1")).await?, &false)
}

pub(super) async fn what_is_committed_survives<H: Harness>(harness: &H) -> Outcome {
    let promise = "what is committed is there after reopening";
    let store = harness.empty().await;
    let mut step = commit("1", vec![write("a", 0, "kept")], vec![event("1")]);
    step.timers.push(super::samples::timer("t", 1));
    same(promise, &store.commit(&step).await?, &Applied)?;
    let store = harness.reopen(store).await;
    let kept = store.load(&[key("a")]).await?;
    let found =
        kept.first().and_then(|(_, kept)| kept.as_ref()).map(|kept| (kept.version, kept.value.clone()));
    same(promise, &found, &Some((1, entity("a", "kept"))))?;
    same(promise, &store.outbox(10).await?.len(), &1)?;
    same(promise, &store.next_due().await?, &Some(super::samples::instant(1)))?;
    same(promise, &store.commit(&step).await?, &AlreadyApplied)
}

pub(super) async fn one_of_two_rivals_wins<H: Harness>(harness: &H) -> Outcome {
    let promise = "of two commits over one version, one wins";
    let store = harness.empty().await;
    let (left, right) = (
        commit("left", vec![write("a", 0, "left")], vec![]),
        commit("right", vec![write("a", 0, "right")], vec![]),
    );
    let (first, second) = futures_util::future::join(store.commit(&left), store.commit(&right)).await;
    let mut outcomes = [first?, second?];
    outcomes.sort_by_key(|outcome| *outcome != Applied);
    same(promise, &outcomes, &[Applied, Conflict])
}

pub(super) async fn lists_are_ordered_and_paged<H: Harness>(harness: &H) -> Outcome {
    let promise = "a list has each entity of its kind once, by key";
    let store = harness.empty().await;
    let writes = (0..7).map(|n| write(&n.to_string(), 0, "x")).collect();
    same(promise, &store.commit(&commit("1", writes, vec![])).await?, &Applied)?;
    let mut found: Vec<EntityKey> = Vec::new();
    loop {
        let page = store.list(EntityKind::Gate, found.last(), 3).await?;
        check(promise, page.len() <= 3, || format!("{} of at most 3", page.len()))?;
        if page.is_empty() {
            break;
        }
        found.extend(page.into_iter().map(|(key, _)| key));
        check(promise, found.len() <= 7, || format!("{} of 7", found.len()))?;
    }
    let mut expected: Vec<EntityKey> = (0..7).map(|n: u32| key(&n.to_string())).collect();
    expected.sort();
    same(promise, &found, &expected)?;
    same(promise, &store.list(EntityKind::Build, None, 10).await?.len(), &0)
}
