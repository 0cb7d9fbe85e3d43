//! Opening the file: one owner, the right schema, the right settings.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::config::SqliteConfig;
use super::failure::from_sqlite;
use super::schema::{APPLICATION_ID, MIGRATIONS};
use crate::error::{Error, ErrorKind};
use crate::stamp::Stamp;

/// How long to wait for a `sqlite3` shell that holds the database.
const BUSY: Duration = Duration::from_secs(5);

/// Pages in the log that let a checkpoint begin: 16 MiB, so that a page which changes often is written back once.
const CHECKPOINT: i64 = 4096;

/// The ownership of the file, until it is dropped or the process dies.
#[derive(Debug)]
pub(super) struct Owner(File);

impl Drop for Owner {
    fn drop(&mut self) {
        // Closing alone would not do: a child between fork and exec still has a copy of the open file.
        if let Err(error) = self.0.unlock() {
            tracing::debug!(%error, "the lock is let go of by closing its file");
        }
    }
}

/// Takes the ownership of the file.
pub(super) fn own(path: &Path) -> Result<Owner, Error> {
    let path = lock_path(path);
    let unavailable = |source| {
        let detail = format!("lock file {} can't be used", path.display());
        Error::new(ErrorKind::Unavailable, "open", detail).with_source(source)
    };
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(Owner(file)),
        Err(TryLockError::WouldBlock) => {
            let detail = format!("{} is held: another process owns this queue", path.display());
            Err(Error::new(ErrorKind::Locked, "open", detail))
        }
        Err(TryLockError::Error(source)) => Err(unavailable(source)),
    }
}

/// Where a file really is, whatever links lead to it: it has one owner. If it isn't there, it is made, since a link to
/// nothing can't be followed; empty, it is a new database.
pub(super) fn real_path(path: &Path) -> Result<PathBuf, Error> {
    let make = || OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let found = path.canonicalize().or_else(|_absent| make().and_then(|_file| path.canonicalize()));
    found.map_err(|source| {
        let detail = format!("{} can't be opened", path.display());
        Error::new(ErrorKind::Unavailable, "open", detail).with_source(source)
    })
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// The one connection that writes.
pub(super) fn writer(config: &SqliteConfig) -> Result<Connection, Error> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn =
        Connection::open_with_flags(&config.path, flags).map_err(|error| from_sqlite("open", &error))?;
    configure(&conn, config)?;
    let version = version(&conn)?;
    migrate(&mut conn, version, Stamp::from(config.clock.now()))?;
    Ok(conn)
}

/// A connection that only reads.
pub(super) fn reader(config: &SqliteConfig) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let conn = Connection::open_with_flags(&config.path, flags)?;
        conn.busy_timeout(BUSY)?;
        conn.pragma_update(None, "cache_size", -2048)?;
        Ok(conn)
    };
    open().map_err(|error| from_sqlite("open", &error))
}

fn configure(conn: &Connection, config: &SqliteConfig) -> Result<(), Error> {
    let set = || {
        conn.busy_timeout(BUSY)?;
        conn.set_prepared_statement_cache_capacity(128);
        // A plan that looks at bound values is made anew at nearly each call: half of all the time, for the same plan.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        conn.pragma_update(None, "synchronous", if config.synced { "FULL" } else { "NORMAL" })?;
        // What is read again soon. Each commit that splits pages goes through all of it.
        conn.pragma_update(None, "cache_size", -6_144)?;
        conn.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        Ok(mode)
    };
    let mode = set().map_err(|error| from_sqlite("open", &error))?;
    if mode != "wal" {
        let detail = format!("the file system can't hold a write-ahead log (journal mode {mode})");
        return Err(Error::new(ErrorKind::Unsupported, "open", detail));
    }
    Ok(())
}

/// The schema version of the file; 0 if it is new.
fn version(conn: &Connection) -> Result<usize, Error> {
    let read = || {
        let application: i64 = conn.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application, version, tables))
    };
    let (application, version, tables) = read().map_err(|error| from_sqlite("open", &error))?;
    if application == 0 && version == 0 && tables == 0 {
        return Ok(0);
    }
    if application != APPLICATION_ID {
        let detail =
            format!("the file is a SQLite database of something else (application id {application})");
        return Err(Error::new(ErrorKind::Invalid, "open", detail));
    }
    let known = MIGRATIONS.len();
    match usize::try_from(version) {
        Ok(version @ 1..) if version <= known => Ok(version),
        Ok(newer) if newer > known => {
            let detail = format!("the file has schema version {newer}, this program knows up to {known}");
            Err(Error::new(ErrorKind::SchemaVersion, "open", detail))
        }
        _ => Err(Error::new(ErrorKind::Corrupt, "open", format!("the file has schema version {version}"))),
    }
}

/// Brings the file to the present schema, all steps in one transaction.
fn migrate(conn: &mut Connection, version: usize, now: Stamp) -> Result<(), Error> {
    if version == MIGRATIONS.len() {
        return Ok(());
    }
    let mut run = || {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (n, (what, sql)) in (1i64..).zip(MIGRATIONS).skip(version) {
            tx.execute_batch(sql)?;
            tx.execute("INSERT INTO migrations (version, at, what) VALUES (?1, ?2, ?3)", (n, now.0, what))?;
            tx.pragma_update(None, "user_version", n)?;
        }
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.commit()
    };
    run().map_err(|error| from_sqlite("open", &error))
}
