//! Data policies: rows of `sys_data_policy2` say for which records, rows of `sys_data_policy_rule` which of their fields
//! have to be filled.

use crate::access::Caller;
use crate::query::{Query, evaluate};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::{Narrow, Session, StoreError};

/// The fields that have to be filled in the rows of a table that match.
#[derive(Debug)]
pub(crate) struct Policy {
    table: String,
    condition: String,
    fields: Vec<String>,
}

impl Policy {
    /// The active policies.
    pub(crate) fn all(session: &Session<'_>) -> Result<Vec<Self>, StoreError> {
        let rules = session.scan("sys_data_policy_rule", &Narrow::All)?;
        let policies = session.scan("sys_data_policy2", &Narrow::All)?;
        let active = policies.iter().filter(|policy| policy.value("active") == "true");
        Ok(active
            .map(|policy| {
                let own = rules.iter().filter(|rule| {
                    rule.value("sys_data_policy") == policy.sys_id && rule.value("mandatory") == "true"
                });
                Self {
                    table: policy.value("model_table").to_owned(),
                    condition: policy.value("conditions").to_owned(),
                    fields: own.map(|rule| rule.value("field").to_owned()).collect(),
                }
            })
            .collect())
    }
}

/// Refuses a record in which a field is empty that a policy wants filled; fields are named by label.
pub(super) fn check(session: &Session<'_>, record: &Record) -> Result<(), Refusal> {
    let mut missing = Vec::new();
    for policy in session.data_policies()?.iter() {
        if !session.schema.is_a(&record.class, &policy.table) || !applies(session, policy, record)? {
            continue;
        }
        for field in &policy.fields {
            if let Some(field) = session.schema.field(&record.class, field)
                && record.value(&field.name).trim().is_empty()
                && !missing.contains(&field.label.as_str())
            {
                missing.push(field.label.as_str());
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(Refusal::data_policy(&missing)) }
}

fn applies(session: &Session<'_>, policy: &Policy, record: &Record) -> Result<bool, StoreError> {
    let parsed = Query::parse(session, &Caller::system(), &record.class, &policy.condition)?;
    evaluate::matches(session, &record.class, &parsed.query, record)
}
