//! The dictionary: tables, their inheritance, their fields with types and choices.

mod access;
mod change;
mod choices;
mod cmdb;
mod dictionary;
mod event;
mod grc;
mod guide;
mod import;
mod ire;
mod kin;
mod people;
mod platform;
mod task;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use self::kin::Kin;

/// The `sys_id`, as an instance has it, of what belongs to everybody: no hexadecimal number.
pub(crate) const GLOBAL: &str = "global";

/// The type of a field, as far as it shows over the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FieldType {
    String,
    Integer,
    Decimal,
    Boolean,
    /// The `sys_id` of a row of the named table.
    Reference(String),
    DateTime,
    Date,
    /// How long, kept as an instant that is as long after the epoch.
    Duration,
    /// Comma-separated `sys_id`s of rows of the named table.
    List(String),
    /// Appended to, never replaced; its entries are rows of `sys_journal_field`.
    Journal,
    /// Never shown, and not written over the API.
    Password,
}

/// One value that a choice field offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) kind: FieldType,
    pub(crate) default: String,
    pub(crate) choices: Vec<Choice>,
    /// Whether a value off the choice list is stored empty instead of as given.
    pub(crate) strict: bool,
}

impl FieldType {
    /// The name that `sys_dictionary` has for it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Reference(_) => "reference",
            Self::DateTime => "glide_date_time",
            Self::Date => "glide_date",
            Self::Duration => "glide_duration",
            Self::List(_) => "glide_list",
            Self::Journal => "journal_input",
            Self::Password => "password",
        }
    }
}

impl Field {
    pub(crate) fn choice_label(&self, value: &str) -> Option<&str> {
        self.choices.iter().find(|choice| choice.value == value).map(|choice| choice.label.as_str())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) extends: Option<String>,
    pub(crate) display: Option<String>,
    pub(crate) number_prefix: Option<String>,
    pub(crate) fields: Vec<Field>,
}

impl Table {
    pub(crate) fn new(name: &str, label: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            extends: None,
            display: None,
            number_prefix: None,
            fields: Vec::new(),
        }
    }

    pub(crate) fn extends(mut self, parent: &str) -> Self {
        self.extends = Some(parent.to_owned());
        self
    }

    pub(crate) fn display(mut self, field: &str) -> Self {
        self.display = Some(field.to_owned());
        self
    }

    pub(crate) fn numbered(mut self, prefix: &str) -> Self {
        self.number_prefix = Some(prefix.to_owned());
        self
    }

    pub(crate) fn field(mut self, name: &str, label: &str, kind: FieldType) -> Self {
        self.fields.push(Field {
            name: name.to_owned(),
            label: label.to_owned(),
            kind,
            default: String::new(),
            choices: Vec::new(),
            strict: false,
        });
        self
    }

    /// Adds plain text fields, `name=Label`.
    pub(crate) fn strings(self, fields: &[(&str, &str)]) -> Self {
        fields.iter().fold(self, |table, (name, label)| table.field(name, label, FieldType::String))
    }

    /// Adds the domain that a row is in: without domain separation the one that all are in.
    pub(crate) fn in_domain(self) -> Self {
        self.references(&[("sys_domain", "Domain", "sys_user_group")])
            .default(GLOBAL)
            .strings(&[("sys_domain_path", "Domain Path")])
            .default("/")
    }

    pub(crate) fn references(self, fields: &[(&str, &str, &str)]) -> Self {
        fields.iter().fold(self, |table, (name, label, to)| {
            table.field(name, label, FieldType::Reference((*to).to_owned()))
        })
    }

    pub(crate) fn dates(self, fields: &[(&str, &str)]) -> Self {
        fields.iter().fold(self, |table, (name, label)| table.field(name, label, FieldType::DateTime))
    }

    pub(crate) fn flags(self, fields: &[(&str, &str)]) -> Self {
        fields
            .iter()
            .fold(self, |table, (name, label)| table.field(name, label, FieldType::Boolean).default("false"))
    }

    /// Adds booleans that are true unless told otherwise.
    pub(crate) fn switches(self, fields: &[(&str, &str)]) -> Self {
        fields
            .iter()
            .fold(self, |table, (name, label)| table.field(name, label, FieldType::Boolean).default("true"))
    }

    /// Sets the default of the field added last.
    pub(crate) fn default(mut self, value: &str) -> Self {
        if let Some(field) = self.fields.last_mut() {
            value.clone_into(&mut field.default);
        }
        self
    }

    /// Gives the field added last its choices.
    pub(crate) fn choices(mut self, choices: &[(&str, &str)]) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.choices = choices
                .iter()
                .map(|(value, label)| Choice { value: (*value).to_owned(), label: (*label).to_owned() })
                .collect();
        }
        self
    }

    /// Stores a value off the choice list of the field added last as empty.
    pub(crate) fn strict(mut self) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.strict = true;
        }
        self
    }
}

/// Fields that every table has.
const SYSTEM_FIELDS: [&str; 7] = [
    "sys_id",
    "sys_created_on",
    "sys_created_by",
    "sys_updated_on",
    "sys_updated_by",
    "sys_mod_count",
    "sys_tags",
];

#[derive(Clone, Debug)]
pub(crate) struct Schema {
    tables: BTreeMap<String, Table>,
    system: Vec<Field>,
    class_field: Field,
    /// What follows from the above, worked out when it is first asked for.
    kin: OnceLock<BTreeMap<String, Kin>>,
}

impl Schema {
    /// The dictionary of an instance without seeds, `prepared` with what the guide assumes or not; made once, since it is
    /// the same for all.
    pub(crate) fn shared(prepared: bool) -> Arc<Self> {
        static SHARED: Mutex<BTreeMap<bool, Arc<Schema>>> = Mutex::new(BTreeMap::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shared.entry(prepared).or_insert_with(|| Arc::new(Self::of(prepared))))
    }

    pub(crate) fn of(prepared: bool) -> Self {
        let mut system = Table::new("", "")
            .strings(&[
                ("sys_id", "Sys ID"),
                ("sys_created_by", "Created by"),
                ("sys_updated_by", "Updated by"),
            ])
            .strings(&[("sys_tags", "Tags")])
            .dates(&[("sys_created_on", "Created"), ("sys_updated_on", "Updated")])
            .field("sys_mod_count", "Updates", FieldType::Integer);
        let class_field = Field {
            name: "sys_class_name".to_owned(),
            label: "Class".to_owned(),
            kind: FieldType::String,
            default: String::new(),
            choices: Vec::new(),
            strict: false,
        };
        system.fields.sort_by(|left, right| left.name.cmp(&right.name));
        let mut schema =
            Self { tables: BTreeMap::new(), system: system.fields, class_field, kin: OnceLock::new() };
        for table in dictionary::tables()
            .into_iter()
            .chain(people::tables())
            .chain(platform::tables())
            .chain(task::tables())
            .chain(cmdb::tables())
            .chain(ire::tables())
            .chain(change::tables())
            .chain(import::tables())
            .chain(access::tables())
        {
            schema.add(table);
        }
        if prepared {
            guide::extend(&mut schema);
        }
        schema
    }

    /// Adds a table, or adds fields to one that is there.
    pub(crate) fn add(&mut self, table: Table) {
        self.kin = OnceLock::new();
        let Some(known) = self.tables.get_mut(&table.name) else {
            self.tables.insert(table.name.clone(), table);
            return;
        };
        for field in table.fields {
            known.fields.retain(|old| old.name != field.name);
            known.fields.push(field);
        }
        known.display = table.display.or_else(|| known.display.take());
    }

    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// The table and its ancestors, nearest first.
    pub(crate) fn chain(&self, name: &str) -> impl Iterator<Item = &Table> {
        let mut next = self.tables.get(name);
        // A cycle is refused when a table is added; the bound keeps even a missed one finite.
        std::iter::from_fn(move || {
            let table = next?;
            next = table.extends.as_deref().and_then(|parent| self.tables.get(parent));
            Some(table)
        })
        .take(self.tables.len())
    }

    /// What follows from a table's place among the others.
    fn kin(&self, table: &str) -> Option<&Kin> {
        self.kin.get_or_init(|| kin::of(self)).get(table)
    }

    /// The table at the top of the hierarchy, in which the rows are kept.
    pub(crate) fn root<'a>(&'a self, name: &'a str) -> &'a str {
        self.kin(name).map_or(name, |kin| &kin.root)
    }

    pub(crate) fn is_a(&self, class: &str, ancestor: &str) -> bool {
        self.chain(class).any(|table| table.name == ancestor)
    }

    /// The table and everything that extends it, sorted.
    pub(crate) fn family(&self, name: &str) -> &[String] {
        self.kin(name).map_or(&[], |kin| &kin.family)
    }

    /// Whether rows of this hierarchy carry `sys_class_name`.
    pub(crate) fn has_classes(&self, table: &str) -> bool {
        self.kin(table).is_some_and(|kin| kin.has_classes)
    }

    pub(crate) fn field(&self, table: &str, name: &str) -> Option<&Field> {
        let fields = self.fields(table);
        let at = fields.binary_search_by(|field| field.name.as_str().cmp(name)).ok()?;
        fields.get(at)
    }

    /// All fields of a table, sorted by name; one that a nearer table redefines stands once.
    pub(crate) fn fields(&self, table: &str) -> &[Field] {
        self.kin(table).map_or(&self.system, |kin| &kin.fields)
    }

    pub(crate) fn is_system_field(name: &str) -> bool {
        SYSTEM_FIELDS.contains(&name) || name == "sys_class_name"
    }

    /// The field whose value stands for a row wherever it is referred to.
    pub(crate) fn display_field(&self, table: &str) -> Option<&str> {
        self.chain(table).find_map(|table| table.display.as_deref())
    }

    pub(crate) fn number_prefix(&self, table: &str) -> Option<&str> {
        self.chain(table).find_map(|table| table.number_prefix.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parent_reference_and_display_column_exists() {
        let schema = Schema::of(true);
        for table in schema.tables() {
            if let Some(parent) = &table.extends {
                assert!(schema.table(parent).is_some(), "{} extends {parent}", table.name);
            }
            let display = schema.display_field(&table.name).unwrap_or_else(|| panic!("{}", table.name));
            assert!(schema.field(&table.name, display).is_some(), "{} displays {display}", table.name);
            for field in schema.fields(&table.name) {
                if let FieldType::Reference(to) | FieldType::List(to) = &field.kind {
                    assert!(schema.table(to).is_some(), "{}.{} refers to {to}", table.name, field.name);
                }
            }
        }
    }

    #[test]
    fn children_inherit_and_redefine() {
        let schema = Schema::of(true);
        assert_eq!(schema.root("cmdb_ci_os_image"), "cmdb_ci");
        assert!(schema.is_a("incident", "task"));
        assert!(!schema.is_a("task", "incident"));
        assert!(schema.family("cmdb_ci_computer").contains(&"cmdb_ci_linux_server".to_owned()));
        let label = |table, value| schema.field(table, "state").and_then(|field| field.choice_label(value));
        assert_eq!(label("incident", "6"), Some("Resolved"));
        assert_eq!(label("change_request", "-5"), Some("New"));
        assert_eq!(label("change_task", "-5"), Some("Pending"));
        assert!(schema.field("cmdb_ci", "os").is_none());
        assert!(schema.field("cmdb_ci_linux_server", "os").is_some());
        assert!(schema.field("sys_user", "sys_class_name").is_none());
    }
}
