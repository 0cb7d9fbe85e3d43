//! The layout of the state in SQLite.

use rusqlite::Connection;

use super::StoreError;

pub(super) const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    root TEXT NOT NULL,
    sys_id TEXT NOT NULL,
    class TEXT NOT NULL,
    data TEXT NOT NULL,
    UNIQUE (root, sys_id)
);
CREATE INDEX record_class ON record (root, class);
CREATE TABLE lookup (
    root TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    sys_id TEXT NOT NULL,
    PRIMARY KEY (root, field, value, sys_id)
) WITHOUT ROWID;
CREATE INDEX lookup_row ON lookup (root, sys_id);
CREATE TABLE body (sys_id TEXT PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE sequence (prefix TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE seeded (root TEXT NOT NULL, sys_id TEXT NOT NULL, PRIMARY KEY (root, sys_id)) WITHOUT ROWID;
CREATE TABLE token (
    token TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    user_name TEXT NOT NULL,
    expires INTEGER NOT NULL
);
CREATE TABLE delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due INTEGER NOT NULL,
    state TEXT NOT NULL,
    last_error TEXT NOT NULL
);
CREATE INDEX delivery_pending ON delivery (state, due);
";

/// Sets the connection up and lays the tables out where there are none.
pub(super) fn prepare(connection: &Connection, on_disk: bool) -> Result<(), StoreError> {
    if on_disk {
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
    }
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match found {
        VERSION => Ok(()),
        0 => {
            let lay_out = format!("BEGIN IMMEDIATE;{TABLES}PRAGMA user_version = {VERSION};COMMIT;");
            connection.execute_batch(&lay_out)?;
            Ok(())
        }
        found => Err(StoreError::Layout { found }),
    }
}
