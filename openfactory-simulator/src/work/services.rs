//! The services that a change has an impact on: those that its items carry, however many steps below.

use std::collections::BTreeSet;

use super::{Association, Report};
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use crate::write::{self, Writer, input::Input};

/// The class of services.
const SERVICE: &str = "cmdb_ci_service";

/// The most items that are looked at.
const MOST: usize = 10_000;

/// Makes the list of impacted services anew; what somebody added by hand stays.
pub(super) fn perform(session: &Session<'_>, writer: &Writer<'_>, change: &str) -> Result<Report, Refusal> {
    let Some(record) = session.find("change_request", change)? else {
        let errors = vec!["Invalid Change sys_id provided".to_owned()];
        return Ok(Report { failed: true, errors, ..Report::default() });
    };
    let (affected, item) = Association::Affected.place();
    let mut items = BTreeSet::from([record.value("cmdb_ci").to_owned()]);
    items.extend(session.by(affected, "task", change)?.iter().map(|row| row.value(item).to_owned()));
    let mut services = above(session, items)?;
    let (table, field) = Association::Impacted.place();
    for row in session.by(table, "task", change)? {
        let still = services.remove(row.value(field));
        if !still && row.value("manually_added") != "true" {
            write::delete(session, writer, &row)?;
        }
    }
    for service in &services {
        let input = Input::of([("task", change), (field, service.as_str()), ("manually_added", "false")]);
        write::create(session, writer, table, &input)?;
    }
    Ok(Report::default())
}

/// The services among these items and all that stand above them.
fn above(session: &Session<'_>, items: BTreeSet<String>) -> Result<BTreeSet<String>, StoreError> {
    let mut services = BTreeSet::new();
    let mut seen = items.clone();
    let mut next: Vec<String> = items.into_iter().collect();
    while let Some(id) = next.pop() {
        let Some(item) = session.find("cmdb_ci", &id)? else { continue };
        if session.schema.is_a(&item.class, SERVICE) {
            services.insert(id.clone());
        }
        for relation in session.by("cmdb_rel_ci", "child", &id)? {
            let parent = relation.value("parent").to_owned();
            if seen.len() < MOST && seen.insert(parent.clone()) {
                next.push(parent);
            }
        }
    }
    Ok(services)
}
