//! The CMDB Instance API: configuration items with their relations, one at a time.

use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::pages::Page;
use super::{Answer, App, Call, guarded, table};
use crate::access::{Access, Caller, Operation};
use crate::ire::{self, Options, Payload};
use crate::query::walk;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::render::{self, Display, View};
use crate::store::{Session, StoreError};
use crate::write::{self, input::Input};

/// Rows on a page when the client does not say.
const DEFAULT_LIMIT: usize = 10_000;

const RELATION: &str = "cmdb_rel_ci";

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    attributes: serde_json::Map<String, Value>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    inbound_relations: Vec<Relation>,
    #[serde(default)]
    outbound_relations: Vec<Relation>,
}

#[derive(Debug, Deserialize)]
struct Relation {
    target: String,
    #[serde(rename = "type")]
    kind: String,
}

/// `/api/now/cmdb/instance/{class}`.
pub(super) fn class(app: &App, session: &Session<'_>, call: &Call, class: &str) -> Result<Answer, Refusal> {
    let caller = entered(app, session, call, class)?;
    match call.method {
        Method::GET | Method::HEAD => {
            let page = Page::of(call, DEFAULT_LIMIT)?;
            let access = Access::of(session, &caller)?;
            let query = table::query(session, call, &caller, class)?;
            let rows = access.query(class, &query)?;
            let total = rows.len();
            let mut shown = Vec::new();
            for row in access.visible(page.cut(rows))? {
                let mut told = json!({ "sys_id": row.sys_id, "name": row.value("name") });
                access.hide(&row, &mut told)?;
                shown.push(told);
            }
            Ok(page.announce(call, total, Answer::result(StatusCode::OK, &Value::Array(shown))))
        }
        Method::POST => {
            let mut body = body(session, call)?;
            let access = Access::of(session, &caller)?;
            if access.has_field_rules([Operation::Create, Operation::Write]) {
                admit(app, &access, class, &mut body)?;
            }
            let outcome = identified(app, &access, class, &body, true)?;
            let made = outcome.as_ref().is_some_and(|outcome| outcome.operation == Some("INSERT"));
            let Some(record) = outcome.as_ref().and_then(|outcome| outcome.record.clone()) else {
                let fault = outcome.and_then(|outcome| outcome.identified.faults.into_iter().next());
                let detail =
                    fault.map_or_else(String::new, |fault| format!("{}: {}", fault.error, fault.message));
                return Err(Refusal::new(StatusCode::BAD_REQUEST, "Failed to create CI").detail(detail));
            };
            access.demand(if made { Operation::Create } else { Operation::Write }, &record)?;
            let record = access.readable(Some(record))?.ok_or_else(Refusal::no_record)?;
            relate(app, &access, &record, &body)?;
            whole(&access, call, &record)
        }
        _ => Err(Refusal::method(call.method.as_str())),
    }
}

/// `/api/now/cmdb/instance/{class}/{sys_id}`.
pub(super) fn item(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    class: &str,
    sys_id: &str,
) -> Result<Answer, Refusal> {
    let caller = entered(app, session, call, class)?;
    let access = Access::of(session, &caller)?;
    let record = found(&access, class, sys_id)?;
    match call.method {
        Method::GET | Method::HEAD => whole(&access, call, &record),
        Method::PUT | Method::PATCH => {
            let body = body(session, call)?;
            let record = guarded::update(app, &access, &record, Input::members(body.attributes))?;
            whole(&access, call, &record)
        }
        _ => Err(Refusal::method(call.method.as_str())),
    }
}

/// `POST /api/now/cmdb/instance/{class}/{sys_id}/relation`.
pub(super) fn relations(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    class: &str,
    sys_id: &str,
) -> Result<Answer, Refusal> {
    let caller = entered(app, session, call, class)?;
    let access = Access::of(session, &caller)?;
    let record = found(&access, class, sys_id)?;
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    let body = body(session, call)?;
    relate(app, &access, &record, &body)?;
    whole(&access, call, &record)
}

/// `DELETE /api/now/cmdb/instance/{class}/{sys_id}/relation/{rel_sys_id}`.
pub(super) fn relation(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    class: &str,
    sys_id: &str,
    relation: &str,
) -> Result<Answer, Refusal> {
    let caller = entered(app, session, call, class)?;
    let access = Access::of(session, &caller)?;
    let record = found(&access, class, sys_id)?;
    if call.method != Method::DELETE {
        return Err(Refusal::method(call.method.as_str()));
    }
    let row = access
        .readable(session.find(RELATION, &relation.to_ascii_lowercase())?)?
        .filter(|row| [row.value("parent"), row.value("child")].contains(&record.sys_id.as_str()))
        .ok_or_else(Refusal::no_record)?;
    access.demand(Operation::Delete, &row)?;
    write::delete(session, &app.writer(&caller), &row)?;
    Ok(Answer::empty(StatusCode::OK))
}

/// Drops the attributes that the caller may not write, which depends on whether the item is there already.
fn admit(app: &App, access: &Access<'_>, class: &str, body: &mut Body) -> Result<(), Refusal> {
    let found = identified(app, access, class, body, false)?.and_then(|outcome| outcome.record);
    let mut input = Input::members(body.attributes.clone());
    match &found {
        Some(old) => access.admit(Operation::Write, old, &mut input)?,
        None => access.admit(Operation::Create, &Record::new(class, ""), &mut input)?,
    }
    body.attributes.retain(|name, _| input.value(name).is_some());
    Ok(())
}

/// What identification makes of the item in a body; it is written if wanted.
fn identified(
    app: &App,
    access: &Access<'_>,
    class: &str,
    body: &Body,
    commit: bool,
) -> Result<Option<ire::Outcome>, Refusal> {
    let item = json!({ "items": [{ "className": class, "values": body.attributes }] });
    let payload = Payload::from_json(item.to_string().as_bytes())?;
    let source = body.source.clone();
    let options = Options { source, commit, aside: false, partial: false, deduplicate: false };
    let outcomes = ire::run(access.session(), &app.writer(access.caller()), &payload, &options)?;
    Ok(outcomes.items.into_iter().next())
}

/// The item, if it is there and the caller may read it.
fn found(access: &Access<'_>, class: &str, sys_id: &str) -> Result<Record, Refusal> {
    let record = access.session().find(class, &sys_id.to_ascii_lowercase())?;
    access.readable(record)?.ok_or_else(Refusal::no_record)
}

/// Lets in who may write configuration items; this API is for no one else.
fn entered(app: &App, session: &Session<'_>, call: &Call, class: &str) -> Result<Caller, Refusal> {
    let caller = app.caller(session, call)?;
    if !Access::of(session, &caller)?.table(Operation::Write, "cmdb_ci") {
        return Err(Refusal::api_acl());
    }
    if session.schema.is_a(class, "cmdb_ci") { Ok(caller) } else { Err(Refusal::invalid_table(class)) }
}

fn body(session: &Session<'_>, call: &Call) -> Result<Body, Refusal> {
    call.sends_json()?;
    let body: Body =
        serde_json::from_slice(&call.body).map_err(|error| Refusal::unreadable(error.to_string()))?;
    if !ire::is_source(session, &body.source)? {
        let detail = format!("Invalid data source [{}]", body.source);
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "Invalid input data").detail(detail));
    }
    Ok(body)
}

/// Adds the relations that are not there: an outbound one has the item as its parent.
fn relate(app: &App, access: &Access<'_>, record: &Record, body: &Body) -> Result<(), Refusal> {
    let session = access.session();
    let outbound = body.outbound_relations.iter().map(|relation| (true, relation));
    let inbound = body.inbound_relations.iter().map(|relation| (false, relation));
    for (out, relation) in outbound.chain(inbound) {
        let unknown = |what: &str| Refusal::new(StatusCode::BAD_REQUEST, "Invalid input data").detail(what);
        let target = access.readable(session.find("cmdb_ci", &relation.target)?)?;
        let target = target.ok_or_else(|| unknown(&relation.target))?;
        let kind = session.find("cmdb_rel_type", &relation.kind)?.ok_or_else(|| unknown(&relation.kind))?;
        let (parent, child) = if out { (record, &target) } else { (&target, record) };
        if ire::related(session, &parent.sys_id, &child.sys_id, &kind.sys_id)?.is_none() {
            let ends = [("parent", &parent.sys_id), ("child", &child.sys_id), ("type", &kind.sys_id)];
            let input = Input::of(ends.map(|(name, value)| (name, value.as_str())));
            guarded::create(app, access, RELATION, input)?;
        }
    }
    Ok(())
}

/// The item with its relations: values raw, references with what they show.
fn whole(access: &Access<'_>, call: &Call, record: &Record) -> Result<Answer, Refusal> {
    let view = View { display: Display::All, base_url: call.base_url.clone(), ..View::default() };
    let mut attributes = serde_json::Map::new();
    let mut shown = render::record(access, &record.class, record, &view)?;
    access.hide(record, &mut shown)?;
    if let Value::Object(fields) = shown {
        for (name, shown) in fields {
            let filled = shown.get("link").is_some();
            let plain = shown.get("value").cloned().unwrap_or(Value::Null);
            attributes.insert(name, if filled { shown } else { plain });
        }
    }
    let told = json!({
        "attributes": attributes,
        "outbound_relations": ends(access, call, record, "parent", "child")?,
        "inbound_relations": ends(access, call, record, "child", "parent")?,
    });
    Ok(Answer::result(StatusCode::OK, &told))
}

/// The relations that the caller may read, by the record's end.
fn ends(
    access: &Access<'_>,
    call: &Call,
    record: &Record,
    own: &str,
    other: &str,
) -> Result<Vec<Value>, StoreError> {
    let session = access.session();
    let mut told = Vec::new();
    for row in access.visible(session.by(RELATION, own, &record.sys_id)?)? {
        let (kind, target) = (row.value("type"), row.value(other));
        let link = |rest: String| format!("{}/api/now/{rest}", call.base_url);
        told.push(json!({
            "sys_id": row.sys_id,
            "type": {
                "display_value": walk::display_of(access, "cmdb_rel_type", kind)?,
                "link": link(format!("table/cmdb_rel_type/{kind}")),
                "value": kind,
            },
            "target": {
                "display_value": walk::display_of(access, "cmdb_ci", target)?,
                "link": link(format!("cmdb/instance/cmdb_ci/{target}")),
                "value": target,
            },
        }));
    }
    Ok(told)
}
