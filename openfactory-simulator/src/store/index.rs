//! By which fields rows are found without reading a whole table: every reference, and the texts that name a row.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, params};

use super::StoreError;
use super::session::{Session, decode};
use crate::fold::folded;
use crate::record::Record;
use crate::schema::{FieldType, Schema};

/// Texts that are looked up by.
const NAMES: [&str; 13] = [
    "id",
    "number",
    "name",
    "user_name",
    "email",
    "correlation_id",
    "serial_number",
    "asset_tag",
    "element_id",
    "table_sys_id",
    "target_sys_id",
    "document_id",
    "u_build_id",
];

/// The indexed fields of every hierarchy of tables, each with a number of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    fields: BTreeMap<String, BTreeMap<String, i64>>,
}

impl Index {
    pub(super) fn of(schema: &Schema) -> Self {
        let mut fields: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        for table in schema.tables() {
            let of_root = fields.entry(schema.root(&table.name).to_owned()).or_default();
            for field in &table.fields {
                let indexed = match field.kind {
                    FieldType::Reference(_) => true,
                    FieldType::String => NAMES.contains(&field.name.as_str()),
                    _ => false,
                };
                if indexed {
                    of_root.insert(field.name.clone(), 0);
                }
            }
        }
        let ids = fields.values_mut().flat_map(BTreeMap::values_mut);
        for (id, next) in ids.zip(0..) {
            *id = next;
        }
        Self { fields }
    }

    /// The number of a field.
    pub(crate) fn id(&self, root: &str, field: &str) -> Option<i64> {
        self.fields.get(root)?.get(field).copied()
    }

    /// A row's entries: number of the field, and value.
    fn entries<'a>(&'a self, root: &str, record: &'a Record) -> impl Iterator<Item = (i64, String)> + 'a {
        self.fields.get(root).into_iter().flatten().filter_map(|(field, id)| {
            let value = record.value(field);
            (!value.is_empty()).then(|| (*id, folded(value).into_owned()))
        })
    }

    /// What an index was made for: another text means that it has to be made anew.
    fn described(&self) -> String {
        let fields = self
            .fields
            .iter()
            .flat_map(|(root, fields)| fields.iter().map(move |(field, id)| format!("{root}.{field}={id}")));
        // Before they were folded beyond ASCII, the values were other ones.
        format!("folded:{}", fields.collect::<Vec<_>>().join(","))
    }
}

impl Session<'_> {
    pub(super) fn enter(&self, root: &str, seq: i64, record: &Record) -> Result<(), StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO lookup (field, value, seq) VALUES (?1, ?2, ?3)")?;
        for (field, value) in self.index.entries(root, record) {
            statement.execute(params![field, value, seq])?;
        }
        Ok(())
    }

    pub(super) fn leave(&self, root: &str, seq: i64, record: &Record) -> Result<(), StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("DELETE FROM lookup WHERE field = ?1 AND value = ?2 AND seq = ?3")?;
        for (field, value) in self.index.entries(root, record) {
            statement.execute(params![field, value, seq])?;
        }
        Ok(())
    }

    /// Makes the index anew if it was made for other fields.
    pub(super) fn reindex(&self) -> Result<(), StoreError> {
        let wanted = self.index.described();
        let made: Option<String> = self
            .connection
            .prepare_cached("SELECT value FROM meta WHERE key = 'indexed'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        if made.as_ref() == Some(&wanted) {
            return Ok(());
        }
        self.connection.execute("DELETE FROM lookup", [])?;
        let mut statement = self.connection.prepare("SELECT seq, root, class, sys_id, data FROM record")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let data: String = row.get(4)?;
            let record = decode(row.get(2)?, row.get(3)?, &data)?;
            let root: String = row.get(1)?;
            self.enter(&root, row.get(0)?, &record)?;
        }
        self.connection
            .execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('indexed', ?1)", params![wanted])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_names_are_indexed_and_nothing_else() {
        let index = Index::of(&Schema::of(true));
        for (root, field, indexed) in [
            ("task", "number", true),
            ("task", "assigned_to", true),
            ("task", "parent_incident", true),
            ("task", "short_description", false),
            ("task", "opened_at", false),
            ("cmdb_ci", "serial_number", true),
            ("incident", "number", false),
        ] {
            assert_eq!(index.id(root, field).is_some(), indexed, "{root}.{field}");
        }
        let ids: std::collections::BTreeSet<_> =
            index.fields.values().flat_map(BTreeMap::values).copied().collect();
        assert_eq!(ids.len(), index.fields.values().map(BTreeMap::len).sum::<usize>());
    }
}
