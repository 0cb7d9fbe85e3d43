//! rpm's database, as rpm keeps it since 4.16: a table of package headers in SQLite.
//!
//! The database is copied out of the image and opened where nobody else writes. Of SQLite nothing is asked but the
//! rows of one plain table; what the rows hold is read here.
//!
//! Source: rpm's `lib/backend/sqlite.c`, `lib/header.c` and `docs/manual/tags.md`.

use std::collections::HashSet;

use super::database::{Database, Listed, limit};
use super::error::InventoryError;
use super::files::{Files, is_behind_link};
use super::inventory::Package;
use crate::manifest::TreePath;

mod database;
mod error;
mod header;
mod package;

pub use error::{HeaderFault, RpmError};

/// Bytes of the database that are read.
const MAX_FILE: usize = 512 << 20;

/// Where it may be; the second is often a link to the first.
const PLACES: [&str; 2] = ["usr/lib/sysimage/rpm", "var/lib/rpm"];

/// Reads the database; `None` if there is none.
pub(super) fn read(files: &mut dyn Files) -> Result<Option<Database>, InventoryError> {
    for place in PLACES {
        let path = |name: &str| TreePath::new(format!("{place}/{name}"));
        let (Ok(file), Ok(log)) = (path("rpmdb.sqlite"), path("rpmdb.sqlite-wal")) else { continue };
        if is_behind_link(files, &file)? {
            continue;
        }
        let Some(bytes) = files.read(&file, MAX_FILE)? else { continue };
        // What was written last may still stand in the log.
        let log = files.read(&log, MAX_FILE)?.filter(|log| !log.is_empty());
        return inventory(&bytes, log.as_deref())
            .map(Some)
            .map_err(|source| InventoryError::Rpm { path: file, source });
    }
    Ok(None)
}

fn inventory(bytes: &[u8], log: Option<&[u8]>) -> Result<Database, RpmError> {
    let mut found = Vec::new();
    let mut paths = 0;
    database::each_header(bytes, log, &mut |number, blob| {
        let read = package::read(blob).map_err(|source| RpmError::Header { number, source })?;
        if let Some(package) = read {
            paths += package.files.len();
            limit(found.len() + 1, paths)?;
            found.push(package);
        }
        Ok(())
    })?;
    found.sort_by(|a, b| key(&a.package).cmp(&key(&b.package)));
    let mut keys = HashSet::new();
    if let Some(twice) = found.iter().find(|found| !keys.insert(key(&found.package))) {
        return Err(RpmError::Duplicate {
            package: format!("{}-{}", twice.package.name, twice.package.version),
        });
    }
    let mut database = Database::default();
    for (index, package::Found { package, files }) in found.into_iter().enumerate() {
        database.packages.push(package);
        database.listed.extend(files.into_iter().map(|file| Listed {
            package: index,
            path: file.path,
            recorded: file.recorded,
            is_configuration: file.is_configuration,
        }));
    }
    Ok(database)
}

/// The package of a header; `None` for a public key.
pub(super) fn parse_header(bytes: &[u8]) -> Result<Option<Package>, HeaderFault> {
    Ok(package::read(bytes)?.map(|found| found.package))
}

/// Some packages, such as kernels, are installed in several versions at once.
fn key(package: &Package) -> (&str, &str, &str) {
    (&package.name, &package.architecture, &package.version)
}

#[cfg(test)]
mod tests;
