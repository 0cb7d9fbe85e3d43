//! An attachment's bytes, to be saved.

use axum::response::Response;

use super::{Visit, readable, respond};
use crate::api::attachment;
use crate::refusal::Refusal;

pub(super) fn download(visit: &Visit<'_>, sys_id: &str) -> Result<Response, Refusal> {
    readable(visit)?;
    let row = attachment::found(&visit.access()?, sys_id)?;
    let bytes = visit.session.body(sys_id)?.ok_or_else(Refusal::no_record)?;
    Ok(respond::file(row.value("file_name"), bytes))
}
