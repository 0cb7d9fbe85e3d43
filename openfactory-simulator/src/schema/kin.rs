//! What follows from a table's place in the hierarchy; every request asks for it, so it is worked out once.

use std::collections::BTreeMap;

use super::{Field, Schema};

#[derive(Clone, Debug)]
pub(super) struct Kin {
    /// The table at the top.
    pub(super) root: String,
    /// The table and everything that extends it, sorted.
    pub(super) family: Vec<String>,
    /// Whether rows of the hierarchy carry `sys_class_name`.
    pub(super) has_classes: bool,
    /// All fields, inherited ones among them, sorted by name.
    pub(super) fields: Vec<Field>,
}

/// The kin of every table.
pub(super) fn of(schema: &Schema) -> BTreeMap<String, Kin> {
    let mut kin = BTreeMap::new();
    for name in schema.tables.keys() {
        let root = schema.chain(name).last().map_or(name.as_str(), |table| &table.name);
        let family = schema.tables.keys().filter(|class| schema.is_a(class, name)).cloned().collect();
        let has_classes = schema.tables.values().any(|other| other.extends.as_deref() == Some(root));
        let fields = fields(schema, name, has_classes);
        kin.insert(name.clone(), Kin { root: root.to_owned(), family, has_classes, fields });
    }
    kin
}

fn fields(schema: &Schema, table: &str, has_classes: bool) -> Vec<Field> {
    let mut fields: BTreeMap<&str, &Field> =
        schema.system.iter().map(|field| (field.name.as_str(), field)).collect();
    if has_classes {
        fields.insert("sys_class_name", &schema.class_field);
    }
    for field in schema.chain(table).flat_map(|table| &table.fields) {
        fields.entry(&field.name).or_insert(field);
    }
    fields.into_values().cloned().collect()
}
