//! Whose turn it is: how many calls run at once, how many wait, and that those of one session run one after another.
//!
//! An instance has a set of semaphores for integrations; a call waits in its queue, and is refused if that is full. The
//! calls of a session, which a client carries on by its cookie, wait for each other first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedMutexGuard, Semaphore, SemaphorePermit};

use crate::clock::Clock;

/// How many calls of a session wait before further ones are put off.
const SESSION_QUEUE: usize = 10;

/// How long the call that holds a session up has to have run for that.
const SESSION_PATIENCE: Duration = Duration::from_secs(30);

/// The semaphores of a node.
#[derive(Debug)]
pub(crate) struct Turns {
    running: Semaphore,
    waiting: AtomicUsize,
    queue: usize,
    sessions: Mutex<HashMap<String, Line>>,
}

/// The calls of one session that are there.
#[derive(Debug, Default)]
struct Line {
    order: Arc<tokio::sync::Mutex<()>>,
    /// Those that run or wait.
    calls: usize,
    /// Since when the first one runs.
    since: Option<SystemTime>,
}

/// What became of a call that wanted its turn.
pub(crate) enum Turn<'a> {
    /// It may go on for as long as this is held.
    Granted(Granted<'a>),
    /// The queue is full.
    Refused,
    /// Its session is held up: it is answered 202 and not handled.
    PutOff,
}

/// A turn that was granted.
pub(crate) struct Granted<'a> {
    _permit: SemaphorePermit<'a>,
    _order: Option<OwnedMutexGuard<()>>,
    _place: Option<Place<'a>>,
}

impl Turns {
    /// So many calls run at once, so many more wait.
    pub(crate) fn new(running: usize, queue: usize) -> Self {
        Self {
            running: Semaphore::new(running.clamp(1, Semaphore::MAX_PERMITS)),
            waiting: AtomicUsize::new(0),
            queue,
            sessions: Mutex::default(),
        }
    }

    /// Waits for the turn of a call, which may belong to a session.
    pub(crate) async fn take(&self, session: Option<&str>, clock: &dyn Clock) -> Turn<'_> {
        let (order, place) = match session {
            None => (None, None),
            Some(session) => {
                let Some((order, place)) = self.line_up(session, clock.now()) else { return Turn::PutOff };
                let order = order.lock_owned().await;
                (Some(order), Some(place))
            }
        };
        if let Some(place) = &place {
            place.began(clock.now());
        }
        if let Ok(permit) = self.running.try_acquire() {
            return Turn::Granted(Granted { _permit: permit, _order: order, _place: place });
        }
        let Some(_waiting) = Waiting::enter(&self.waiting, self.queue) else { return Turn::Refused };
        match self.running.acquire().await {
            Ok(permit) => Turn::Granted(Granted { _permit: permit, _order: order, _place: place }),
            Err(_) => Turn::Refused,
        }
    }

    /// Stands behind the calls of the session; not if too many stand there and the first one takes too long.
    fn line_up(&self, session: &str, now: SystemTime) -> Option<(Arc<tokio::sync::Mutex<()>>, Place<'_>)> {
        let mut sessions = self.lock();
        let line = sessions.entry(session.to_owned()).or_default();
        let held_up = line
            .since
            .is_some_and(|since| now.duration_since(since).is_ok_and(|running| running > SESSION_PATIENCE));
        if held_up && line.calls > SESSION_QUEUE {
            return None;
        }
        line.calls += 1;
        let order = Arc::clone(&line.order);
        Some((order, Place { turns: self, session: session.to_owned() }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Line>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line of a session, left however the call ends.
struct Place<'a> {
    turns: &'a Turns,
    session: String,
}

impl Place<'_> {
    fn began(&self, now: SystemTime) {
        if let Some(line) = self.turns.lock().get_mut(&self.session) {
            line.since = Some(now);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut sessions = self.turns.lock();
        if let Some(line) = sessions.get_mut(&self.session) {
            line.calls -= 1;
            if line.calls == 0 {
                sessions.remove(&self.session);
            }
        }
    }
}

/// A place in the queue, left however the wait ends.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(waiting: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let entered = waiting.try_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
            (waiting < limit).then_some(waiting + 1)
        });
        entered.is_ok().then(|| Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::Poll;

    use super::*;
    use crate::clock::ManualClock;

    async fn waits<F: Future>(call: &mut Pin<Box<F>>) -> bool {
        std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn calls_wait_up_to_the_queue_and_leave_no_trace() {
        let clock = ManualClock::starting_at(SystemTime::UNIX_EPOCH);
        let turns = Turns::new(1, 1);
        let Turn::Granted(first) = turns.take(None, &clock).await else { panic!("refused") };
        let mut second = Box::pin(turns.take(Some("s"), &clock));
        assert!(waits(&mut second).await);
        assert!(matches!(turns.take(None, &clock).await, Turn::Refused));
        // Whoever gives up waiting makes room.
        drop(second);
        assert_eq!(turns.waiting.load(Ordering::Acquire), 0);
        assert!(turns.lock().is_empty());
        drop(first);
        assert!(matches!(turns.take(None, &clock).await, Turn::Granted(_)));
    }

    #[tokio::test]
    async fn a_session_that_is_held_up_is_put_off() {
        let clock = ManualClock::starting_at(SystemTime::UNIX_EPOCH);
        let turns = Turns::new(4, 50);
        let Turn::Granted(first) = turns.take(Some("s"), &clock).await else { panic!("refused") };
        let mut waiting = Vec::new();
        for _ in 0..SESSION_QUEUE {
            let mut call = Box::pin(turns.take(Some("s"), &clock));
            assert!(waits(&mut call).await);
            waiting.push(call);
        }
        let mut eleventh = Box::pin(turns.take(Some("s"), &clock));
        assert!(waits(&mut eleventh).await);
        drop(eleventh);
        clock.advance(SESSION_PATIENCE + Duration::from_secs(1));
        assert!(matches!(turns.take(Some("s"), &clock).await, Turn::PutOff));
        assert!(matches!(turns.take(Some("other"), &clock).await, Turn::Granted(_)));
        drop(first);
        assert!(matches!(waiting.remove(0).await, Turn::Granted(_)));
    }
}
