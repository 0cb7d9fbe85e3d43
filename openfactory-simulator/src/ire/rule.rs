//! Identification rules: rows of `cmdb_identifier` and `cmdb_identifier_entry`, so that a seed can add some.

use crate::store::{Narrow, Session, StoreError};

/// The rule of a class.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    applies_to: String,
    /// Whether the class is identified by itself, without what it hangs on.
    pub(super) independent: bool,
    pub(super) entries: Vec<Entry>,
    /// What may be sent as related to an item.
    pub(super) related: Vec<Related>,
}

/// A table whose rows may be related to an item.
#[derive(Clone, Debug)]
pub(super) struct Related {
    pub(super) table: String,
    /// Its field that refers to the item.
    pub(super) field: String,
    /// What tells its rows apart.
    pub(super) attributes: Vec<String>,
}

/// One way to identify: by the attributes that have to be equal.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) sys_id: String,
    pub(super) attributes: Vec<String>,
    /// The table that is searched: the class's own, or a look-up table.
    pub(super) table: String,
    order: i64,
}

/// All rules in force.
pub(super) fn load(session: &Session<'_>) -> Result<Vec<Rule>, StoreError> {
    let entries = session.scan("cmdb_identifier_entry", &Narrow::All)?;
    let related = session.scan("cmdb_related_entry", &Narrow::All)?;
    let mut rules = Vec::new();
    for row in session.scan("cmdb_identifier", &Narrow::All)? {
        if row.value("active") != "true" {
            continue;
        }
        let own = entries
            .iter()
            .filter(|entry| entry.value("identifier") == row.sys_id && entry.value("active") == "true");
        let mut own: Vec<Entry> = own
            .map(|entry| Entry {
                sys_id: entry.sys_id.clone(),
                attributes: names(entry.value("attributes")),
                table: match entry.value("table") {
                    "" => row.value("applies_to").to_owned(),
                    table => table.to_owned(),
                },
                order: entry.value("order").parse().unwrap_or(i64::MAX),
            })
            .collect();
        own.sort_by_key(|entry| entry.order);
        rules.push(Rule {
            name: row.value("name").to_owned(),
            applies_to: row.value("applies_to").to_owned(),
            independent: row.value("independent") == "true",
            entries: own,
            related: related
                .iter()
                .filter(|entry| entry.value("identifier") == row.sys_id && entry.value("active") == "true")
                .map(|entry| Related {
                    table: entry.value("table").to_owned(),
                    field: entry.value("referenced_field").to_owned(),
                    attributes: names(entry.value("attributes")),
                })
                .collect(),
        });
    }
    Ok(rules)
}

/// The names in a list of them.
pub(super) fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// The rule of a class, or else of the nearest class that it extends. `cmdb_ci` itself has none.
pub(super) fn of<'a>(session: &Session<'_>, rules: &'a [Rule], class: &str) -> Option<&'a Rule> {
    session.schema.chain(class).find_map(|table| rules.iter().find(|rule| rule.applies_to == table.name))
}
