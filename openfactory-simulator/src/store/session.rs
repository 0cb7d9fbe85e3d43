//! What can be asked of the rows within one transaction.

use std::collections::BTreeMap;
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::StoreError;
use crate::entropy::Entropy;
use crate::record::Record;
use crate::schema::Schema;

/// Fields by whose value rows are found without reading a whole table.
const INDEXED: [&str; 14] = [
    "number",
    "name",
    "user_name",
    "email",
    "correlation_id",
    "element_id",
    "table_sys_id",
    "sysapproval",
    "change_request",
    "parent",
    "child",
    "user",
    "group",
    "u_build_id",
];

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

impl Narrow {
    /// Whether rows can be found by this field.
    pub(crate) fn by(field: &str) -> bool {
        field == "sys_id" || INDEXED.contains(&field)
    }
}

pub(crate) struct Session<'a> {
    pub(super) connection: &'a Connection,
    pub(crate) schema: &'a Schema,
    pub(crate) now: SystemTime,
    pub(crate) entropy: &'a dyn Entropy,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        schema: &'a Schema,
        now: SystemTime,
        entropy: &'a dyn Entropy,
    ) -> Self {
        Self { connection, schema, now, entropy }
    }

    /// The row of `table`, or of a table that extends it.
    pub(crate) fn find(&self, table: &str, sys_id: &str) -> Result<Option<Record>, StoreError> {
        let row: Option<(String, String)> = self
            .connection
            .prepare_cached("SELECT class, data FROM record WHERE root = ?1 AND sys_id = ?2")?
            .query_row(params![self.schema.root(table), sys_id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((class, data)) = row else { return Ok(None) };
        let record = decode(class, sys_id.to_owned(), &data)?;
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
                let classes = serde_json::Value::from(family.clone()).to_string();
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
                    let sql = if field == "sys_id" {
                        "SELECT seq, class, sys_id, data FROM record WHERE root = ?1 AND ?2 <> '' AND sys_id = ?3"
                    } else {
                        "SELECT record.seq, record.class, record.sys_id, record.data FROM lookup
                         JOIN record ON record.root = lookup.root AND record.sys_id = lookup.sys_id
                         WHERE lookup.root = ?1 AND lookup.field = ?2 AND lookup.value = ?3"
                    };
                    let mut statement = self.connection.prepare_cached(sql)?;
                    let mut found = statement.query(params![root, field, value.to_ascii_lowercase()])?;
                    while let Some(row) = found.next()? {
                        rows.insert(row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?));
                    }
                }
            }
        }
        rows.into_values()
            .filter(|(class, ..)| family.contains(&class.as_str()))
            .map(|(class, sys_id, data)| decode(class, sys_id, &data))
            .collect()
    }

    /// The rows of `table` whose indexed `field` has this value.
    pub(crate) fn by(&self, table: &str, field: &str, value: &str) -> Result<Vec<Record>, StoreError> {
        let rows = self.scan(table, &Narrow::Keys(vec![(field.to_owned(), value.to_owned())]))?;
        Ok(rows.into_iter().filter(|row| row.value(field) == value).collect())
    }

    /// The value of a system property; none where it is not set.
    pub(crate) fn property(&self, name: &str) -> Result<Option<String>, StoreError> {
        let rows = self.by("sys_properties", "name", name)?;
        Ok(rows.first().map(|row| row.value("value").to_owned()))
    }

    /// Adds a row whose `sys_id` is not taken.
    pub(crate) fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let root = self.schema.root(&record.class);
        self.connection
            .prepare_cached("INSERT INTO record (root, sys_id, class, data) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![root, record.sys_id, record.class, encode(record)?])?;
        self.index(root, record)
    }

    /// Writes the new values of a row that is there.
    pub(crate) fn replace(&self, record: &Record) -> Result<(), StoreError> {
        let root = self.schema.root(&record.class);
        self.connection
            .prepare_cached("UPDATE record SET class = ?3, data = ?4 WHERE root = ?1 AND sys_id = ?2")?
            .execute(params![root, record.sys_id, record.class, encode(record)?])?;
        self.unindex(root, &record.sys_id)?;
        self.index(root, record)
    }

    /// Removes a row and, where it is an attachment, its bytes.
    pub(crate) fn remove(&self, record: &Record) -> Result<(), StoreError> {
        let root = self.schema.root(&record.class);
        self.connection
            .prepare_cached("DELETE FROM record WHERE root = ?1 AND sys_id = ?2")?
            .execute(params![root, record.sys_id])?;
        if root == "sys_attachment" {
            self.connection
                .prepare_cached("DELETE FROM body WHERE sys_id = ?1")?
                .execute(params![record.sys_id])?;
        }
        self.unindex(root, &record.sys_id)
    }

    fn index(&self, root: &str, record: &Record) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO lookup (root, field, value, sys_id) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for field in INDEXED {
            let value = record.value(field);
            if !value.is_empty() {
                statement.execute(params![root, field, value.to_ascii_lowercase(), record.sys_id])?;
            }
        }
        Ok(())
    }

    fn unindex(&self, root: &str, sys_id: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM lookup WHERE root = ?1 AND sys_id = ?2")?
            .execute(params![root, sys_id])?;
        Ok(())
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
