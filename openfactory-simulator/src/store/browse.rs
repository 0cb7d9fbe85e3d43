//! What a person who looks around asks: how much there is, what is newest, what mentions a row.

use std::collections::BTreeMap;

use rusqlite::params;

use super::session::decode;
use super::{Session, StoreError};
use crate::record::Record;

impl Session<'_> {
    /// How many rows each class has, those of extending classes not among them.
    pub(crate) fn counts(&self) -> Result<BTreeMap<String, usize>, StoreError> {
        let mut counts = BTreeMap::new();
        let mut statement =
            self.connection.prepare_cached("SELECT class, count(*) FROM record GROUP BY root, class")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let count: i64 = row.get(1)?;
            counts.insert(row.get(0)?, usize::try_from(count).unwrap_or_default());
        }
        Ok(counts)
    }

    /// Some rows of `table` and of what extends it, the newest first.
    pub(crate) fn newest(&self, table: &str, offset: usize, limit: usize) -> Result<Vec<Record>, StoreError> {
        let classes = serde_json::json!(self.schema.family(table)).to_string();
        let mut statement = self.connection.prepare_cached(
            "SELECT class, sys_id, data FROM record
             WHERE root = ?1 AND class IN (SELECT value FROM json_each(?2))
             ORDER BY seq DESC LIMIT ?3 OFFSET ?4",
        )?;
        let bounded = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let root = self.schema.root(table);
        let rows = statement.query(params![root, classes, bounded(limit), bounded(offset)])?;
        decoded(rows)
    }

    /// At most `limit` rows of whatever table one of whose values is `value`, the newest first. Reads every row's
    /// text once, without taking it apart.
    pub(crate) fn mentioning(&self, value: &str, limit: usize) -> Result<Vec<Record>, StoreError> {
        let as_written = serde_json::Value::from(value).to_string();
        let mut statement = self.connection.prepare_cached(
            "SELECT class, sys_id, data FROM record WHERE instr(data, ?1) > 0 ORDER BY seq DESC LIMIT ?2",
        )?;
        decoded(statement.query(params![as_written, i64::try_from(limit).unwrap_or(i64::MAX)])?)
    }
}

fn decoded(mut rows: rusqlite::Rows<'_>) -> Result<Vec<Record>, StoreError> {
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let data: String = row.get(2)?;
        records.push(decode(row.get(0)?, row.get(1)?, &data)?);
    }
    Ok(records)
}
