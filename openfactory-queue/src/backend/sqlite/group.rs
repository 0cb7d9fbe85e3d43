//! Group commit: several calls in one transaction.

use std::cell::RefCell;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::config::SqliteConfig;
use super::failure::{from_sqlite, is_fatal};
use super::open;
use super::recent::{self, Recent};
use super::store::Store;
use crate::error::{Error, ErrorKind};
use crate::stamp::Stamp;

/// A call that waits for its transaction.
pub(super) trait Call: Send {
    /// Does the work inside the transaction.
    fn run(&mut self, store: &Store<'_>) -> rusqlite::Result<()>;

    /// Tells the caller, after the commit.
    fn committed(self: Box<Self>);

    /// Tells the caller that nothing has come of it; `unclear` if the commit may have got through all the same.
    fn failed(self: Box<Self>, error: &rusqlite::Error, unclear: bool);

    /// Tells the caller that it could not even begin.
    fn refuse(self: Box<Self>, kind: ErrorKind, detail: &str);
}

/// The [`Call`] of a closure, which may be run several times, each time as if the others had not been; and of what is
/// made of its result once that is committed.
pub(super) struct Pending<T, A, W, F> {
    operation: &'static str,
    work: W,
    result: Option<T>,
    then: F,
    answer: oneshot::Sender<Result<A, Error>>,
}

impl<T, A, W, F> Pending<T, A, W, F> {
    pub(super) fn new(
        operation: &'static str,
        work: W,
        then: F,
        answer: oneshot::Sender<Result<A, Error>>,
    ) -> Self {
        Self { operation, work, result: None, then, answer }
    }
}

impl<T, A, W, F> Call for Pending<T, A, W, F>
where
    T: Send,
    A: Send,
    W: Fn(&Store<'_>) -> rusqlite::Result<T> + Send,
    F: FnOnce(T) -> A + Send,
{
    fn run(&mut self, store: &Store<'_>) -> rusqlite::Result<()> {
        self.result = Some((self.work)(store)?);
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let Self { operation, result, then, answer, .. } = *self;
        let result =
            result.map(then).ok_or_else(|| Error::new(ErrorKind::Other, operation, "the call has not run"));
        // A caller that has gone does not hear of it; what it leased is given back by its claim.
        drop(answer.send(result));
    }

    fn failed(self: Box<Self>, error: &rusqlite::Error, unclear: bool) {
        let error = from_sqlite(self.operation, error);
        drop(self.answer.send(Err(if unclear { error.outcome_unknown() } else { error })));
    }

    fn refuse(self: Box<Self>, kind: ErrorKind, detail: &str) {
        drop(self.answer.send(Err(Error::new(kind, self.operation, detail))));
    }
}

/// An open database, with what the writer keeps in memory of it.
pub(super) struct Database {
    conn: Connection,
    recent: RefCell<Recent>,
}

impl Database {
    /// Opens it for writing.
    pub(super) fn open(config: &SqliteConfig) -> Result<Self, Error> {
        let conn = open::writer(config)?;
        let load = || recent::catch_up(&conn).and_then(|()| Recent::load(&conn));
        let recent = RefCell::new(load().map_err(|error| from_sqlite("open", &error))?);
        Ok(Self { conn, recent })
    }

    pub(super) fn close(self) -> Result<(), Error> {
        self.conn.close().map_err(|(_, error)| from_sqlite("close", &error))
    }

    fn store(&self, config: &SqliteConfig) -> Store<'_> {
        Store::new(&self.conn, &self.recent, config, Stamp::from(config.clock.now()))
    }

    /// Undoes the transaction, in the file and in memory; whether the connection can still be used.
    fn roll_back(&self) -> bool {
        self.recent.borrow_mut().undo();
        self.conn.is_autocommit() || self.conn.execute_batch("ROLLBACK").is_ok()
    }

    /// So many entries are not in the indices.
    pub(super) fn unindexed(&self) -> u64 {
        self.recent.borrow().unindexed()
    }

    /// Runs calls in one transaction and answers them. Whether something was written.
    pub(super) fn commit(&self, config: &SqliteConfig, calls: Vec<Box<dyn Call>>) -> Result<bool, Undone> {
        let before = self.conn.total_changes();
        if let Err(error) = self.begin() {
            return Err(Undone { calls, halfway: false, unclear: false, broken: is_fatal(&error), error });
        }
        let store = self.store(config);
        let (mut done, mut calls) = (Vec::with_capacity(calls.len()), calls.into_iter());
        while let Some(mut call) = calls.next() {
            let clean = self.changes();
            match call.run(&store) {
                Ok(()) => done.push(call),
                Err(error) if self.changes() == clean && !is_fatal(&error) => call.failed(&error, false),
                Err(error) => {
                    done.push(call);
                    done.extend(calls);
                    return Err(self.undone(done, error, false));
                }
            }
        }
        match store.finish().and_then(|()| self.conn.prepare_cached("COMMIT")?.execute([])) {
            Ok(_) => done.into_iter().for_each(Call::committed),
            // A commit whose sync failed may be found in the log when the file is opened again.
            Err(error) => {
                let unclear = is_fatal(&error);
                return Err(self.undone(done, error, unclear));
            }
        }
        Ok(self.conn.total_changes() != before)
    }

    fn begin(&self) -> rusqlite::Result<()> {
        self.recent.borrow_mut().begin();
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
    }

    /// What tells whether something was changed since, in the file or in memory, or all was rolled back.
    fn changes(&self) -> (u64, usize, bool) {
        (self.conn.total_changes(), self.recent.borrow().steps(), self.conn.is_autocommit())
    }

    fn undone(&self, calls: Vec<Box<dyn Call>>, error: rusqlite::Error, unclear: bool) -> Undone {
        let usable = self.roll_back();
        Undone { calls, halfway: true, unclear, broken: is_fatal(&error) || !usable, error }
    }
}

/// Calls of which nothing remains.
pub(super) struct Undone {
    calls: Vec<Box<dyn Call>>,
    error: rusqlite::Error,
    /// One of them failed halfway, or they did not all find room.
    halfway: bool,
    /// The commit may have got through all the same.
    unclear: bool,
    /// The connection must not be used any more.
    pub(super) broken: bool,
}

impl Undone {
    /// The calls, if each may work out by itself. Otherwise they are told.
    pub(super) fn apart(self) -> Vec<Box<dyn Call>> {
        if self.halfway && !self.unclear && self.calls.len() > 1 {
            return self.calls;
        }
        self.tell();
        Vec::new()
    }

    /// Tells the callers.
    pub(super) fn tell(self) {
        for call in self.calls {
            call.failed(&self.error, self.unclear);
        }
    }
}

/// Ends the leases of the process that owned the file before: it is gone, and nobody else could have one.
pub(super) fn end_old_leases(db: &Database, config: &SqliteConfig) -> Result<(), Error> {
    let end = || {
        db.begin()?;
        let store = db.store(config);
        store.end_all_leases()?;
        store.finish()?;
        db.conn.execute_batch("COMMIT")
    };
    end().map_err(|error| from_sqlite("open", &error))
}
