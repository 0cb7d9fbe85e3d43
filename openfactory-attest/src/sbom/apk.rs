//! apk's database: `lib/apk/db/installed`, where packages stand with the files that are theirs.
//!
//! Source: `apk_db_fdb_read` and `apk_pkgtmpl_add_info` of apk-tools.

use std::collections::HashSet;

use super::database::{Database, Listed};
use super::error::InventoryError;
use super::files::{Files, is_behind_link};
use crate::manifest::TreePath;

mod error;
mod field;
mod installed;

pub use error::ApkError;

/// Bytes of the database that are read.
const MAX_FILE: usize = 256 << 20;

/// Where it is: since Alpine 3.23, `lib` may be a link to `usr/lib`.
const PLACES: [&str; 2] = ["usr/lib/apk/db/installed", "lib/apk/db/installed"];

/// Reads the database; `None` if there is none.
pub(super) fn read(files: &mut dyn Files) -> Result<Option<Database>, InventoryError> {
    for place in PLACES {
        let file = path(place)?;
        if is_behind_link(files, &file)? {
            continue;
        }
        if let Some(bytes) = files.read(&file, MAX_FILE)? {
            return database(&bytes).map(Some).map_err(|source| InventoryError::Apk { path: file, source });
        }
    }
    Ok(None)
}

fn database(bytes: &[u8]) -> Result<Database, ApkError> {
    let mut found = installed::parse(bytes)?;
    found.sort_by(|a, b| a.package.name.cmp(&b.package.name));
    let mut names = HashSet::new();
    if let Some(twice) = found.iter().find(|found| !names.insert(found.package.name.as_str())) {
        return Err(ApkError::Duplicate { package: twice.package.name.clone() });
    }
    let mut database = Database::default();
    for (index, installed::Found { package, paths }) in found.into_iter().enumerate() {
        database.packages.push(package);
        database.listed.extend(paths.into_iter().map(|(path, recorded)| {
            // What apk leaves as it is when it installs a newer package (`protected_paths.d` may name more).
            let is_configuration = path.as_bytes().starts_with(b"etc/");
            Listed { package: index, path, recorded, is_configuration }
        }));
    }
    Ok(database)
}

/// A path of the database; there are no others than these.
fn path(text: &str) -> Result<TreePath, InventoryError> {
    TreePath::new(text).map_err(|_never| InventoryError::Apk {
        path: TreePath::root(),
        source: ApkError::Value { line: 1, field: 'F' },
    })
}

#[cfg(test)]
mod tests;
