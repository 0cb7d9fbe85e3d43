//! The access rules as they stand in `sys_security_acl`, sorted for looking up.

use std::collections::{HashMap, HashSet};

use super::Caller;
use crate::record::Record;
use crate::store::{Narrow, Session, StoreError};

pub(crate) const TABLE: &str = "sys_security_acl";

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Read,
    Write,
    Create,
    Delete,
    /// Asking for equality with a field's value.
    QueryMatch,
    /// Asking for anything else about a field, and sorting by it.
    QueryRange,
}

impl Operation {
    const ALL: [(&'static str, Self); 6] = [
        ("read", Self::Read),
        ("write", Self::Write),
        ("create", Self::Create),
        ("delete", Self::Delete),
        ("query_match", Self::QueryMatch),
        ("query_range", Self::QueryRange),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, operation)| operation)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// One of these is needed; none if there are none.
    roles: Vec<String>,
    /// An encoded query that the row has to match; empty for any row.
    pub(super) condition: String,
    /// Whether an administrator passes whatever else it says.
    admin_overrides: bool,
}

impl Rule {
    fn of(row: &Record) -> Self {
        let roles = row.value("roles").split(',').map(str::trim).filter(|role| !role.is_empty());
        Self {
            roles: roles.map(str::to_owned).collect(),
            condition: row.value("condition").to_owned(),
            admin_overrides: row.value("admin_overrides") == "true",
        }
    }

    /// Whether an administrator calls who is let through whatever the row is like.
    pub(super) fn overridden(&self, caller: &Caller) -> bool {
        self.admin_overrides && caller.is_admin()
    }

    /// Whether the caller has the roles for it.
    pub(super) fn admits(&self, caller: &Caller) -> bool {
        self.overridden(caller) || self.roles.is_empty() || self.roles.iter().any(|role| caller.holds(role))
    }
}

/// All active rules.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    records: HashMap<Operation, HashMap<String, Vec<Rule>>>,
    /// The tables of whose fields some rule is, by operation: every row that is shown asks for that.
    about_fields: HashMap<Operation, HashSet<String>>,
    /// Path and rule, of the API.
    endpoints: Vec<(String, Rule)>,
}

impl Rules {
    pub(crate) fn read(session: &Session<'_>) -> Result<Self, StoreError> {
        let mut rules = Self::default();
        for row in session.scan(TABLE, &Narrow::All)? {
            if row.value("active") != "true" {
                continue;
            }
            let name = row.value("name").to_owned();
            match (row.value("type"), Operation::named(row.value("operation"))) {
                ("REST_Endpoint", _) => rules.endpoints.push((name, Rule::of(&row))),
                ("record", Some(operation)) => {
                    if let Some((table, _)) = name.split_once('.') {
                        rules.about_fields.entry(operation).or_default().insert(table.to_owned());
                    }
                    let named = rules.records.entry(operation).or_default();
                    named.entry(name).or_default().push(Rule::of(&row));
                }
                (kind, _) => tracing::warn!(name, kind, "an access rule of an unknown kind was left out"),
            }
        }
        Ok(rules)
    }

    /// The rules of the first name that has any.
    pub(super) fn first<'a>(
        &self,
        operation: Operation,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Option<&[Rule]> {
        let named = self.records.get(&operation)?;
        names.into_iter().find_map(|name| named.get(name)).map(Vec::as_slice)
    }

    /// Whether some rule of this operation is about a field, of whatever table.
    pub(super) fn about_fields(&self, operation: Operation) -> bool {
        self.about_fields.contains_key(&operation)
    }

    /// Whether some rule of this operation is about a field of one of these tables, or of all.
    pub(super) fn about_fields_of<'a>(
        &self,
        operation: Operation,
        tables: impl IntoIterator<Item = &'a str>,
    ) -> bool {
        let Some(about) = self.about_fields.get(&operation) else { return false };
        about.contains("*") || tables.into_iter().any(|table| about.contains(table))
    }

    /// Whether a caller may use the API at a path; of the rules that fit, those of the longest path decide.
    pub(crate) fn opens(&self, path: &str, caller: impl FnOnce() -> Option<Caller>) -> bool {
        let fits = |prefix: &str| {
            let rest = path.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let fitting: Vec<_> = self.endpoints.iter().filter(|(prefix, _)| fits(prefix)).collect();
        let Some(longest) = fitting.iter().map(|(prefix, _)| prefix.len()).max() else { return true };
        let Some(caller) = caller() else { return true };
        fitting.iter().any(|(prefix, rule)| prefix.len() == longest && rule.admits(&caller))
    }
}
