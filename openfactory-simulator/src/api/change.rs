//! The Change Management API: change requests as objects of typed values, with their tasks, items and approvals.

mod approval;
mod ci;
mod conflict;
mod next;
mod risk;
mod schedule;
mod shape;
mod task;
mod template;
mod worker;

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::pages::Page;
use super::{Answer, App, Call, guarded};
use crate::access::{Access, Caller, Operation as May};
use crate::query::{Condition, Operator, Query};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use crate::write::{self, input::Input};

const TABLE: &str = "change_request";

/// Rows of a list when the client does not say.
const DEFAULT_LIMIT: usize = 500;

/// The types of a change that have paths of their own.
const TYPES: [&str; 3] = ["normal", "standard", "emergency"];

/// All that a call is answered with.
struct Context<'a> {
    app: &'a App,
    session: &'a Session<'a>,
    call: &'a Call,
    caller: Caller,
}

/// `/api/sn_chg_rest/v1/change...`.
pub(super) fn change(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    path: &[&str],
) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    let at = Context { app, session, call, caller };
    // Some calls need no body.
    if matches!(call.method, Method::POST | Method::PATCH) && !call.body.is_empty() {
        call.sends_json()?;
    }
    match (call.method.as_str(), path) {
        ("GET" | "HEAD", []) => at.list(None),
        ("POST", []) => at.create(None),
        ("GET" | "HEAD", ["model"]) => template::list(&at, "chg_model"),
        ("GET" | "HEAD", ["model", id]) => template::one(&at, "chg_model", id),
        ("GET" | "HEAD", ["standard", "template"]) => template::list(&at, template::TABLE),
        ("GET" | "HEAD", ["standard", "template", id]) => template::one(&at, template::TABLE, id),
        ("POST", ["standard", template]) => template::create(&at, template),
        ("GET" | "HEAD", ["worker", id]) => worker::one(&at, id),
        ("GET", ["ci", id, "schedule"]) => schedule::of_item(&at, id),
        ("PATCH", [id, "risk"] | ["standard", id, "risk"]) => {
            risk::assess(&at, &at.find(id, Some("standard"))?)
        }
        ("GET" | "HEAD", [kind]) if TYPES.contains(kind) => at.list(Some(kind)),
        ("POST", [kind @ ("normal" | "emergency")]) => at.create(Some(kind)),
        (_, [kind, id]) if TYPES.contains(kind) => at.one(id, Some(kind)),
        (_, [id]) => at.one(id, None),
        ("GET" | "HEAD", [id, "nextstates"]) => next::states(&at, &at.find(id, None)?),
        ("PATCH", [id, "approvals"]) => approval::answer(&at, &at.find(id, None)?),
        (_, [id, "task"]) => task::collection(&at, &at.find(id, None)?),
        (_, [id, "task", task]) => task::one(&at, &at.find(id, None)?, task),
        (_, [id, "ci"]) => ci::items(&at, &at.find(id, None)?),
        ("POST", [id, "refresh_impacted_services"]) => ci::refresh(&at, &at.find(id, None)?),
        (_, [id, "conflict"]) => conflict::conflict(&at, &at.find(id, None)?),
        ("GET", [id, "schedule"]) => schedule::of_change(&at, &at.find(id, None)?),
        ("PATCH", [id, "schedule", "first_available"]) => schedule::first(&at, &at.find(id, None)?),
        _ => Err(Refusal::no_resource(&call.path)),
    }
}

impl Context<'_> {
    fn access(&self) -> Result<Access<'_>, StoreError> {
        Access::of(self.session, &self.caller)
    }

    /// The rows of a page that the caller may read.
    fn shown(&self, rows: impl IntoIterator<Item = Record>) -> Result<Value, StoreError> {
        let access = self.access()?;
        let rows = access.visible(rows)?;
        rows.iter().map(|row| shape::typed(&access, row, &self.call.base_url)).collect()
    }

    /// The change of this `sys_id`, and of this type where the path names one.
    fn find(&self, sys_id: &str, kind: Option<&str>) -> Result<Record, Refusal> {
        let found = self.session.find(TABLE, &sys_id.to_ascii_lowercase())?;
        let found = found.filter(|row| kind.is_none_or(|kind| row.value("type") == kind));
        self.access()?.readable(found)?.ok_or_else(Refusal::no_record)
    }

    fn list(&self, kind: Option<&str>) -> Result<Answer, Refusal> {
        let (call, session) = (self.call, self.session);
        let mut text = call.param("sysparm_query").unwrap_or_default().to_owned();
        if let Some(field) = call.param("order_by") {
            text.push_str(&format!("^ORDERBY{field}"));
        }
        let mut query = Query::parse(session, &self.caller, TABLE, &text)?.query;
        if let Some(words) = call.param("textSearch") {
            // Words are looked for, whatever they would mean in a query.
            let words = format!("123TEXTQUERY321={}", words.replace('^', " "));
            query = query.both(Query::parse(session, &self.caller, TABLE, &words)?.query);
        }
        if let Some(kind) = kind {
            let operator = Operator::Is;
            query = query.and(Condition { field: "type".to_owned(), operator, value: kind.to_owned() });
        }
        let page = Page::of(call, DEFAULT_LIMIT)?;
        let rows = self.access()?.query(TABLE, &query)?;
        let total = rows.len();
        Ok(page.announce(call, total, Answer::result(StatusCode::OK, &self.shown(page.cut(rows))?)))
    }

    /// Makes a change of the type in the path, or else in query or body.
    fn create(&self, kind: Option<&str>) -> Result<Answer, Refusal> {
        let mut body = self.body()?;
        for name in ["type", "chg_model"] {
            if let Some(value) = self.call.param(name) {
                body.insert(name.to_owned(), Value::from(value));
            }
        }
        if let Some(kind) = kind {
            body.insert("type".to_owned(), Value::from(kind));
        }
        if let Some(kind) = body.get("type").and_then(Value::as_str)
            && !TYPES.contains(&kind)
        {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "Invalid change type").detail(kind));
        }
        let record = self.make(TABLE, &body)?;
        self.told(&record, Some(&body))
    }

    fn one(&self, sys_id: &str, kind: Option<&str>) -> Result<Answer, Refusal> {
        let record = self.find(sys_id, kind)?;
        match self.call.method {
            Method::GET | Method::HEAD => self.told(&record, None),
            Method::PATCH => {
                let body = self.body()?;
                let record = self.alter(&record, &body)?;
                self.told(&record, Some(&body))
            }
            Method::DELETE => {
                self.access()?.demand(May::Delete, &record)?;
                write::delete(self.session, &self.app.writer(&self.caller), &record)?;
                Ok(Answer::empty(StatusCode::NO_CONTENT))
            }
            _ => Err(Refusal::method(self.call.method.as_str())),
        }
    }

    /// Makes a record of what was sent, as far as the caller may write it.
    fn make(&self, table: &str, body: &Map<String, Value>) -> Result<Record, Refusal> {
        guarded::create(self.app, &self.access()?, table, Input::members(body.clone()))
    }

    /// Changes a record as far as the caller may.
    fn alter(&self, record: &Record, body: &Map<String, Value>) -> Result<Record, Refusal> {
        guarded::update(self.app, &self.access()?, record, Input::members(body.clone()))
    }

    fn body(&self) -> Result<Map<String, Value>, Refusal> {
        if self.call.body.is_empty() {
            return Ok(Map::new());
        }
        serde_json::from_slice(&self.call.body).map_err(|error| Refusal::unreadable(error.to_string()))
    }

    /// A record as the answer, with what was sent in vain.
    fn told(&self, record: &Record, sent: Option<&Map<String, Value>>) -> Result<Answer, Refusal> {
        let mut told = shape::typed(&self.access()?, record, &self.call.base_url)?;
        if let (Some(sent), Value::Object(members)) = (sent, &mut told) {
            members.insert("__meta".to_owned(), shape::meta(self.session, &record.class, sent.keys()));
        }
        Ok(Answer::result(StatusCode::OK, &told))
    }
}
