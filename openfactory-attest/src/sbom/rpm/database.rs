//! The table of headers. The file is foreign: it gets no say in what SQLite does.

use std::fs;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::error::RpmError;

/// Bytes of one header; kernels with all their modules come to some 3 MiB.
const MAX_HEADER: i32 = 64 << 20;

/// Where the file's header says how it is written: 1 with a rollback journal, 2 with a log (SQLite, "Database File Format",
/// 1.3.3).
const VERSIONS: std::ops::Range<usize> = 18..20;

/// What is done with a header of this number.
type Each<'e> = dyn FnMut(i64, &[u8]) -> Result<(), RpmError> + 'e;

/// Hands each header to `each`, with its number, in order.
pub(super) fn each_header(bytes: &[u8], log: Option<&[u8]>, each: &mut Each<'_>) -> Result<(), RpmError> {
    let directory = tempfile::tempdir().map_err(RpmError::Copy)?;
    let file = directory.path().join("rpmdb.sqlite");
    fs::write(&file, bytes).map_err(RpmError::Copy)?;
    // With a log to be read, it is SQLite's to write: both are copies. Without, nothing is.
    let (uri, access) = match log {
        Some(log) => {
            fs::write(directory.path().join("rpmdb.sqlite-wal"), log).map_err(RpmError::Copy)?;
            (format!("file:{}", escaped(&file)), OpenFlags::SQLITE_OPEN_READ_WRITE)
        }
        None => {
            let has_versions = bytes.get(VERSIONS).is_some_and(|it| it.iter().all(|it| (1..=2).contains(it)));
            if !has_versions {
                return Err(RpmError::Table);
            }
            (format!("file:{}?immutable=1", escaped(&file)), OpenFlags::SQLITE_OPEN_READ_ONLY)
        }
    };
    let flags = access | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri, flags).map_err(database)?;
    harden(&connection).map_err(database)?;
    if !has_table(&connection).map_err(database)? {
        return Err(RpmError::Table);
    }
    let mut statement =
        connection.prepare("SELECT hnum, blob FROM main.Packages ORDER BY hnum").map_err(database)?;
    let mut rows = statement.query([]).map_err(database)?;
    while let Some(row) = rows.next().map_err(database)? {
        let number = row.get(0).map_err(database)?;
        let blob = row.get_ref(1).map_err(database)?;
        each(number, blob.as_blob().map_err(|error| RpmError::Database(error.into()))?)?;
    }
    Ok(())
}

/// What is in the file is data, and runs nothing.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_HEADER)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// Whether there is a table, and no view or module, whose two columns are stored and not computed.
fn has_table(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = connection.query_row(
        "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name = 'Packages' AND type = 'table'",
        [],
        |row| row.get(0),
    )?;
    let columns: i64 = connection.query_row(
        "SELECT count(*) FROM pragma_table_xinfo('Packages') WHERE name IN ('hnum', 'blob') AND hidden = 0",
        [],
        |row| row.get(0),
    )?;
    Ok((tables, columns) == (1, 2))
}

/// A path within a URI.
fn escaped(path: &std::path::Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = path.as_os_str().as_bytes().iter();
    let escape = |byte: &u8| match byte {
        b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    bytes.map(escape).collect()
}

fn database(error: rusqlite::Error) -> RpmError {
    RpmError::Database(error.into())
}
