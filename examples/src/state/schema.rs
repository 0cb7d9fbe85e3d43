//! The tables, and how a file of an earlier version gets them.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::error::OpenError;

/// Says in the file's header that it is ours: "OFST".
const APPLICATION_ID: i64 = 0x4F46_5354;

/// The schema that this version writes (`PRAGMA user_version`). Earlier ones are brought up to it when opened.
pub const SCHEMA_VERSION: i64 = 2;

/// What brings a file from the version before to the version of its place, from 1 on.
const MIGRATIONS: [&str; 2] = [
    "
    -- Events that are applied. Rows are in the order of their commits.
    CREATE TABLE inbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id  TEXT NOT NULL UNIQUE
    );
    -- What the workflow remembers; `version` counts the writes of a row.
    CREATE TABLE entity (
        kind     TEXT NOT NULL,
        id       TEXT NOT NULL,
        version  INTEGER NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (kind, id)
    ) WITHOUT ROWID;
    -- Events to publish. AUTOINCREMENT: a place is never given twice.
    CREATE TABLE outbox (
        seq   INTEGER PRIMARY KEY AUTOINCREMENT,
        event TEXT NOT NULL
    );
    -- Events of the future; `due` in milliseconds since 1970.
    CREATE TABLE timer (
        name  TEXT NOT NULL PRIMARY KEY,
        due   INTEGER NOT NULL,
        event TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX timer_by_due ON timer (due, name);
    -- What events came to in ServiceNow.
    CREATE TABLE receipt (
        event    TEXT NOT NULL PRIMARY KEY,
        document TEXT NOT NULL
    ) WITHOUT ROWID;
",
    "
    -- Challenges that devices were given; instants in milliseconds since 1970.
    CREATE TABLE challenge (
        nonce     TEXT NOT NULL PRIMARY KEY,
        device    TEXT NOT NULL,
        -- Whether the device itself asked, under its own key.
        signed    INTEGER NOT NULL,
        issued    INTEGER NOT NULL,
        expires   INTEGER NOT NULL,
        -- The identity of the event that answered it.
        used_by   TEXT
    ) WITHOUT ROWID;
    CREATE INDEX challenge_by_device ON challenge (device, signed, issued);
    -- Signed commands that devices ask for.
    CREATE TABLE command (
        seq      INTEGER PRIMARY KEY AUTOINCREMENT,
        device   TEXT NOT NULL,
        id       TEXT NOT NULL,
        envelope TEXT NOT NULL,
        expires  INTEGER NOT NULL,
        handled  INTEGER NOT NULL DEFAULT 0,
        UNIQUE (device, id)
    );
    -- Devices of which a fresh report is wanted, since when, and the command that was made to ask for it.
    CREATE TABLE wanted (
        device  TEXT NOT NULL PRIMARY KEY,
        since   INTEGER NOT NULL,
        reason  TEXT NOT NULL,
        command TEXT
    ) WITHOUT ROWID;
",
];

/// Opens the file with the settings that durability needs, and brings its schema up to date.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let error =
        |source: rusqlite::Error| OpenError::Sqlite { path: path.to_owned(), source: Box::new(source) };
    let mut connection = Connection::open(path).map_err(error)?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(error)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(error)?;
    if !mode.eq_ignore_ascii_case("wal") {
        let reason = format!("its file system allows no write-ahead log (journal mode {mode})");
        return Err(OpenError::Sqlite { path: path.to_owned(), source: reason.into() });
    }
    connection.pragma_update(None, "synchronous", "FULL").map_err(error)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(error)?;
    connection.pragma_update(None, "trusted_schema", false).map_err(error)?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let error =
        |source: rusqlite::Error| OpenError::Sqlite { path: path.to_owned(), source: Box::new(source) };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(error)?;
    let pragma =
        |name: &str| transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(error);
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = transaction
        .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", [], |row| row.get(0))
        .map_err(error)?;
    let is_new = application == 0 && version == 0 && tables == 0;
    if !is_new && application != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let known = SCHEMA_VERSION;
    let done = match usize::try_from(version) {
        Ok(done) if version <= known => done,
        _ => return Err(OpenError::Newer { path: path.to_owned(), found: version, known }),
    };
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration).map_err(error)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(error)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(error)?;
    transaction.commit().map_err(error)
}
