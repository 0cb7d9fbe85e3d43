//! One row of a table, as it is kept.

use std::collections::BTreeMap;

/// A row: its class and its values, all of them text; what is absent is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub(crate) class: String,
    pub(crate) sys_id: String,
    pub(crate) values: BTreeMap<String, String>,
}

impl Record {
    pub(crate) fn new(class: &str, sys_id: &str) -> Self {
        let values = BTreeMap::from([("sys_id".to_owned(), sys_id.to_owned())]);
        Self { class: class.to_owned(), sys_id: sys_id.to_owned(), values }
    }

    /// The table whose row it is: for a row found by way of a parent table, the extending one.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.class
    }

    /// Its `sys_id`.
    #[must_use]
    pub fn sys_id(&self) -> &str {
        &self.sys_id
    }

    /// The raw value of a field: a reference as `sys_id`, a date in UTC, a choice as value; empty where unset.
    #[must_use]
    pub fn value(&self, field: &str) -> &str {
        self.values.get(field).map_or("", String::as_str)
    }

    pub(crate) fn set(&mut self, field: &str, value: impl Into<String>) {
        self.values.insert(field.to_owned(), value.into());
    }
}
