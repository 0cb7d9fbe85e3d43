//! The tasks that a change gets, loses and waits for.

use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use crate::write::{self, Writer, input::Input};

/// The tasks of a change that enters Implement: type and short description.
const TASKS: [(&str, &str); 2] =
    [("implementation", "Implement"), ("testing", "Post implementation testing")];

pub(super) fn add(session: &Session<'_>, writer: &Writer<'_>, change: &Record) -> Result<(), Refusal> {
    for (kind, text) in TASKS {
        let input = Input::of([
            ("change_request", change.sys_id.as_str()),
            ("change_task_type", kind),
            ("short_description", text),
            ("parent", &change.sys_id),
            ("assignment_group", change.value("assignment_group")),
        ]);
        write::create(session, writer, "change_task", &input)?;
    }
    Ok(())
}

pub(super) fn cancel(session: &Session<'_>, writer: &Writer<'_>, change: &Record) -> Result<(), Refusal> {
    for task in open(session, &change.sys_id)? {
        write::update(session, writer, &task, &Input::of([("state", "4")]))?;
    }
    Ok(())
}

/// Moves the change of a task to Review if it stands at Implement and none of its tasks is open.
pub(super) fn review(session: &Session<'_>, writer: &Writer<'_>, task: &Record) -> Result<(), Refusal> {
    match session.find("change_request", task.value("change_request"))? {
        Some(change) => review_if_done(session, writer, &change),
        None => Ok(()),
    }
}

/// The same of the change itself; one without any task waits for none.
pub(super) fn review_if_done(
    session: &Session<'_>,
    writer: &Writer<'_>,
    change: &Record,
) -> Result<(), Refusal> {
    let goes = change.value("state") == "-1" && change.value("on_hold") != "true";
    let tasks = session.by("change_task", "change_request", &change.sys_id)?;
    if goes && !tasks.is_empty() && tasks.iter().all(|task| task.value("active") != "true") {
        let writer = Writer { by_rule: true, ..*writer };
        write::update(session, &writer, change, &Input::of([("state", "0")]))?;
    }
    Ok(())
}

fn open(session: &Session<'_>, change: &str) -> Result<Vec<Record>, StoreError> {
    let mut tasks = session.by("change_task", "change_request", change)?;
    tasks.retain(|task| task.value("active") == "true");
    Ok(tasks)
}
