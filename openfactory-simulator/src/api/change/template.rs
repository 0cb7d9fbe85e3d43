//! Change models, and the templates that standard changes are made from.

use axum::http::StatusCode;
use serde_json::Value;

use super::{Context, shape};
use crate::access::Operation as May;
use crate::api::Answer;
use crate::api::pages::Page;
use crate::query::Query;
use crate::refusal::Refusal;

pub(super) const TABLE: &str = "std_change_record_producer";

pub(super) fn list(at: &Context<'_>, table: &str) -> Result<Answer, Refusal> {
    let text = at.call.param("sysparm_query").unwrap_or_default();
    let query = Query::parse(at.session, &at.caller, table, text)?.query;
    let rows = at.access()?.query(table, &query)?;
    let rows = Page::of(at.call, super::DEFAULT_LIMIT)?.cut(rows);
    Ok(Answer::result(StatusCode::OK, &at.shown(rows)?))
}

pub(super) fn one(at: &Context<'_>, table: &str, id: &str) -> Result<Answer, Refusal> {
    let row = at.session.find(table, &id.to_ascii_lowercase())?;
    let row = at.access()?.readable(row)?.ok_or_else(Refusal::no_record)?;
    at.told(&row, None)
}

/// `POST /change/standard/{template}`: the template's values stand; what was sent for them is ignored, and told.
pub(super) fn create(at: &Context<'_>, id: &str) -> Result<Answer, Refusal> {
    at.access()?.demand_table(May::Create, super::TABLE)?;
    let template = at
        .access()?
        .readable(at.session.find(TABLE, &id.to_ascii_lowercase())?)?
        .filter(|row| row.value("active") == "true")
        .ok_or_else(Refusal::no_record)?;
    let version = template.value("current_version").to_owned();
    let sent = at.body()?;
    let mut body = sent.clone();
    let mut overridden = Vec::new();
    for (name, value) in template.value("template").split('^').filter_map(|part| part.split_once('=')) {
        if body.insert(name.to_owned(), Value::from(value)).is_some() {
            overridden.push(Value::from(name));
        }
    }
    body.insert("type".to_owned(), Value::from("standard"));
    body.insert("std_change_producer_version".to_owned(), Value::from(version));
    let record = at.make(super::TABLE, &body)?;
    let mut told = shape::typed(&at.access()?, &record, &at.call.base_url)?;
    let mut meta = shape::meta(at.session, super::TABLE, sent.keys());
    if let Some(Value::Array(ignored)) = meta.get_mut("ignoredFields") {
        ignored.extend(overridden);
    }
    if let Value::Object(members) = &mut told {
        members.insert("__meta".to_owned(), meta);
    }
    Ok(Answer::result(StatusCode::OK, &told))
}
