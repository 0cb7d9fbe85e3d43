//! Group commit: several calls in one transaction; what one of them fails with undoes it alone.

use std::cell::RefCell;
use std::vec;

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

    /// Reads again what is in memory, after something was undone.
    fn reload(&self) -> rusqlite::Result<()> {
        self.recent.replace(Recent::load(&self.conn)?);
        Ok(())
    }

    /// Undoes the transaction; whether the connection can still be used.
    fn roll_back(&self) -> bool {
        let rolled_back = self.conn.is_autocommit() || self.conn.execute_batch("ROLLBACK").is_ok();
        rolled_back && self.reload().is_ok()
    }
}

/// What has come of a transaction.
pub(super) struct Committed {
    /// Something was written.
    pub(super) changed: bool,
    /// The connection must not be used any more.
    pub(super) broken: bool,
}

fn begin(conn: &Connection) -> rusqlite::Result<()> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
}

/// Runs calls until they are through, or until SQLite has rolled back; answers those it has run.
pub(super) fn commit(
    db: &Database,
    config: &SqliteConfig,
    calls: &mut vec::IntoIter<Box<dyn Call>>,
) -> Committed {
    let conn = &db.conn;
    let before = conn.total_changes();
    if let Err(error) = begin(conn) {
        for call in calls {
            call.failed(&error, false);
        }
        return Committed { changed: false, broken: is_fatal(&error) };
    }
    // All in one go, which nearly always works out.
    let store = db.store(config);
    let (mut done, mut spoiled) = (Vec::with_capacity(calls.len()), None);
    for mut call in calls.by_ref() {
        let clean = conn.total_changes();
        match call.run(&store) {
            Ok(()) => done.push(call),
            // A call that has changed nothing before it failed need not be undone.
            Err(error) if conn.total_changes() == clean && !conn.is_autocommit() && !is_fatal(&error) => {
                call.failed(&error, false);
            }
            Err(error) => {
                done.push(call);
                spoiled = Some(error);
                break;
            }
        }
    }
    let Some(error) = spoiled else { return end(db, &store, done, before) };
    if !db.roll_back() {
        done.into_iter().for_each(|call| call.failed(&error, false));
        return Committed { changed: false, broken: true };
    }
    // One has failed halfway: once more, with each call apart.
    let all: Vec<_> = done.into_iter().chain(calls.by_ref()).collect();
    *calls = all.into_iter();
    apart(db, config, calls, before)
}

/// As [`commit`], with each call undone by itself if it fails.
fn apart(
    db: &Database,
    config: &SqliteConfig,
    calls: &mut vec::IntoIter<Box<dyn Call>>,
    before: u64,
) -> Committed {
    let conn = &db.conn;
    if let Err(error) = begin(conn) {
        for call in calls {
            call.failed(&error, false);
        }
        return Committed { changed: false, broken: is_fatal(&error) };
    }
    let store = db.store(config);
    let mut done = Vec::with_capacity(calls.len());
    for mut call in calls.by_ref() {
        let Err(error) = one(db, &store, &mut *call) else {
            done.push(call);
            continue;
        };
        call.failed(&error, false);
        if is_fatal(&error) || conn.is_autocommit() {
            return undone(db, done, &error, false);
        }
    }
    end(db, &store, done, before)
}

fn end(db: &Database, store: &Store<'_>, done: Vec<Box<dyn Call>>, before: u64) -> Committed {
    match store.finish().and_then(|()| db.conn.prepare_cached("COMMIT")?.execute([])) {
        Ok(_) => {
            for call in done {
                call.committed();
            }
            Committed { changed: db.conn.total_changes() != before, broken: false }
        }
        // A commit whose sync failed may be found in the log when the file is opened again.
        Err(error) => undone(db, done, &error, is_fatal(&error)),
    }
}

/// Runs one call; if it fails, nothing of it remains.
fn one(db: &Database, store: &Store<'_>, call: &mut dyn Call) -> rusqlite::Result<()> {
    let conn = &db.conn;
    conn.prepare_cached("SAVEPOINT call")?.execute([])?;
    let counted = store.counted();
    match call.run(store) {
        Ok(()) => conn.prepare_cached("RELEASE call")?.execute([]).map(drop),
        Err(error) => {
            store.recount(counted);
            if !conn.is_autocommit() {
                conn.execute_batch("ROLLBACK TO call; RELEASE call")?;
                db.reload()?;
            }
            Err(error)
        }
    }
}

fn undone(db: &Database, done: Vec<Box<dyn Call>>, error: &rusqlite::Error, unclear: bool) -> Committed {
    let usable = db.roll_back();
    for call in done {
        call.failed(error, unclear);
    }
    Committed { changed: false, broken: is_fatal(error) || !usable }
}

/// Ends the leases of the process that owned the file before: it is gone, and nobody else could have one.
pub(super) fn end_old_leases(db: &Database, config: &SqliteConfig) -> Result<(), Error> {
    let end = || {
        db.conn.execute_batch("BEGIN IMMEDIATE")?;
        let store = db.store(config);
        store.end_all_leases()?;
        store.finish()?;
        db.conn.execute_batch("COMMIT")
    };
    end().map_err(|error| from_sqlite("open", &error))
}
