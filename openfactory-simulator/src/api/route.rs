//! Which path is answered by what.

use axum::http::{HeaderMap, Method};

use super::call::Form;
use super::ire::Variant;
use super::{Answer, App, Call};
use super::{attachment, attributes, change, cmdb, event, faults, import, ire, oauth, stats, table, tiny};
use crate::refusal::Refusal;
use crate::store::Session;

/// The version in the path: version 1 answers an empty list with 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Latest,
}

/// Whether the path is the Batch API's, whose items are calls of their own.
pub(super) fn is_batch(path: &str) -> bool {
    matches!(path, "/api/now/batch" | "/api/now/v1/batch" | "/api/now/v2/batch")
}

/// Does what a call asks for in one transaction, which leaves no trace if the call is refused.
pub(super) fn perform(app: &App, call: &Call) -> Answer {
    // A GET changes no row, so it takes no write transaction; only the agreement to an OAuth client leaves a code, and
    // the question for a schedule a worker.
    let leaves = call.path == "/oauth_auth.do" || call.path.ends_with("/schedule");
    let reads = matches!(call.method, Method::GET | Method::HEAD) && !leaves;
    let done = if reads {
        app.store.read_within(Some(app.quota), |session| dispatch(app, session, call))
    } else {
        app.store.write_within(Some(app.quota), |session| dispatch(app, session, call))
    };
    let answer = done.unwrap_or_else(|refusal| Answer::refused(&refusal, &app.store.switches));
    let answer = if call.form() == Some(Form::Xml) { answer.in_xml() } else { answer };
    match call.header("x-no-response-body") {
        Some("true") if answer.is_success() && call.method != Method::GET => answer.without_body(),
        _ => answer,
    }
}

fn dispatch(app: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    let expanded = tiny::expanded(session, call)?;
    let call = expanded.as_ref().unwrap_or(call);
    let nothing = || Refusal::no_resource(&call.path);
    let segments = segments(&call.path).ok_or_else(nothing)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    opened(app, session, call)?;
    match segments.as_slice() {
        ["oauth_revoke.do"] => oauth::revoke(app, session, call),
        ["oauth_auth.do"] => oauth::authorize(app, session, call),
        ["oauth_token.do"] => oauth::token(app, session, call),
        ["simulator", "faults"] => faults::faults(app, session, call),
        ["api", "sn_chg_rest", "v1", "change", rest @ ..] | ["api", "sn_chg_rest", "change", rest @ ..] => {
            change::change(app, session, call, rest)
        }
        ["api", "global", "em", "jsonv2"] => event::events(app, session, call),
        ["api", "now", "v1", rest @ ..] => now(app, session, call, Version::One, rest),
        ["api", "now", "v2", rest @ ..] | ["api", "now", rest @ ..] => {
            now(app, session, call, Version::Latest, rest)
        }
        _ => Err(nothing()),
    }
}

/// Refuses a call to a path that the access rules for the API close to its caller. Whoever is not known is refused by
/// the call itself.
pub(super) fn opened(app: &App, session: &Session<'_>, call: &Call) -> Result<(), Refusal> {
    let rules = session.access_rules()?;
    let Some(segments) = segments(&call.path) else { return Ok(()) };
    // However the path is written, and whatever version it names, it is the same door.
    let versions = ["v1", "v2"];
    let now = segments.first().is_some_and(|first| first == "api");
    let parts = segments.iter().enumerate();
    let parts = parts.filter(|(at, part)| !(now && *at == 2 && versions.contains(&part.as_str())));
    let path = parts.fold(String::new(), |path, (_, part)| path + "/" + part);
    let open = rules.opens(&path, || app.caller(session, call).ok());
    if open { Ok(()) } else { Err(Refusal::api_acl()) }
}

fn now(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    version: Version,
    rest: &[&str],
) -> Result<Answer, Refusal> {
    match *rest {
        ["table", table] => table::collection(app, session, call, table, version),
        ["table", table, sys_id] => table::record(app, session, call, table, sys_id),
        ["stats", table] => stats::stats(app, session, call, table),
        ["attachment"] => attachment::collection(app, session, call),
        ["attachment", "file"] => attachment::upload(app, session, call),
        ["attachment", "upload"] => attachment::upload_form(app, session, call),
        ["attachment", sys_id] => attachment::one(app, session, call, sys_id),
        ["attachment", sys_id, "file"] => attachment::download(app, session, call, sys_id),
        ["attachment", sys_id, "attributes"] => attributes::all(app, session, call, sys_id),
        ["attachment", sys_id, "attributes", key] => attributes::one(app, session, call, sys_id, key),
        ["cmdb", "instance", class] => cmdb::class(app, session, call, class),
        ["cmdb", "instance", class, id] => cmdb::item(app, session, call, class, id),
        ["cmdb", "instance", class, id, "relation"] => cmdb::relations(app, session, call, class, id),
        ["cmdb", "instance", class, id, "relation", relation] => {
            cmdb::relation(app, session, call, class, id, relation)
        }
        ["import", staging] => import::one(app, session, call, staging),
        ["import", staging, "insertMultiple"] => import::many(app, session, call, staging),
        ["import", staging, id] => import::staged(app, session, call, staging, id),
        ["tinyurl"] => tiny::shorten(app, session, call),
        ["identifyreconcile"] => ire::identify(app, session, call, Variant::Plain),
        ["identifyreconcile", "enhanced"] => ire::identify(app, session, call, Variant::Enhanced),
        ["identifyreconcile", "query"] => ire::identify(app, session, call, Variant::Query),
        ["identifyreconcile", "queryEnhanced"] => ire::identify(app, session, call, Variant::QueryEnhanced),
        _ => Err(Refusal::no_resource(&call.path)),
    }
}

/// The parts of a path, decoded; none if one of them is no text.
fn segments(path: &str) -> Option<Vec<String>> {
    path.strip_prefix('/')?.split('/').map(decoded).collect()
}

fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' {
            bytes.extend(hex::decode(tail.get(..2)?).ok()?);
            rest = tail.get(2..)?;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The method that a call really has: `X-HTTP-Method-Override` may carry it on a POST.
pub(super) fn method(sent: &Method, headers: &HeaderMap) -> Method {
    let wished = headers.get("x-http-method-override").and_then(|value| value.to_str().ok());
    let known = [Method::GET, Method::PUT, Method::PATCH, Method::DELETE];
    let wished = wished.and_then(|name| known.into_iter().find(|m| m.as_str().eq_ignore_ascii_case(name)));
    match wished {
        Some(method) if *sent == Method::POST => method,
        _ => sent.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_before_they_are_decoded() {
        let cut = |path| segments(path).map(|parts| parts.join("|"));
        assert_eq!(cut("/api/now/a%2Fb").as_deref(), Some("api|now|a/b"));
        assert_eq!(cut("/api/"), Some("api|".to_owned()));
        for bad in ["", "/%ff", "/%2", "/%zz"] {
            assert_eq!(cut(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_a_post_carries_another_method() {
        let mut headers = HeaderMap::new();
        headers.insert("x-http-method-override", "patch".parse().unwrap());
        assert_eq!(method(&Method::POST, &headers), Method::PATCH);
        assert_eq!(method(&Method::GET, &headers), Method::GET);
    }
}
