//! Conflict detection: whether a change falls into a blackout, outside of the maintenance windows of its items, or
//! together with another change.
//!
//! Which checks are made is said by the properties `change.conflict...`. Without them the change's items are checked, and
//! neither those above and below them nor whom the change is assigned to.

mod check;

use super::{COMPLETE, Pending, Report, Task, WORKER};
use crate::access::Caller;
use crate::api::App;
use crate::instant::{self, seconds};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::schedule::Window;
use crate::store::{Session, StoreError};
use crate::write::{self, input::Input};
pub(super) use check::{blackouts, changes_on, maintenance};

/// The type of such workers.
pub(crate) const KIND: &str = "conflict";

const CANCELED: &str = "Canceled";

/// When a change is planned for; none unless it has both dates, in their order.
pub(crate) fn planned(change: &Record) -> Option<Window> {
    Window::new(seconds(change.value("start_date"))?, seconds(change.value("end_date"))?)
}

/// The items of a change that are checked: its own and, in the mode `Advanced`, those that it affects.
pub(crate) fn items(session: &Session<'_>, change: &Record) -> Result<Vec<Record>, StoreError> {
    let mut ids = vec![change.value("cmdb_ci").to_owned()];
    if check::is_advanced(session)? {
        for row in session.by("task_ci", "task", &change.sys_id)? {
            ids.push(row.value("ci_item").to_owned());
        }
    }
    ids.dedup();
    let mut items = Vec::new();
    for id in ids {
        items.extend(session.find("cmdb_ci", &id)?);
    }
    Ok(items)
}

/// The process that checks this change now, and whether it has begun.
pub(crate) fn running(session: &Session<'_>, change: &str) -> Result<Option<(String, bool)>, StoreError> {
    let found = super::pending(session)?
        .into_iter()
        .find(|work| matches!(&work.task, Task::Conflicts { change: checked } if checked == change));
    Ok(found.map(|Pending { worker, begun, .. }| (worker, begun)))
}

/// How far the check of a change is, as the number that the API has for it; empty where there was none.
pub(crate) fn job_status(session: &Session<'_>, change: &str) -> Result<&'static str, StoreError> {
    if let Some((_, begun)) = running(session, change)? {
        return Ok(if begun { "1" } else { "0" });
    }
    let request = request(change).to_string();
    let rows = session.by(WORKER, "type", KIND)?;
    let last = rows.iter().rfind(|row| row.value("request") == request);
    Ok(last.map_or("", |row| match row.value("state") {
        COMPLETE => "2",
        _ if row.value("messages").contains(CANCELED) => "4",
        _ => "3",
    }))
}

/// What a worker for this change says that it was asked for.
pub(crate) fn request(change: &str) -> serde_json::Value {
    serde_json::json!({ "change_sys_id": change })
}

/// Breaks off the check of a change, and forgets what was found before; false if there is none under way.
pub(crate) fn cancel(app: &App, session: &Session<'_>, change: &Record) -> Result<bool, Refusal> {
    let Some((worker, _)) = running(session, &change.sys_id)? else { return Ok(false) };
    super::drop_work(app, session, &worker)?;
    let told = Report { warnings: vec![CANCELED.to_owned()], ..Report::default() };
    super::mark(app, session, &worker, [("state", super::ERROR), ("messages", &told.messages())])?;
    forget(app, session, change)?;
    note(app, session, change, [("conflict_status", "Not Run")])?;
    Ok(true)
}

fn forget(app: &App, session: &Session<'_>, change: &Record) -> Result<(), Refusal> {
    let system = Caller::system();
    let writer = super::by_the_instance(app, &system);
    let found = session.by("conflict", "change", &change.sys_id)?;
    found.iter().try_for_each(|row| write::delete(session, &writer, row))
}

/// Writes into the change, as the instance does it.
fn note<const N: usize>(
    app: &App,
    session: &Session<'_>,
    change: &Record,
    values: [(&str, &str); N],
) -> Result<(), Refusal> {
    let system = Caller::system();
    write::update(session, &super::by_the_instance(app, &system), change, &Input::of(values)).map(drop)
}

/// Checks a change, replaces the conflicts found before, and tells the change.
pub(super) fn perform(app: &App, session: &Session<'_>, change: &str, began: i64) -> Result<Report, Refusal> {
    let change = session.find("change_request", change)?.ok_or_else(Refusal::no_record)?;
    let began = instant::glide_from_unix(began);
    let found = check::all(session, &change)?;
    forget(app, session, &change)?;
    let system = Caller::system();
    let writer = super::by_the_instance(app, &system);
    for conflict in &found {
        let input = Input::of([
            ("change", change.sys_id.as_str()),
            ("type", &conflict.kind),
            ("configuration_item", &conflict.item),
            ("related_configuration_item", &conflict.related),
            ("conflicting_change", &conflict.change),
            ("schedule", &conflict.schedule),
            ("last_checked", &began),
        ]);
        write::create(session, &writer, "conflict", &input)?;
    }
    let status = if found.is_empty() { "No Conflict" } else { "Conflict" };
    let outside = found.iter().any(|conflict| conflict.kind == "not_in_maintenance_window").to_string();
    let values = [
        ("conflict_status", status),
        ("conflict_last_run", &began),
        ("outside_maintenance_schedule", &outside),
    ];
    note(app, session, &change, values)?;
    Ok(Report::default())
}
