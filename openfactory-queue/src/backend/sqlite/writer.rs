//! The one thread that writes: it takes what has come together while the last commit was synced, and commits that at
//! once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{Notify, mpsc, oneshot};

use super::config::SqliteConfig;
use super::group::{self, Call, Database, Pending, Undone};
use super::open::{self, Owner};
use super::store::Store;
use crate::backend::request;
use crate::error::{Error, ErrorKind};

/// So many calls are committed together at most.
const GROUP: usize = 256;

/// So long the writer looks for the next order before it sleeps.
const LINGER: Duration = Duration::from_micros(50);

/// So many calls may wait for the writer.
const WAITING: usize = 1024;

enum Order {
    Call(Box<dyn Call>),
    Close(oneshot::Sender<Result<(), Error>>),
}

/// The way to the writer; clones lead to the same one.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    orders: mpsc::Sender<Order>,
}

impl Writer {
    /// Opens the file on a thread of its own; tells too where it really is. `changed` is notified after each commit that
    /// changed something; `unindexed` says after each commit how many entries are not in the indices.
    pub(super) async fn start(
        config: SqliteConfig,
        changed: Arc<Notify>,
        unindexed: Arc<AtomicU64>,
    ) -> Result<(Self, SqliteConfig), Error> {
        let (orders, incoming) = mpsc::channel(WAITING);
        let (ready, opened) = oneshot::channel();
        let body = move || match Thread::open(config, changed, unindexed) {
            Ok(thread) => {
                if ready.send(Ok(thread.config.clone())).is_ok() {
                    thread.serve(incoming);
                }
            }
            // If the caller has gone, nobody is left to hear of it.
            Err(error) => drop(ready.send(Err(error))),
        };
        thread::Builder::new().name("queue-writer".into()).spawn(body).map_err(|source| {
            Error::new(ErrorKind::Unavailable, "open", "no thread for the writer").with_source(source)
        })?;
        let config = opened.await.unwrap_or_else(|_| Err(request::closed("open")))?;
        Ok((Self { orders }, config))
    }

    /// Runs `work` in the next transaction; returns when that is committed. What `work` fails with undoes it alone. It
    /// may be run again, as if it had not been run before.
    pub(super) async fn call<T, W>(&self, operation: &'static str, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: Fn(&Store<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.call_then(operation, work, std::convert::identity).await
    }

    /// As [`call`](Self::call); the answer is made by `then`, of what was committed.
    pub(super) async fn call_then<T, A, W, F>(
        &self,
        operation: &'static str,
        work: W,
        then: F,
    ) -> Result<A, Error>
    where
        T: Send + 'static,
        A: Send + 'static,
        W: Fn(&Store<'_>) -> rusqlite::Result<T> + Send + 'static,
        F: FnOnce(T) -> A + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let order = Order::Call(Box::new(Pending::new(operation, work, then, answer)));
        self.orders.send(order).await.map_err(|_| request::closed(operation))?;
        // An order that was taken but not answered went down with the writer: it may have been committed.
        answered.await.unwrap_or_else(|_| Err(request::closed(operation).outcome_unknown()))
    }

    /// A way to leave orders that does not keep the writer alive.
    pub(super) fn downgrade(&self) -> Undo {
        Undo { orders: self.orders.downgrade() }
    }

    /// Closes the file after what was ordered before.
    pub(super) async fn close(&self) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        if self.orders.send(Order::Close(answer)).await.is_err() {
            return Ok(());
        }
        answered.await.unwrap_or(Ok(()))
    }
}

/// See [`Writer::downgrade`].
#[derive(Clone, Debug)]
pub(super) struct Undo {
    orders: mpsc::WeakSender<Order>,
}

impl Undo {
    /// Runs `work` in one of the next transactions, if there is room for the order; nobody waits for it.
    pub(super) fn leave<W>(&self, operation: &'static str, work: W) -> bool
    where
        W: Fn(&Store<'_>) -> rusqlite::Result<()> + Send + 'static,
    {
        let (answer, _) = oneshot::channel();
        let order = Order::Call(Box::new(Pending::new(operation, work, std::convert::identity, answer)));
        self.orders.upgrade().is_some_and(|orders| orders.try_send(order).is_ok())
    }
}

/// The next order. Who was just answered may have it ready before a sleeping thread would be awake.
fn await_order(incoming: &mut mpsc::Receiver<Order>) -> Option<Order> {
    let since = Instant::now();
    while since.elapsed() < LINGER {
        match incoming.try_recv() {
            Ok(order) => return Some(order),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => thread::yield_now(),
        }
    }
    incoming.blocking_recv()
}

struct Thread {
    config: SqliteConfig,
    changed: Arc<Notify>,
    unindexed: Arc<AtomicU64>,
    /// `None` after an I/O error, until it could be opened again.
    db: Option<Database>,
    /// Held as long as the thread lives.
    owner: Owner,
}

impl Thread {
    fn open(
        mut config: SqliteConfig,
        changed: Arc<Notify>,
        unindexed: Arc<AtomicU64>,
    ) -> Result<Self, Error> {
        config.path = open::real_path(&config.path)?;
        let owner = open::own(&config.path)?;
        let db = Database::open(&config)?;
        group::end_old_leases(&db, &config)?;
        unindexed.store(db.unindexed(), Ordering::Relaxed);
        Ok(Self { config, changed, unindexed, db: Some(db), owner })
    }

    fn serve(mut self, mut incoming: mpsc::Receiver<Order>) {
        let mut first = incoming.blocking_recv();
        while let Some(order) = first.take() {
            let mut close = None;
            let mut calls = Vec::new();
            let mut next = Some(order);
            while let Some(order) = next.take() {
                match order {
                    Order::Call(call) => calls.push(call),
                    Order::Close(answer) => close = Some(answer),
                }
                if close.is_none() && calls.len() < GROUP {
                    next = incoming.try_recv().ok();
                }
            }
            self.commit(calls);
            if let Some(answer) = close {
                incoming.close();
                let closed = self.db.take().map_or(Ok(()), Database::close);
                drop(self.owner);
                self.changed.notify_waiters();
                drop(answer.send(closed));
                return;
            }
            first = await_order(&mut incoming);
        }
    }

    /// Commits calls and answers them: all in one transaction, or, if one of them spoils that, each in its own, so that
    /// it alone fails.
    fn commit(&mut self, calls: Vec<Box<dyn Call>>) {
        let Err(undone) = self.attempt(calls) else { return };
        for call in undone.apart() {
            if let Err(undone) = self.attempt(vec![call]) {
                undone.tell();
            }
        }
    }

    fn attempt(&mut self, calls: Vec<Box<dyn Call>>) -> Result<(), Undone> {
        if calls.is_empty() {
            return Ok(());
        }
        let db = match self.db.take().map_or_else(|| Database::open(&self.config), Ok) {
            Ok(db) => db,
            Err(error) => {
                let detail = error.to_string();
                for call in calls {
                    call.refuse(error.kind(), &detail);
                }
                return Ok(());
            }
        };
        let committed = db.commit(&self.config, calls);
        self.unindexed.store(db.unindexed(), Ordering::Relaxed);
        if committed.as_ref().is_ok_and(|changed| *changed) {
            self.changed.notify_waiters();
        }
        if !committed.as_ref().is_err_and(|undone| undone.broken) {
            self.db = Some(db);
        }
        committed.map(drop)
    }
}
