//! Event Management: what happened, row by row in `em_event`; what of it is the same, one row of `em_alert`.
//!
//! On an instance a job makes alerts of events some seconds later; here it is done at once.

use serde_json::{Map, Value};

use crate::access::Caller;
use crate::entropy;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::Session;
use crate::write::{self, Writer, input::Input};

pub(crate) const TABLE: &str = "em_event";
const ALERT: &str = "em_alert";
/// What an alert takes over from its latest event.
const TOLD: [&str; 9] = [
    "source",
    "event_class",
    "node",
    "type",
    "resource",
    "metric_name",
    "severity",
    "description",
    "additional_info",
];
const CLEAR: &str = "0";

/// Keeps an event, and makes or changes its alert. No business rule of the event table runs.
pub(crate) fn keep(
    session: &Session<'_>,
    writer: &Writer<'_>,
    caller: &Caller,
    sent: &Map<String, Value>,
) -> Result<(), Refusal> {
    let mut values: Vec<(String, String)> =
        sent.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    values.retain(|(name, _)| name != "state" && !name.starts_with("sys_"));
    values.push(("state".to_owned(), "Processed".to_owned()));
    let sys_id = entropy::sys_id(session.entropy);
    write::plant(session, TABLE, &sys_id, &Input::values(values.into_iter().collect()))?;
    let Some(mut event) = session.find(TABLE, &sys_id)? else { return Ok(()) };
    for field in ["sys_created_by", "sys_updated_by"] {
        event.set(field, caller.user_name.clone());
    }
    session.replace(&event)?;
    alert(session, writer, &event)
}

/// One alert for all events of one key.
fn alert(session: &Session<'_>, writer: &Writer<'_>, event: &Record) -> Result<(), Refusal> {
    let key = match event.value("message_key") {
        "" => {
            session.switches.alert_key.fields().map(|field| event.value(field)).collect::<Vec<_>>().join("_")
        }
        key => key.to_owned(),
    };
    let known =
        session.by(ALERT, "message_key", &key)?.into_iter().find(|row| row.value("message_key") == key);
    let over = event.value("severity") == CLEAR || event.value("resolution_state") == "Closing";
    let count = known.as_ref().and_then(|row| row.value("event_count").parse::<u64>().ok()).unwrap_or(0) + 1;
    let state = match known.as_ref().map(|row| row.value("state")) {
        _ if over => "Closed",
        Some("Closed" | "Reopen") => "Reopen",
        _ => "Open",
    };
    let told = TOLD.iter().map(|field| (*field, event.value(field).to_owned()));
    let own = [("message_key", key), ("state", state.to_owned()), ("event_count", count.to_string())];
    let values = told.chain(own).map(|(name, value)| (name.to_owned(), value));
    let input = Input::values(values.collect());
    match known {
        Some(row) => write::update(session, writer, &row, &input)?,
        None => write::create(session, writer, ALERT, &input)?,
    };
    Ok(())
}

/// A value as text: `additional_info` may come as an object as well.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
