//! The business rule that tells the webhook what people did.

use serde_json::json;

use crate::instant;
use crate::query::walk;
use crate::record::Record;
use crate::store::{Session, StoreError};
use crate::webhook;
use crate::webhook::manner::Payload;
use crate::write::Writer;

/// Fields whose change is told, by table.
const WATCHED: [(&str, &[&str]); 2] = [
    ("change_request", &["approval", "state"]),
    ("incident", &["state", "assigned_to", "close_code", "close_notes", "u_remediation"]),
];

/// Queues a call, in the transaction of the update that causes it. What the integration itself wrote is not told.
pub(crate) fn queue(
    session: &Session<'_>,
    writer: &Writer<'_>,
    old: &Record,
    new: &Record,
) -> Result<(), StoreError> {
    let Some(payload) = writer.webhook else { return Ok(()) };
    if writer.integration_users.contains(&writer.caller.user_name) {
        return Ok(());
    }
    let Some((_, fields)) = WATCHED.iter().find(|(table, _)| session.schema.is_a(&new.class, table)) else {
        return Ok(());
    };
    if fields.iter().all(|field| old.value(field) == new.value(field)) {
        return Ok(());
    }
    let body = body(session, new, payload)?;
    let id = webhook::new_id(session.entropy);
    session.queue_delivery(&id, &body, instant::unix_seconds(session.now))
}

/// What a call tells of a record: `sys_` fields as they are kept, others as the script of the rule has it.
pub(crate) fn body(session: &Session<'_>, record: &Record, payload: Payload) -> Result<String, StoreError> {
    let told = |name: &str| match (payload, session.schema.field(&record.class, name)) {
        (Payload::Display, Some(field)) => walk::display(session, field, record.value(name)),
        _ => Ok(record.value(name).to_owned()),
    };
    let body = json!({
        "table": record.class,
        "sys_id": record.sys_id,
        "number": record.value("number"),
        "operation": "update",
        "state": told("state")?,
        "approval": told("approval")?,
        "sys_updated_on": record.value("sys_updated_on"),
        "sys_updated_by": record.value("sys_updated_by"),
        "sys_mod_count": record.value("sys_mod_count"),
    });
    Ok(body.to_string())
}
