//! Group commit: several calls in one transaction, each undone by itself if it fails.

use std::vec;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::config::SqliteConfig;
use super::failure::{from_sqlite, is_fatal};
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

/// The [`Call`] of a closure.
pub(super) struct Pending<T, W> {
    operation: &'static str,
    work: Option<W>,
    result: Option<T>,
    answer: oneshot::Sender<Result<T, Error>>,
}

impl<T, W> Pending<T, W> {
    pub(super) fn new(operation: &'static str, work: W, answer: oneshot::Sender<Result<T, Error>>) -> Self {
        Self { operation, work: Some(work), result: None, answer }
    }
}

impl<T, W> Call for Pending<T, W>
where
    T: Send,
    W: FnOnce(&Store<'_>) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, store: &Store<'_>) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(store)?);
        }
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let answer =
            self.result.ok_or_else(|| Error::new(ErrorKind::Other, self.operation, "the call has not run"));
        // A caller that has gone does not hear of it; what it leased is given back by its claim.
        drop(self.answer.send(answer));
    }

    fn failed(self: Box<Self>, error: &rusqlite::Error, unclear: bool) {
        let error = from_sqlite(self.operation, error);
        drop(self.answer.send(Err(if unclear { error.outcome_unknown() } else { error })));
    }

    fn refuse(self: Box<Self>, kind: ErrorKind, detail: &str) {
        drop(self.answer.send(Err(Error::new(kind, self.operation, detail))));
    }
}

/// What has come of a transaction.
pub(super) struct Committed {
    /// Something was written.
    pub(super) changed: bool,
    /// The connection must not be used any more.
    pub(super) broken: bool,
}

/// Runs calls until they are through, or until SQLite has rolled back; answers those it has run.
pub(super) fn commit(
    conn: &Connection,
    config: &SqliteConfig,
    calls: &mut vec::IntoIter<Box<dyn Call>>,
) -> Committed {
    if let Err(error) = conn.execute_batch("BEGIN IMMEDIATE") {
        for call in calls {
            call.failed(&error, false);
        }
        return Committed { changed: false, broken: is_fatal(&error) };
    }
    let before = conn.total_changes();
    let store = Store::new(conn, config, Stamp::from(config.clock.now()));
    let mut done = Vec::with_capacity(calls.len());
    for mut call in calls.by_ref() {
        let Err(error) = one(conn, &store, &mut *call) else {
            done.push(call);
            continue;
        };
        call.failed(&error, false);
        if is_fatal(&error) || conn.is_autocommit() {
            return undone(conn, done, &error, false);
        }
    }
    match store.write_counts().and_then(|()| conn.execute_batch("COMMIT")) {
        Ok(()) => {
            for call in done {
                call.committed();
            }
            Committed { changed: conn.total_changes() != before, broken: false }
        }
        // A commit whose sync failed may be found in the log when the file is opened again.
        Err(error) => undone(conn, done, &error, is_fatal(&error)),
    }
}

/// Runs one call; if it fails, nothing of it remains.
fn one(conn: &Connection, store: &Store<'_>, call: &mut dyn Call) -> rusqlite::Result<()> {
    conn.prepare_cached("SAVEPOINT call")?.execute([])?;
    let counted = store.counted();
    match call.run(store) {
        Ok(()) => conn.prepare_cached("RELEASE call")?.execute([]).map(drop),
        Err(error) => {
            store.recount(counted);
            if !conn.is_autocommit() {
                conn.execute_batch("ROLLBACK TO call; RELEASE call")?;
            }
            Err(error)
        }
    }
}

fn undone(conn: &Connection, done: Vec<Box<dyn Call>>, error: &rusqlite::Error, unclear: bool) -> Committed {
    let rolled_back = conn.is_autocommit() || conn.execute_batch("ROLLBACK").is_ok();
    for call in done {
        call.failed(error, unclear);
    }
    Committed { changed: false, broken: is_fatal(error) || !rolled_back }
}

/// Ends the leases of the process that owned the file before: it is gone, and nobody else could have one.
pub(super) fn end_old_leases(conn: &Connection, config: &SqliteConfig) -> Result<(), Error> {
    let end = || {
        conn.execute_batch("BEGIN IMMEDIATE")?;
        Store::new(conn, config, Stamp::from(config.clock.now())).end_all_leases()?;
        conn.execute_batch("COMMIT")
    };
    end().map_err(|error| from_sqlite("open", &error))
}
