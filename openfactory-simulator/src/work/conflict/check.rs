//! What a change is in conflict with.

use super::{items, planned};
use crate::access::Caller;
use crate::query::{Query, evaluate};
use crate::record::Record;
use crate::schedule::{self, Window};
use crate::store::{Narrow, Session, StoreError};

/// A conflict that was found: its type, and what it is with.
pub(super) struct Found {
    pub(super) kind: String,
    pub(super) item: String,
    pub(super) related: String,
    pub(super) change: String,
    pub(super) schedule: String,
}

/// How an item that is checked stands to the one that is changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kin {
    Own,
    Parent,
    Child,
}

impl Kin {
    /// Whether a check is made; those around an item are checked where a property says so.
    fn is_asked(self, session: &Session<'_>, own: &str, around: &str) -> Result<bool, StoreError> {
        match self {
            Self::Own => is_on(session, &format!("change.conflict.{own}"), true),
            Self::Parent => is_on(session, &format!("change.conflict.relatedparent{around}"), false),
            Self::Child => is_on(session, &format!("change.conflict.relatedchild{around}"), false),
        }
    }

    fn type_of(self, conflict: &str) -> String {
        match self {
            Self::Own if conflict == SCHEDULED => format!("ci_{conflict}"),
            Self::Own => conflict.to_owned(),
            Self::Parent => format!("parent_{conflict}"),
            Self::Child => format!("child_{conflict}"),
        }
    }
}

const SCHEDULED: &str = "already_scheduled";

/// All conflicts of a change; none if it has no dates.
pub(super) fn all(session: &Session<'_>, change: &Record) -> Result<Vec<Found>, StoreError> {
    let Some(window) = planned(change) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for item in items(session, change)? {
        one(session, change, window, &item, (Kin::Own, &item), &mut found)?;
        for (kin, own, other) in [(Kin::Parent, "child", "parent"), (Kin::Child, "parent", "child")] {
            for related in related(session, &item.sys_id, own, other)? {
                one(session, change, window, &item, (kin, &related), &mut found)?;
            }
        }
    }
    let assigned = change.value("assigned_to");
    if !assigned.is_empty() && is_on(session, "change.conflict.assigned_to", false)? {
        for other in session.by("change_request", "assigned_to", assigned)? {
            let meets = planned(&other).is_some_and(|theirs| theirs.meets(window));
            if meets && other.sys_id != change.sys_id && is_open(&other) {
                found.push(Found {
                    kind: "assigned_to_already_scheduled".to_owned(),
                    item: change.value("cmdb_ci").to_owned(),
                    related: String::new(),
                    change: other.sys_id,
                    schedule: String::new(),
                });
            }
        }
    }
    Ok(found)
}

/// The conflicts that an item of the change has, or one beside it.
fn one(
    session: &Session<'_>,
    change: &Record,
    window: Window,
    item: &Record,
    (kin, checked): (Kin, &Record),
    found: &mut Vec<Found>,
) -> Result<(), StoreError> {
    let mut conflict = |kind: &str, change: &str, schedule: &str| {
        found.push(Found {
            kind: kin.type_of(kind),
            item: item.sys_id.clone(),
            related: if kin == Kin::Own { String::new() } else { checked.sys_id.clone() },
            change: change.to_owned(),
            schedule: schedule.to_owned(),
        });
    };
    if kin.is_asked(session, "blackout", "blackout")? {
        for schedule in blackouts(session, checked)? {
            if schedule::windows(session, &schedule, window)?.iter().any(|shut| shut.meets(window)) {
                conflict("blackout", "", &schedule);
            }
        }
    }
    if kin.is_asked(session, "currentwindow", "window")? {
        for schedule in maintenance(session, checked)? {
            if !schedule::windows(session, &schedule, window)?.iter().any(|open| open.holds(window)) {
                conflict("not_in_maintenance_window", "", &schedule);
            }
        }
    }
    if kin.is_asked(session, "currentci", "ci")? {
        for (other, theirs) in changes_on(session, &checked.sys_id, Some(&change.sys_id))? {
            if theirs.meets(window) {
                conflict(SCHEDULED, &other, "");
            }
        }
    }
    Ok(())
}

/// The items at the other ends of an item's relations.
fn related(session: &Session<'_>, item: &str, own: &str, other: &str) -> Result<Vec<Record>, StoreError> {
    let mut items = Vec::new();
    for relation in session.by("cmdb_rel_ci", own, item)? {
        items.extend(session.find("cmdb_ci", relation.value(other))?);
    }
    items.sort_by(|left, right| left.sys_id.cmp(&right.sys_id));
    items.dedup_by(|left, right| left.sys_id == right.sys_id);
    Ok(items)
}

/// The other changes that are planned for an item, with their windows.
pub(in crate::work) fn changes_on(
    session: &Session<'_>,
    item: &str,
    except: Option<&str>,
) -> Result<Vec<(String, Window)>, StoreError> {
    let mut changes = session.by("change_request", "cmdb_ci", item)?;
    if is_advanced(session)? {
        for row in session.by("task_ci", "ci_item", item)? {
            changes.extend(session.find("change_request", row.value("task"))?);
        }
    }
    changes.sort_by(|left, right| left.sys_id.cmp(&right.sys_id));
    changes.dedup_by(|left, right| left.sys_id == right.sys_id);
    let others =
        changes.into_iter().filter(|change| Some(change.sys_id.as_str()) != except && is_open(change));
    Ok(others.filter_map(|change| Some((change.sys_id.clone(), planned(&change)?))).collect())
}

/// Changes that are closed are in nobody's way.
fn is_open(change: &Record) -> bool {
    change.value("active") == "true"
}

/// The maintenance schedules of an item: those whose condition it fits, and the one that it names.
pub(in crate::work) fn maintenance(session: &Session<'_>, item: &Record) -> Result<Vec<String>, StoreError> {
    let mut schedules = fitting(session, "cmn_schedule_maintenance", item, false)?;
    let own = item.value("maintenance_schedule");
    if !own.is_empty()
        && is_on(session, "change.conflict.ci_maint_sched", true)?
        && !schedules.iter().any(|id| id == own)
    {
        schedules.push(own.to_owned());
    }
    Ok(schedules)
}

/// The blackouts of an item: those whose condition it fits, and those for everything.
pub(in crate::work) fn blackouts(session: &Session<'_>, item: &Record) -> Result<Vec<String>, StoreError> {
    fitting(session, "cmn_schedule_blackout", item, true)
}

fn fitting(
    session: &Session<'_>,
    table: &str,
    item: &Record,
    for_all: bool,
) -> Result<Vec<String>, StoreError> {
    let mut fitting = Vec::new();
    for schedule in session.scan(table, &Narrow::All)? {
        let condition = schedule.value("condition");
        let fits = match condition {
            "" => for_all,
            condition => {
                let query = Query::parse(session, &Caller::system(), "cmdb_ci", condition)?.query;
                evaluate::matches(session, "cmdb_ci", &query, item)?
            }
        };
        if fits && schedule.value("active") == "true" {
            fitting.push(schedule.sys_id);
        }
    }
    Ok(fitting)
}

pub(super) fn is_advanced(session: &Session<'_>) -> Result<bool, StoreError> {
    let mode = session.property("change.conflict.mode")?;
    Ok(mode.is_some_and(|mode| mode.eq_ignore_ascii_case("advanced")))
}

fn is_on(session: &Session<'_>, property: &str, default: bool) -> Result<bool, StoreError> {
    Ok(session.property(property)?.map_or(default, |text| text.trim() == "true"))
}
