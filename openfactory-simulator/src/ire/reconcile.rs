//! Reconciliation rules: which source may write which attribute of an item, and who goes first.
//!
//! A rule that names an attribute goes before one for all of them, and one of the class itself before those of the
//! classes that it extends. Who wrote an attribute last keeps it from sources behind it, until what it wrote is stale.
//! Without a rule for an attribute, everyone writes it.

use std::collections::BTreeMap;

use super::rule::names;
use crate::access::Caller;
use crate::instant;
use crate::instant::seconds;
use crate::query::{Query, evaluate};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::{Narrow, Session, StoreError};
use crate::write::{self, Writer, input::Input};

/// Where it is kept who wrote what last.
const HISTORY: &str = "cmdb_datasource_last_update";

/// The rules in force.
pub(super) struct Rules {
    definitions: Vec<Record>,
    staleness: Vec<Record>,
}

impl Rules {
    pub(super) fn load(session: &Session<'_>) -> Result<Self, StoreError> {
        let mut definitions = session.scan("cmdb_reconciliation_definition", &Narrow::All)?;
        definitions.retain(|row| row.value("active") == "true");
        let staleness = match definitions.is_empty() {
            true => Vec::new(),
            false => session.scan("cmdb_datasource_staleness", &Narrow::All)?,
        };
        Ok(Self { definitions, staleness })
    }

    /// Leaves out what the source may not write into the item.
    pub(super) fn admit(
        &self,
        session: &Session<'_>,
        source: &str,
        item: &Record,
        values: &mut BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        if self.definitions.is_empty() {
            return Ok(());
        }
        let history = session.by(HISTORY, "cmdb_ci", &item.sys_id)?;
        let mut refused = Vec::new();
        for name in values.keys() {
            if !self.may(session, source, item, name, &history)? {
                refused.push(name.clone());
            }
        }
        values.retain(|name, _| !refused.contains(name));
        Ok(())
    }

    fn may(
        &self,
        session: &Session<'_>,
        source: &str,
        item: &Record,
        attribute: &str,
        history: &[Record],
    ) -> Result<bool, StoreError> {
        let rules = self.of(session, item, attribute)?;
        // Nobody is known to have written it: whoever comes first may.
        let Some(last) = history.iter().find(|row| row.value("attribute") == attribute) else {
            return Ok(true);
        };
        let rank = |source: &str| {
            let own = rules.iter().filter(|rule| rule.value("discovery_source") == source);
            own.filter_map(|rule| rule.value("priority").parse::<i64>().ok()).min().unwrap_or(i64::MAX)
        };
        let theirs = last.value("source");
        Ok(rules.is_empty()
            || theirs == source
            || rank(source) <= rank(theirs)
            || self.is_stale(session, item, last))
    }

    /// The rules that decide about an attribute of an item.
    fn of(&self, session: &Session<'_>, item: &Record, attribute: &str) -> Result<Vec<&Record>, StoreError> {
        let mut fitting = Vec::new();
        for rule in &self.definitions {
            let listed = names(rule.value("attributes"));
            let named = listed.iter().any(|name| name == attribute);
            if !(named || listed.is_empty()) || !session.schema.is_a(&item.class, rule.value("applies_to")) {
                continue;
            }
            let query = Query::parse(session, &Caller::system(), &item.class, rule.value("condition"))?.query;
            if evaluate::matches(session, &item.class, &query, item)? {
                fitting.push((named, rule));
            }
        }
        let named = fitting.iter().any(|(named, _)| *named);
        fitting.retain(|(own, _)| *own == named);
        let nearest = session
            .schema
            .chain(&item.class)
            .find(|table| fitting.iter().any(|(_, rule)| rule.value("applies_to") == table.name));
        let Some(nearest) = nearest else { return Ok(Vec::new()) };
        let own = fitting.into_iter().map(|(_, rule)| rule);
        Ok(own.filter(|rule| rule.value("applies_to") == nearest.name).collect())
    }

    /// Whether what was written last is older than its source's word lasts.
    fn is_stale(&self, session: &Session<'_>, item: &Record, last: &Record) -> bool {
        let lasts = self
            .staleness
            .iter()
            .filter(|row| {
                row.value("discovery_source") == last.value("source")
                    && session.schema.is_a(&item.class, row.value("applies_to"))
            })
            .filter_map(|row| row.value("effective_duration").parse::<i64>().ok())
            .min();
        let written = seconds(last.value("last_update"));
        match (lasts, written) {
            (Some(lasts), Some(written)) => {
                written.saturating_add(lasts) < instant::unix_seconds(session.now)
            }
            _ => false,
        }
    }

    /// Notes who wrote these attributes, as far as there are rules for them.
    pub(super) fn note(
        &self,
        session: &Session<'_>,
        writer: &Writer<'_>,
        source: &str,
        item: &Record,
        values: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        if self.definitions.is_empty() {
            return Ok(());
        }
        let history = session.by(HISTORY, "cmdb_ci", &item.sys_id)?;
        let now = instant::glide(session.now);
        for name in values.keys() {
            if self.of(session, item, name)?.is_empty() {
                continue;
            }
            let input = Input::of([
                ("cmdb_ci", item.sys_id.as_str()),
                ("attribute", name),
                ("source", source),
                ("last_update", &now),
            ]);
            match history.iter().find(|row| row.value("attribute") == name) {
                Some(row) => write::update(session, writer, row, &input)?,
                None => write::create(session, writer, HISTORY, &input)?,
            };
        }
        Ok(())
    }
}
