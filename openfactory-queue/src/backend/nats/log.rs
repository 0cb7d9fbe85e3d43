//! The log: one task per handle appends commands to it and carries out what stands in it.
//!
//! A command is appended behind the last entry that its router knows, or not at all; so every router carries out the
//! same commands in the same order, and an acknowledged append is a decision.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};

use super::command::{Command, Timed};
use super::keeper::Keeper;
use super::link::Link;
use super::replica::{Answer, Replica};
use crate::backend::request;
use crate::error::{Error, ErrorKind};

/// So many requests are served together.
const GROUP: usize = 256;

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
    loop {
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
                    if !keeper.is_own(&message) && let Err(error) = keeper.catch_up().await {
                        tracing::debug!(%error, "what others wrote is read with the next call");
                    }
                }
                None => listening = false,
            },
        }
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
