//! What a life does: publish in batches, lease, retry some, bury a few, ack the rest; each step in the journal before
//! and after.

use std::sync::Arc;

use openfactory_queue::dead_letter::DeadPolicy;
use openfactory_queue::lease::{LeaseToken, Leased, Settled};
use openfactory_queue::{LeaseRequest, Message, Published, Settlement};
use openfactory_torture::journal::{Entry, How, What};
use tokio::sync::Semaphore;

use crate::Result;
use crate::child::{Life, TTL, WAIT};

/// So many keys.
pub(crate) const KEYS: u32 = 48;

const BATCH: usize = 4;
const CLAIM: usize = 8;

/// Bounds what is published and not yet settled.
pub(crate) type Room = Semaphore;

/// Payloads of all lengths up to here.
const LONGEST: u32 = 1500;

fn message(key: u32, n: u32) -> Message {
    let mut payload = format!("{key} {n} ").into_bytes();
    let length = (key.wrapping_mul(2_654_435_761).wrapping_add(n.wrapping_mul(40_503)) % LONGEST) as usize;
    payload.resize(payload.len() + length, (n % 251) as u8);
    Message::new(format!("{key}/{n}"), "torture.made", payload)
        .with_key(format!("key-{key}"))
        .on_dead(DeadPolicy::Skip)
}

/// Key and number of a message, by its id.
pub(crate) fn numbers(message: &Message) -> Result<(u32, u32)> {
    let (key, n) = message.id.split_once('/').ok_or("an id that was never published")?;
    Ok((key.parse()?, n.parse()?))
}

/// Publishes messages in one batch.
pub(crate) async fn publish_all(life: &Life, messages: &[(u32, u32)]) -> Result<()> {
    life.say(messages.iter().map(|&(key, n)| Entry::new(key, n, What::Try)))?;
    let batch = || messages.iter().map(|&(key, n)| message(key, n)).collect();
    let (published, _) = life.call(|| life.queue.publish(batch())).await?;
    let mut said = Vec::with_capacity(messages.len());
    for (&(key, n), published) in messages.iter().zip(published) {
        said.push(Entry::new(
            key,
            n,
            match published {
                Published::Stored { .. } => What::Stored,
                Published::Duplicate { .. } => What::Duplicate,
                other => return Err(format!("{key}/{n} was {other:?}").into()),
            },
        ));
    }
    life.say(said)
}

/// Publishes for ever: the next message of each key in turn, several in a batch.
pub(crate) async fn publish(life: Life, mut next: Vec<(u32, u32)>, room: Arc<Room>) -> Result<()> {
    loop {
        for keys in next.chunks_mut(BATCH) {
            room.acquire_many(u32::try_from(keys.len())?).await?.forget();
            publish_all(&life, keys).await?;
            keys.iter_mut().for_each(|(_, n)| *n += 1);
        }
    }
}

/// Settles for ever.
pub(crate) async fn settle(life: Life, worker: usize, room: Arc<Room>) -> Result<()> {
    let request = LeaseRequest::new(format!("worker-{worker}")).max(CLAIM).ttl(TTL).wait(WAIT);
    loop {
        let (leased, _) = life.call(|| life.queue.lease(request.clone())).await?;
        room.add_permits(settle_all(&life, &leased).await?);
    }
}

/// Settles until nothing is left.
pub(crate) async fn drain(life: &Life) -> Result<()> {
    let request = LeaseRequest::new("last").max(CLAIM * 8).ttl(TTL);
    loop {
        let leased = life.queue.lease(request.clone()).await?;
        if leased.is_empty() {
            return Ok(());
        }
        settle_all(life, &leased).await?;
    }
}

/// Settles a claim; how many of it have left the queue.
async fn settle_all(life: &Life, leased: &[Leased]) -> Result<usize> {
    let mut settlements = Vec::with_capacity(leased.len());
    let (mut held, mut begun, mut done) = (Vec::new(), Vec::new(), Vec::new());
    for leased in leased {
        let (key, n) = numbers(&leased.message)?;
        let (seq, epoch) = (leased.token.seq(), leased.token.epoch());
        held.push(Entry::new(key, n, What::Lease { seq, epoch }));
        if let Some(old) = life.old_token(seq) {
            stale(life, key, n, old, leased.token).await?;
        }
        if leased.message != message(key, n) {
            held.push(Entry::new(key, n, What::Damaged));
        }
        let how = match n {
            n if n % 7 == 3 && leased.attempt == 1 => How::Retry,
            n if n % 97 == 50 => How::Dead,
            _ => How::Ack,
        };
        begun.push(Entry::new(key, n, What::Settling(epoch, how)));
        done.push(Entry::new(key, n, What::Settled(epoch, how)));
        settlements.push((leased.token, settlement(how)));
    }
    life.say(held)?;
    // A moment in which a fault finds leases that nobody has begun to settle.
    tokio::task::yield_now().await;
    life.say(begun)?;
    let (settled, again) = life.call(|| life.queue.settle(settlements.clone())).await?;
    let gone = done.iter().filter(|entry| !matches!(entry.what, What::Settled(_, How::Retry))).count();
    let mut said = Vec::with_capacity(done.len());
    for (entry, settled) in done.into_iter().zip(settled) {
        match settled {
            Settled::Done => said.push(entry),
            // The first call has done it, and its answer was lost.
            Settled::Stale if again => {}
            _ => return Err("a lease of this life is not its own".into()),
        }
    }
    life.say(said)?;
    Ok(gone)
}

/// Somebody else has leased the message now, so the token of the last life is nobody's any more.
async fn stale(life: &Life, key: u32, n: u32, old: LeaseToken, new: LeaseToken) -> Result<()> {
    // A queue that has lost both place and epoch gives the very same token again: nothing needs to be tried.
    if old >= new {
        return life.say([Entry::new(key, n, What::Stale)]);
    }
    let (settled, _) = life.call(|| life.queue.settle(vec![(old, Settlement::Ack)])).await?;
    if settled != [Settled::Stale] {
        life.say([Entry::new(key, n, What::Stale)])?;
    }
    Ok(())
}

fn settlement(how: How) -> Settlement {
    match how {
        How::Ack => Settlement::Ack,
        How::Retry => {
            Settlement::Retry { after: std::time::Duration::ZERO, reason: "again".to_owned(), counts: true }
        }
        How::Dead => Settlement::Dead { reason: "sent to die".to_owned() },
    }
}
