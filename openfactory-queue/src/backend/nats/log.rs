//! The log: one task per handle appends commands to it and carries out what stands in it.
//!
//! A command is appended behind the last entry that its router knows, or not at all; so every router carries out the
//! same commands in the same order, and an acknowledged append is a decision.

use std::sync::Arc;
use std::time::Duration;

use async_nats::header::NATS_EXPECTED_LAST_SEQUENCE;
use tokio::sync::{Notify, mpsc, oneshot};

use super::command::{Command, Timed};
use super::keeper::Keeper;
use super::link::Link;
use super::replica::{Answer, Replica};
use crate::backend::request;
use crate::error::{Error, ErrorKind};

/// So many requests are served together.
const GROUP: usize = 256;

/// The first pause before an entry that was heard of is looked for again; each pause is twice the one before it.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// With the last pause, an entry that was heard of is taken for refused: more than a second after it was heard of.
const LAST_PAUSE: Duration = Duration::from_millis(1024);

/// The way to the task.
#[derive(Debug)]
pub(super) struct Log {
    link: Arc<Link>,
    requests: mpsc::Sender<Request>,
    /// Told whenever something may have become ready.
    pub(super) changed: Arc<Notify>,
}

type Look = Box<dyn FnOnce(Result<&Replica, Error>) + Send>;

pub(super) enum Request {
    /// Looks at the state as it is now.
    Look(Look),
    Commit(Box<Order>),
    /// Writes a snapshot now.
    Keep,
    Stop,
}

/// A command and whoever waits for its answer.
pub(super) struct Order {
    pub(super) operation: &'static str,
    pub(super) timed: Timed,
    pub(super) reply: oneshot::Sender<Result<Answer, Error>>,
}

impl Log {
    pub(super) async fn open(link: Arc<Link>) -> Result<Self, Error> {
        let changed = Arc::new(Notify::new());
        let keeper = Keeper::open(Arc::clone(&link), Arc::clone(&changed)).await?;
        let subject = keeper.subjects();
        let bells = link.client.subscribe(subject).await.map_err(|source| {
            Error::new(ErrorKind::Unavailable, "open", "the log can't be listened to").with_source(source)
        })?;
        let (requests, inbox) = mpsc::channel(4 * GROUP);
        tokio::spawn(run(keeper, inbox, bells));
        Ok(Self { link, requests, changed })
    }

    /// What `f` sees in the state, with all in it that was acknowledged to anybody before this call.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        operation: &'static str,
        f: impl FnOnce(&Replica) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let look = move |replica: Result<&Replica, Error>| {
            // Whoever asked may have gone.
            drop(reply.send(replica.map(f)));
        };
        self.send(operation, Request::Look(Box::new(look))).await?;
        answer.await.map_err(|_| request::closed(operation))?
    }

    /// Has a command carried out; it is in the log on return.
    pub(super) async fn commit(&self, operation: &'static str, command: Command) -> Result<Answer, Error> {
        let (reply, answer) = oneshot::channel();
        let timed = Timed { at: self.link.now().0, command };
        self.send(operation, Request::Commit(Box::new(Order { operation, timed, reply }))).await?;
        answer.await.map_err(|_| request::closed(operation).outcome_unknown())?
    }

    /// Asks for a snapshot, which is written behind what was asked before.
    pub(super) async fn keep(&self) -> Result<(), Error> {
        self.send("maintain", Request::Keep).await
    }

    /// Returns when the task has ended.
    pub(super) async fn stop(&self) {
        // If it has ended already, there is nothing to stop.
        drop(self.requests.send(Request::Stop).await);
        self.changed.notify_waiters();
        self.requests.closed().await;
    }

    async fn send(&self, operation: &'static str, request: Request) -> Result<(), Error> {
        self.link.check_open(operation)?;
        self.requests.send(request).await.map_err(|_| request::closed(operation))
    }
}

async fn run(mut keeper: Keeper, mut inbox: mpsc::Receiver<Request>, mut bells: async_nats::Subscriber) {
    use futures_util::StreamExt as _;
    let mut listening = true;
    let mut heard: Option<Heard> = None;
    loop {
        let pause = heard.as_ref().map_or(LAST_PAUSE, |heard| heard.pause);
        tokio::select! {
            request = inbox.recv() => {
                let Some(first) = request else { return };
                let mut requests = vec![first];
                while requests.len() < GROUP && let Ok(next) = inbox.try_recv() {
                    requests.push(next);
                }
                if !serve(&mut keeper, requests).await {
                    return;
                }
            }
            bell = bells.next(), if listening => match bell {
                Some(message) => {
                    if !keeper.is_own(&message) {
                        heard = Heard::of(&message).or(heard);
                        look(&mut keeper).await;
                        heard = heard.filter(|heard| heard.entry > keeper.at());
                    }
                }
                None => listening = false,
            },
            () = tokio::time::sleep(pause), if heard.is_some() => {
                look(&mut keeper).await;
                heard = heard.and_then(|heard| heard.again(keeper.at()));
            },
        }
    }
}

async fn look(keeper: &mut Keeper) {
    if let Err(error) = keeper.catch_up().await {
        tracing::debug!(%error, "what others wrote is read with the next call");
    }
}

/// An entry that was heard of before it could be read: the server passes a message on before it stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heard {
    entry: u64,
    pause: Duration,
}

impl Heard {
    /// Where the entry is to stand, if it says so.
    fn of(message: &async_nats::Message) -> Option<Self> {
        let last = message.headers.as_ref()?.get(NATS_EXPECTED_LAST_SEQUENCE)?;
        let entry = last.as_str().parse::<u64>().ok()?.checked_add(1)?;
        Some(Self { entry, pause: FIRST_PAUSE })
    }

    /// After another look: whether there is to be one more.
    fn again(self, at: u64) -> Option<Self> {
        let pause = self.pause.saturating_mul(2);
        (self.entry > at && pause <= LAST_PAUSE).then_some(Self { pause, ..self })
    }
}

/// False if it was told to stop.
async fn serve(keeper: &mut Keeper, requests: Vec<Request>) -> bool {
    let (mut looks, mut orders, mut keep, mut stop) = (Vec::new(), Vec::new(), false, false);
    for request in requests {
        match request {
            Request::Look(look) => looks.push(look),
            Request::Commit(order) => orders.push(*order),
            Request::Keep => keep = true,
            Request::Stop => stop = true,
        }
    }
    if !looks.is_empty() {
        let caught_up = keeper.catch_up().await;
        for look in looks {
            match &caught_up {
                Ok(()) => look(Ok(&keeper.replica)),
                Err(error) => look(Err(Error::new(error.kind(), "read", error.to_string()))),
            }
        }
    }
    if !orders.is_empty() {
        keeper.commit(orders).await;
    }
    keeper.keep_if_due(keep).await;
    !stop
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_was_heard_of_is_looked_for_until_it_is_there_and_no_longer_than_needed() {
        let mut heard = Some(Heard { entry: 5, pause: FIRST_PAUSE });
        assert_eq!(heard.and_then(|heard| heard.again(5)), None, "it is there");
        let (mut looks, mut waited) = (0, Duration::ZERO);
        while let Some(again) = heard {
            waited += again.pause;
            looks += 1;
            heard = again.again(4);
        }
        assert_eq!((looks, waited), (11, Duration::from_millis(2047)));
    }
}
