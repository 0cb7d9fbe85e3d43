//! What can be asked of the rows within one transaction.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::quota::Quota;
use super::{Index, Standing, StoreError};
use crate::entropy::Entropy;
use crate::fold::{folded, same};
use crate::record::Record;
use crate::schema::Schema;
use crate::switches::Switches;

/// The first number of every sequence.
const FIRST_NUMBER: i64 = 10_001;

/// Which rows can match at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Narrow {
    /// Any row.
    All,
    /// Only rows with one of these values in an indexed field, or in `sys_id`.
    Keys(Vec<(String, String)>),
}

pub(crate) struct Session<'a> {
    pub(super) connection: &'a Connection,
    pub(crate) schema: &'a Schema,
    pub(crate) index: &'a Index,
    pub(super) standing: &'a Standing,
    pub(crate) switches: &'a Switches,
    /// Whether rows changed that are kept ready.
    pub(super) unsettled: Cell<bool>,
    pub(crate) now: SystemTime,
    pub(super) quota: Quota<'a>,
    pub(crate) entropy: &'a dyn Entropy,
}

impl Session<'_> {
    /// Takes a step of work that may be much: each row and each value that is looked at is one.
    pub(crate) fn step(&self) -> Result<(), StoreError> {
        self.quota.step()
    }

    /// The row of `table`, or of a table that extends it; the case of the letters does not matter.
    pub(crate) fn find(&self, table: &str, sys_id: &str) -> Result<Option<Record>, StoreError> {
        self.step()?;
        let sys_id = sys_id.to_ascii_lowercase();
        let row: Option<(String, String)> = self
            .connection
            .prepare_cached("SELECT class, data FROM record WHERE root = ?1 AND sys_id = ?2")?
            .query_row(params![self.schema.root(table), sys_id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((class, data)) = row else { return Ok(None) };
        let record = decode(class, sys_id, &data)?;
        Ok(self.schema.is_a(&record.class, table).then_some(record))
    }

    /// Whether some row of the table's hierarchy has this `sys_id`.
    pub(crate) fn taken(&self, table: &str, sys_id: &str) -> Result<bool, StoreError> {
        let found = self
            .connection
            .prepare_cached("SELECT 1 FROM record WHERE root = ?1 AND sys_id = ?2")?
            .exists(params![self.schema.root(table), sys_id])?;
        Ok(found)
    }

    /// The rows of `table` and of what extends it that can match, in the order in which they were made.
    pub(crate) fn scan(&self, table: &str, narrow: &Narrow) -> Result<Vec<Record>, StoreError> {
        let root = self.schema.root(table);
        let family = self.schema.family(table);
        let mut rows: BTreeMap<i64, (String, String, String)> = BTreeMap::new();
        match narrow {
            Narrow::All => {
                let classes = serde_json::json!(family).to_string();
                let mut statement = self.connection.prepare_cached(
                    "SELECT seq, class, sys_id, data FROM record
                     WHERE root = ?1 AND class IN (SELECT value FROM json_each(?2))",
                )?;
                let mut found = statement.query(params![root, classes])?;
                while let Some(row) = found.next()? {
                    rows.insert(row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?));
                }
            }
            Narrow::Keys(keys) => {
                for (field, value) in keys {
                    self.step()?;
                    let sql = if field == "sys_id" {
                        "SELECT seq, class, sys_id, data FROM record WHERE root = ?1 AND sys_id = ?2"
                    } else {
                        "SELECT record.seq, record.class, record.sys_id, record.data FROM lookup
                         JOIN record ON record.seq = lookup.seq WHERE lookup.field = ?1 AND lookup.value = ?2"
                    };
                    let mut statement = self.connection.prepare_cached(sql)?;
                    let value = folded(value);
                    let mut found = match self.index.id(root, field) {
                        _ if field == "sys_id" => statement.query(params![root, value])?,
                        Some(id) => statement.query(params![id, value])?,
                        // No field of this table is called so: nothing can be found by it.
                        None => continue,
                    };
                    while let Some(row) = found.next()? {
                        rows.insert(row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?));
                    }
                }
            }
        }
        rows.into_values()
            .filter(|(class, ..)| family.contains(class))
            .map(|(class, sys_id, data)| {
                self.step()?;
                decode(class, sys_id, &data)
            })
            .collect()
    }

    /// The rows of `table` whose `field` has this value; quickly where the field is indexed.
    pub(crate) fn by(&self, table: &str, field: &str, value: &str) -> Result<Vec<Record>, StoreError> {
        let narrow = match self.index.id(self.schema.root(table), field) {
            // What is empty is not in the index.
            Some(_) if !value.is_empty() => Narrow::Keys(vec![(field.to_owned(), value.to_owned())]),
            _ => Narrow::All,
        };
        let rows = self.scan(table, &narrow)?;
        Ok(rows.into_iter().filter(|row| same(row.value(field), value)).collect())
    }

    /// The value of a system property; none where it is not set.
    pub(crate) fn property(&self, name: &str) -> Result<Option<String>, StoreError> {
        let rows = self.by("sys_properties", "name", name)?;
        Ok(rows.first().map(|row| row.value("value").to_owned()))
    }

    /// Keeps a text under a key.
    pub(crate) fn keep(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
            .execute(params![key, value])?;
        Ok(())
    }

    /// The text that was kept under a key.
    pub(crate) fn kept_under(&self, key: &str) -> Result<Option<String>, StoreError> {
        let text = self
            .connection
            .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
            .query_row(params![key], |row| row.get(0))
            .optional()?;
        Ok(text)
    }

    /// Adds a row whose `sys_id` is not taken.
    pub(crate) fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let root = self.schema.root(&record.class);
        self.unsettle(root);
        self.connection
            .prepare_cached("INSERT INTO record (root, sys_id, class, data) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![root, record.sys_id, record.class, encode(record)?])?;
        self.enter(root, self.connection.last_insert_rowid(), record)
    }

    /// Writes the new values of a row that is there.
    pub(crate) fn replace(&self, record: &Record) -> Result<(), StoreError> {
        let root = self.schema.root(&record.class);
        let Some((seq, old)) = self.kept(root, &record.sys_id)? else { return Ok(()) };
        self.unsettle(root);
        self.connection
            .prepare_cached("UPDATE record SET class = ?2, data = ?3 WHERE seq = ?1")?
            .execute(params![seq, record.class, encode(record)?])?;
        self.leave(root, seq, &old)?;
        self.enter(root, seq, record)
    }

    /// Removes a row and, where it is an attachment, its bytes.
    pub(crate) fn remove(&self, record: &Record) -> Result<(), StoreError> {
        let root = self.schema.root(&record.class);
        let Some((seq, old)) = self.kept(root, &record.sys_id)? else { return Ok(()) };
        self.unsettle(root);
        self.connection.prepare_cached("DELETE FROM record WHERE seq = ?1")?.execute(params![seq])?;
        if root == "sys_attachment" {
            self.connection
                .prepare_cached("DELETE FROM body WHERE sys_id = ?1")?
                .execute(params![record.sys_id])?;
        }
        self.leave(root, seq, &old)
    }

    /// A row as it is kept, with its place.
    fn kept(&self, root: &str, sys_id: &str) -> Result<Option<(i64, Record)>, StoreError> {
        let row: Option<(i64, String, String)> = self
            .connection
            .prepare_cached("SELECT seq, class, data FROM record WHERE root = ?1 AND sys_id = ?2")?
            .query_row(params![root, sys_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((seq, class, data)) = row else { return Ok(None) };
        Ok(Some((seq, decode(class, sys_id.to_owned(), &data)?)))
    }

    /// The next number of a sequence: the prefix and seven digits.
    pub(crate) fn next_number(&self, prefix: &str) -> Result<String, StoreError> {
        let number: i64 = self
            .connection
            .prepare_cached(
                "INSERT INTO sequence (prefix, next) VALUES (?1, ?2 + 1)
                 ON CONFLICT (prefix) DO UPDATE SET next = next + 1 RETURNING next - 1",
            )?
            .query_row(params![prefix, FIRST_NUMBER], |row| row.get(0))?;
        Ok(format!("{prefix}{number:07}"))
    }

    /// Lets a sequence go on after a number that came from outside.
    pub(crate) fn number_used(&self, prefix: &str, number: &str) -> Result<(), StoreError> {
        let Some(used) = number.strip_prefix(prefix).and_then(|digits| digits.parse::<i64>().ok()) else {
            return Ok(());
        };
        if used < FIRST_NUMBER || used == i64::MAX {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "INSERT INTO sequence (prefix, next) VALUES (?1, ?2)
                 ON CONFLICT (prefix) DO UPDATE SET next = max(next, ?2)",
            )?
            .execute(params![prefix, used + 1])?;
        Ok(())
    }

    /// Notes that a row was seeded; false if it had been, even if it was deleted since.
    pub(crate) fn mark_seeded(&self, root: &str, sys_id: &str) -> Result<bool, StoreError> {
        let added = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO seeded (root, sys_id) VALUES (?1, ?2)")?
            .execute(params![root, sys_id])?;
        Ok(added == 1)
    }

    pub(crate) fn put_body(&self, attachment: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO body (sys_id, bytes) VALUES (?1, ?2)")?
            .execute(params![attachment, bytes])?;
        Ok(())
    }

    pub(crate) fn body(&self, attachment: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = self
            .connection
            .prepare_cached("SELECT bytes FROM body WHERE sys_id = ?1")?
            .query_row(params![attachment], |row| row.get(0))
            .optional()?;
        Ok(bytes)
    }
}

fn encode(record: &Record) -> Result<String, StoreError> {
    serde_json::to_string(&record.values).map_err(|source| damaged(&record.class, &record.sys_id, source))
}

pub(super) fn decode(class: String, sys_id: String, data: &str) -> Result<Record, StoreError> {
    match serde_json::from_str(data) {
        Ok(values) => Ok(Record { class, sys_id, values }),
        Err(source) => Err(damaged(&class, &sys_id, source)),
    }
}

fn damaged(class: &str, sys_id: &str, source: serde_json::Error) -> StoreError {
    StoreError::Damaged { class: class.to_owned(), sys_id: sys_id.to_owned(), source: source.into() }
}
