//! The layout of the state in SQLite.

use rusqlite::Connection;

use super::StoreError;

pub(super) const VERSION: i64 = 2;

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
CREATE TABLE body (sys_id TEXT PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE sequence (prefix TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE seeded (root TEXT NOT NULL, sys_id TEXT NOT NULL, PRIMARY KEY (root, sys_id)) WITHOUT ROWID;
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

/// What version 2 added: an index by number of field, and tokens of several kinds.
const SINCE_2: &str = "
CREATE TABLE lookup (
    field INTEGER NOT NULL,
    value TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (field, value, seq)
) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE token (
    token TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    client TEXT NOT NULL,
    user_name TEXT NOT NULL,
    detail TEXT NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX token_holder ON token (client, user_name, kind);
";

/// From version 1: tokens are asked for anew, the index is made anew.
const FROM_1: &str = "DROP TABLE lookup; DROP TABLE token;";

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
        0 => lay_out(connection, TABLES),
        1 => lay_out(connection, FROM_1),
        found => Err(StoreError::Layout { found }),
    }
}

fn lay_out(connection: &Connection, first: &str) -> Result<(), StoreError> {
    let all = format!("BEGIN IMMEDIATE;{first}{SINCE_2}PRAGMA user_version = {VERSION};COMMIT;");
    connection.execute_batch(&all)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_version_1_goes_on_and_one_of_the_future_does_not() {
        let connection = Connection::open_in_memory().unwrap();
        let old = format!(
            "{TABLES} CREATE TABLE lookup (root TEXT); CREATE TABLE token (token TEXT); PRAGMA user_version = 1;"
        );
        connection.execute_batch(&old).unwrap();
        prepare(&connection, false).unwrap();
        connection.execute("INSERT INTO lookup (field, value, seq) VALUES (1, 'x', 1)", []).unwrap();
        prepare(&connection, false).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(prepare(&connection, false), Err(StoreError::Layout { found: 99 })));
    }
}
