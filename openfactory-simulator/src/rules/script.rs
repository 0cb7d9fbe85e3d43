//! Business rules that stand in `sys_script`: before a row is written that fits their condition, the write is aborted. Their
//! scripts are not run.

use std::collections::BTreeSet;

use crate::access::Caller;
use crate::query::{Query, evaluate};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::{Narrow, Session, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Insert,
    Update,
}

/// A rule that aborts what it is about.
#[derive(Debug)]
pub(crate) struct Script {
    sys_id: String,
    name: String,
    table: String,
    condition: String,
    actions: BTreeSet<&'static str>,
}

impl Script {
    /// The active rules that abort, by their order.
    pub(crate) fn all(session: &Session<'_>) -> Result<Vec<Self>, StoreError> {
        let mut rows = session.scan("sys_script", &Narrow::All)?;
        let on = |row: &Record, field: &str| row.value(field) == "true";
        rows.retain(|row| on(row, "active") && on(row, "abort_action") && row.value("when") == "before");
        rows.sort_by_key(|row| row.value("order").parse::<i64>().unwrap_or(0));
        let script = |row: Record| Self {
            actions: ["action_insert", "action_update"]
                .into_iter()
                .filter(|action| on(&row, action))
                .collect(),
            name: row.value("name").to_owned(),
            table: row.value("collection").to_owned(),
            condition: row.value("filter_condition").to_owned(),
            sys_id: row.sys_id,
        };
        Ok(rows.into_iter().map(script).collect())
    }
}

/// Refuses a write that a rule aborts.
pub(super) fn check(session: &Session<'_>, action: Action, new: &Record) -> Result<(), Refusal> {
    let name = match action {
        Action::Insert => "action_insert",
        Action::Update => "action_update",
    };
    for script in session.scripts()?.iter() {
        if script.actions.contains(name)
            && session.schema.is_a(&new.class, &script.table)
            && applies(session, script, new)?
        {
            return Err(Refusal::business_rule(&new.class, &script.name, &script.sys_id));
        }
    }
    Ok(())
}

fn applies(session: &Session<'_>, script: &Script, new: &Record) -> Result<bool, StoreError> {
    let parsed = Query::parse(session, &Caller::system(), &new.class, &script.condition)?;
    // A condition that can't be read in full is no reason to abort everything.
    Ok(parsed.dropped.is_empty() && evaluate::matches(session, &new.class, &parsed.query, new)?)
}
