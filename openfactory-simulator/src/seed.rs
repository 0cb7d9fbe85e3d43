//! Seeds: rows, and tables for them, that an instance begins with.

mod fit;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::population;
use crate::schema::{FieldType, Schema, Table};
use crate::store::{Session, StoreError};

/// Rows for an instance to begin with, and tables that it hasn't got.
///
/// As JSON: `{"TABLE": [{"sys_id"?: "...", "FIELD": "value"}, ...], "$schema"?: {"TABLE": {"extends"?: "...",
/// "display"?: "...", "fields": {"FIELD": {"type": "...", "reference"?: "..."}}}}}`. A table that neither the
/// instance nor `$schema` knows is made from its rows, its fields text. Types are `string`, `integer`, `decimal`,
/// `boolean`, `reference`, `glide_date_time`, `glide_date`, `glide_list` and `journal_input`.
///
/// A row is planted once: over restarts with the same state it keeps what was done to it. No rule runs.
///
/// ```
/// use openfactory_simulator::seed::Seed;
///
/// let seed = Seed::from_json(br#"{"sys_user": [{"user_name": "ada", "name": "Ada", "roles": "itil"}]}"#)?;
/// assert_eq!(seed.rows(), 1);
/// assert!(Seed::from_json(br#"{"sys_user": "everyone"}"#).is_err());
/// # Ok::<(), openfactory_simulator::seed::SeedError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Seed {
    tables: BTreeMap<String, TableSpec>,
    rows: BTreeMap<String, Vec<BTreeMap<String, String>>>,
}

/// Why a text is no seed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// It is not JSON of the right shape.
    #[error("not a seed file")]
    Shape {
        /// What the parser said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row has a value that is no text, number or boolean.
    #[error("row {index} of {table} has a value for {field:?} that is neither text nor number nor boolean")]
    Value {
        /// The table.
        table: String,
        /// The row, from 0.
        index: usize,
        /// The field.
        field: String,
    },
    /// A table or field is not named in lower-case letters, digits and underscores.
    #[error("{name:?} can't name a table or field: lower-case letters, digits and underscores, at most 80")]
    Name {
        /// The name.
        name: String,
    },
    /// A type is not known.
    #[error("{table}.{field} has the unknown type {kind:?}")]
    Type {
        /// The table.
        table: String,
        /// The field.
        field: String,
        /// The type.
        kind: String,
    },
    /// Two rows of a table have the same `sys_id`.
    #[error("two rows of {table} have the sys_id {sys_id}")]
    Twice {
        /// The table.
        table: String,
        /// What both are called.
        sys_id: String,
    },
    /// A row has a field that its table has not got.
    #[error("row {index} of {table} has a value for {field:?}, which the table has not got")]
    Field {
        /// The table.
        table: String,
        /// The row, from 0.
        index: usize,
        /// The field.
        field: String,
    },
    /// A date is none.
    #[error(
        "row {index} of {table} has {value:?} for {field}, which is neither YYYY-MM-DD HH:MM:SS nor YYYY-MM-DD"
    )]
    Date {
        /// The table.
        table: String,
        /// The row, from 0.
        index: usize,
        /// The field.
        field: String,
        /// What stands there.
        value: String,
    },
    /// A field refers to a table that does not exist.
    #[error("{table}.{field} can't refer to {to}: there is no such table")]
    Reference {
        /// The table.
        table: String,
        /// The field.
        field: String,
        /// What it was to refer to.
        to: String,
    },
    /// A table extends one that does not exist, or itself by some way.
    #[error("{table} can't extend {parent}: there is no such table, or it extends {table}")]
    Parent {
        /// The table.
        table: String,
        /// What it was to extend.
        parent: String,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableSpec {
    extends: Option<String>,
    display: Option<String>,
    #[serde(default)]
    fields: BTreeMap<String, FieldSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldSpec {
    #[serde(rename = "type")]
    kind: String,
    reference: Option<String>,
}

impl Seed {
    /// Reads a seed.
    ///
    /// # Errors
    /// [`SeedError`] says what is wrong with the text.
    pub fn from_json(text: &[u8]) -> Result<Self, SeedError> {
        let shape = |source: serde_json::Error| SeedError::Shape { source: source.into() };
        let mut members: BTreeMap<String, Value> = serde_json::from_slice(text).map_err(shape)?;
        let tables: BTreeMap<String, TableSpec> = match members.remove("$schema") {
            Some(value) => serde_json::from_value(value).map_err(shape)?,
            None => BTreeMap::new(),
        };
        let mut rows = BTreeMap::new();
        for (table, value) in members {
            named(&table)?;
            let given: Vec<BTreeMap<String, Value>> = serde_json::from_value(value).map_err(shape)?;
            let taken = given
                .into_iter()
                .enumerate()
                .map(|(index, row)| take_row(&table, index, row))
                .collect::<Result<Vec<_>, _>>()?;
            fit::distinct(&table, &taken)?;
            rows.insert(table, taken);
        }
        for (table, spec) in &tables {
            named(table)?;
            spec.fields.keys().try_for_each(|field| named(field))?;
        }
        Ok(Self { tables, rows })
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.values().map(Vec::len).sum()
    }

    /// Adds the tables that it needs.
    pub(crate) fn extend_schema(&self, schema: &mut Schema) -> Result<(), SeedError> {
        for (name, spec) in &self.tables {
            schema.add(typed_table(name, spec)?);
        }
        for (name, spec) in &self.tables {
            if let Some(parent) = &spec.extends
                && (schema.table(parent).is_none() || schema.is_a(parent, name))
            {
                return Err(SeedError::Parent { table: name.clone(), parent: parent.clone() });
            }
        }
        for (name, rows) in &self.rows {
            if schema.table(name).is_none() {
                schema.add(untyped_table(name, rows));
            }
        }
        fit::references(self, schema)?;
        fit::rows(self, schema)
    }

    /// Whether its rows fit the tables that there are.
    pub(crate) fn check(&self, schema: &Schema) -> Result<(), SeedError> {
        fit::rows(self, schema)
    }

    /// Plants its rows.
    pub(crate) fn plant(&self, session: &Session<'_>) -> Result<(), StoreError> {
        for (table, rows) in &self.rows {
            if session.schema.table(table).is_none() {
                return Err(StoreError::NoTable { name: table.clone() });
            }
            for (index, row) in rows.iter().enumerate() {
                let sys_id = match row.get("sys_id") {
                    Some(sys_id) => sys_id.to_ascii_lowercase(),
                    None => population::derived_id(table, &format!("{index}\0{row:?}")),
                };
                population::seeded(session, table, &sys_id, row.clone())?;
            }
        }
        Ok(())
    }
}

fn named(name: &str) -> Result<(), SeedError> {
    let fits = (1..=80).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if fits { Ok(()) } else { Err(SeedError::Name { name: name.to_owned() }) }
}

fn take_row(
    table: &str,
    index: usize,
    row: BTreeMap<String, Value>,
) -> Result<BTreeMap<String, String>, SeedError> {
    let mut taken = BTreeMap::new();
    for (field, value) in row {
        named(&field)?;
        let text = match value {
            Value::Null => String::new(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => text,
            Value::Array(_) | Value::Object(_) => {
                return Err(SeedError::Value { table: table.to_owned(), index, field });
            }
        };
        taken.insert(field, text);
    }
    Ok(taken)
}

fn typed_table(name: &str, spec: &TableSpec) -> Result<Table, SeedError> {
    let mut table = Table::new(name, name);
    table.extends.clone_from(&spec.extends);
    table.display.clone_from(&spec.display);
    for (field, of) in &spec.fields {
        let to = || of.reference.clone().unwrap_or_else(|| "sys_user".to_owned());
        let kind = match of.kind.as_str() {
            "string" | "choice" => FieldType::String,
            "integer" => FieldType::Integer,
            "decimal" => FieldType::Decimal,
            "boolean" => FieldType::Boolean,
            "glide_date_time" => FieldType::DateTime,
            "glide_date" => FieldType::Date,
            "glide_duration" => FieldType::Duration,
            "journal_input" => FieldType::Journal,
            "glide_list" => FieldType::List(to()),
            "reference" if of.reference.is_some() => FieldType::Reference(to()),
            kind => {
                return Err(SeedError::Type {
                    table: name.to_owned(),
                    field: field.clone(),
                    kind: kind.to_owned(),
                });
            }
        };
        table = table.field(field, field, kind);
    }
    Ok(table)
}

fn untyped_table(name: &str, rows: &[BTreeMap<String, String>]) -> Table {
    let names: std::collections::BTreeSet<&str> =
        rows.iter().flat_map(|row| row.keys().map(String::as_str)).collect();
    let display = ["number", "name"].into_iter().find(|name| names.contains(name)).unwrap_or("sys_id");
    names
        .iter()
        .filter(|name| !Schema::is_system_field(name))
        .fold(Table::new(name, name).display(display), |table, field| {
            table.field(field, field, FieldType::String)
        })
}
