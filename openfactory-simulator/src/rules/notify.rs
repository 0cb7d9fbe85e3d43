//! The business rule that tells the webhook what people did.

use serde_json::json;

use crate::instant;
use crate::record::Record;
use crate::store::{Session, StoreError};
use crate::webhook;
use crate::write::Writer;

/// Fields whose change is told, by table.
const WATCHED: [(&str, &[&str]); 2] = [
    ("change_request", &["approval", "state"]),
    ("incident", &["state", "assigned_to", "close_code", "close_notes"]),
];

/// Queues a call, in the transaction of the update that causes it. What the integration itself wrote is not told.
pub(crate) fn queue(
    session: &Session<'_>,
    writer: &Writer<'_>,
    old: &Record,
    new: &Record,
) -> Result<(), StoreError> {
    if !writer.webhook || writer.integration_users.contains(&writer.caller.user_name) {
        return Ok(());
    }
    let Some((_, fields)) = WATCHED.iter().find(|(table, _)| session.schema.is_a(&new.class, table)) else {
        return Ok(());
    };
    if fields.iter().all(|field| old.value(field) == new.value(field)) {
        return Ok(());
    }
    let body = json!({
        "table": new.class,
        "sys_id": new.sys_id,
        "number": new.value("number"),
        "operation": "update",
        "state": new.value("state"),
        "approval": new.value("approval"),
        "sys_updated_on": new.value("sys_updated_on"),
        "sys_updated_by": new.value("sys_updated_by"),
        "sys_mod_count": new.value("sys_mod_count"),
    });
    let id = webhook::new_id(session.entropy);
    session.queue_delivery(&id, &body.to_string(), instant::unix_seconds(session.now))
}
