//! What an answer means. A status of 200 proves nothing here: it can hold an error, half an answer, or a login page.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LINK, LOCATION};
use http::{HeaderMap, Response, StatusCode};
use serde_json::Value;

use super::call::{Call, Expects};
use super::retry_after::retry_after;
use crate::client::stream::Opened;
use crate::error::{Cause, Error, ErrorKind, ServiceFault};
use crate::record::page::{Page, Rows};

/// A good answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// `result`, or null where none is expected.
    pub(crate) result: Value,
    /// The records of a list, which then are not in `result`.
    pub(crate) rows: Rows,
    /// The file's bytes, or empty.
    pub(crate) file: Bytes,
    /// The file, if it comes in chunks.
    pub(crate) opened: Option<Opened>,
    /// Path and query of the next page, if the instance says that more rows follow.
    pub(crate) next: Option<String>,
}

/// Reads an answer to a call.
pub(crate) fn interpret(call: &Call, response: &Response<Bytes>, now: SystemTime) -> Result<Answer, Error> {
    let status = response.status();
    let fail = |kind, reason: &str| {
        Error::new(kind, call.operation.clone(), reason)
            .with_status(status)
            .with_may_have_happened(call.writes())
    };
    if !status.is_success() {
        return Err(refusal(call, response, now));
    }
    let caused = |cause: Cause, reason: &str| fail(cause.kind(), reason).with_cause(Some(cause));
    let faulty = |fault: ServiceFault| {
        caused(Cause::in_success(&fault), "error inside an answer of success").with_fault(Some(fault))
    };
    let is_begun = call.expects == Expects::Work && is_json(response.headers());
    if status == StatusCode::ACCEPTED && !is_begun {
        return Err(caused(Cause::Queued, "queued by the instance without an answer"));
    }
    let unread = |cut_off| match cut_off {
        true => caused(Cause::CutOff, "answer is cut off").with_transient(true),
        false => fail(ErrorKind::Decode, "answer is not valid JSON"),
    };
    match call.expects {
        Expects::Nothing if response.body().trim_ascii().is_empty() && !is_page(response) => {
            Ok(Answer::of(Value::Null, response))
        }
        // What need not be there must still be whole if it is: the beginning of an error is no success.
        Expects::Nothing => {
            if is_page(response) || looks_like_page(response.body()) {
                return Err(caused(Cause::Page, NOT_JSON));
            }
            match fault_in(&parse(response.body()).map_err(unread)?) {
                Some(fault) => Err(faulty(fault)),
                None => Ok(Answer::of(Value::Null, response)),
            }
        }
        Expects::File | Expects::Stream => {
            if is_page(response) && !response.headers().contains_key("x-attachment-metadata") {
                return Err(caused(Cause::Page, NOT_JSON));
            }
            Ok(Answer { file: response.body().clone(), ..Answer::of(Value::Null, response) })
        }
        Expects::List | Expects::Result | Expects::Json | Expects::Token | Expects::Work => {
            if !is_json(response.headers()) {
                return Err(match is_page(response) || looks_like_page(response.body()) {
                    true => caused(Cause::Page, NOT_JSON),
                    false => fail(ErrorKind::Decode, "answer is not JSON"),
                });
            }
            let (rows, body) = match call.expects {
                Expects::List => {
                    let Page { rows, rest } =
                        Page::parse(response.body()).map_err(|error| unread(error.is_eof()))?;
                    (rows, rest)
                }
                _ => (None, parse(response.body()).map_err(unread)?),
            };
            match (call.expects, fault_in(&body)) {
                (Expects::Token, Some(fault)) => {
                    // Unless its words say otherwise, the grant is what is wrong there.
                    let cause = match Cause::in_success(&fault) {
                        Cause::ErrorInSuccess => Cause::AccessDenied,
                        told => told,
                    };
                    return Err(caused(cause, "no token").with_fault(Some(fault)));
                }
                (Expects::Token, None) => return Ok(Answer::of(body, response)),
                (_, Some(fault)) => return Err(faulty(fault)),
                (_, None) => {}
            }
            if call.expects == Expects::Json {
                return Ok(Answer::of(body, response));
            }
            if let Some(rows) = rows {
                return Ok(Answer { rows, ..Answer::of(Value::Null, response) });
            }
            if call.expects == Expects::List && body.get("result").is_some() {
                return Err(fail(ErrorKind::Decode, "result is not a list"));
            }
            match body {
                Value::Object(mut members) => match members.remove("result") {
                    Some(result) => Ok(Answer::of(result, response)),
                    None => Err(fail(ErrorKind::Decode, "answer has no result")),
                },
                _ => Err(fail(ErrorKind::Decode, "answer has no result")),
            }
        }
    }
}

const NOT_JSON: &str =
    "web page instead of an answer: the instance hibernates, is in maintenance, or asks to log in";

impl Answer {
    fn of(result: Value, response: &Response<Bytes>) -> Self {
        let links = response.headers().get_all(LINK).iter().filter_map(|link| link.to_str().ok());
        // A comma inside of an address is percent-encoded there; one that is not only cuts an address, which then is none.
        let next = links
            .flat_map(|line| line.split(",<"))
            .find(|link| link.contains("rel=\"next\""))
            .map(|link| path_and_query(link).unwrap_or_default());
        Self { result, rows: Rows::new(), file: Bytes::new(), opened: None, next }
    }
}

/// `/path?query` of `<https://host/path?query>;rel="next"`, the first bracket perhaps gone.
fn path_and_query(link: &str) -> Option<String> {
    let (address, _) = link.rsplit_once(";rel").or_else(|| link.rsplit_once("; rel"))?;
    let address = address.trim().trim_start_matches('<').trim_end_matches('>');
    // A query can hold comparisons that the instance has not encoded.
    let address = address.replace('>', "%3E").replace('<', "%3C").replace('"', "%22").replace(' ', "%20");
    let uri: http::Uri = address.parse().ok()?;
    uri.path_and_query().map(|path| path.as_str().to_owned())
}

/// An answer that says no by its status.
fn refusal(call: &Call, response: &Response<Bytes>, now: SystemTime) -> Error {
    let status = response.status();
    let fault = match is_json(response.headers()) {
        true => parse(response.body()).ok().and_then(|body| fault_in(&body)),
        false => None,
    };
    let asks_for_factor =
        status == StatusCode::UNAUTHORIZED && response.headers().contains_key("x-mfa_token");
    let cause = if asks_for_factor { Some(Cause::MultiFactor) } else { Cause::of(status, fault.as_ref()) };
    // Where a record is not found, the instance says so in its own form; a page is of what stands in front of it.
    let is_page = status == StatusCode::NOT_FOUND && (is_page(response) || looks_like_page(response.body()));
    let cause = if is_page { Some(Cause::Page) } else { cause };
    let words = cause.map(Cause::kind);
    let (kind, reason) = match status.as_u16() {
        300..=399 => (ErrorKind::Unavailable, "redirected elsewhere, which is not followed"),
        401 => (ErrorKind::Unauthenticated, "credential not accepted"),
        403 => (words.unwrap_or(ErrorKind::Forbidden), "refused"),
        404 if fault.is_none() => {
            (ErrorKind::Unavailable, "not found by what stands in front of the instance")
        }
        404 => (words.unwrap_or(ErrorKind::NotFound), "not found"),
        408 => (ErrorKind::Timeout, "instance gave up waiting"),
        409 => (ErrorKind::Conflict, "conflict"),
        429 => (ErrorKind::Throttled, "too many calls"),
        400..=499 => (ErrorKind::Invalid, "refused as it is"),
        501 | 505 => (ErrorKind::Invalid, "not supported by the instance"),
        _ => (words.unwrap_or(ErrorKind::Unavailable), "instance failed"),
    };
    // Below 500 the instance looked at the request and did nothing; a gateway's or a script's failure proves nothing.
    let undecided = status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT;
    let reason = match (status.is_redirection(), response.headers().get(LOCATION)) {
        (true, Some(location)) => {
            format!(
                "{reason}: {}",
                location.to_str().unwrap_or("elsewhere").chars().take(200).collect::<String>()
            )
        }
        _ => reason.to_owned(),
    };
    Error::new(kind, call.operation.clone(), reason)
        .with_status(status)
        .with_fault(fault)
        .with_cause(cause)
        .with_retry_after(retry_after(status, response.headers(), now))
        .with_may_have_happened(undecided && call.writes())
}

/// `{"error": {"message", "detail"}, "status": "failure"}`, or the token endpoint's `{"error", "error_description"}`.
fn fault_in(body: &Value) -> Option<ServiceFault> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    match body.get("error") {
        None | Some(Value::Null) => {
            let failed = body.get("status").and_then(Value::as_str) == Some("failure");
            failed.then(|| ServiceFault::new("status is failure", None))
        }
        Some(Value::String(error)) => {
            Some(ServiceFault::new(error, text(body, "error_description").as_deref()))
        }
        Some(error) => {
            let message = text(error, "message").unwrap_or_else(|| "error without a message".to_owned());
            Some(ServiceFault::new(&message, text(error, "detail").as_deref()))
        }
    }
}

/// The whole body as JSON; the error says whether it ended too early.
fn parse(body: &[u8]) -> Result<Value, bool> {
    serde_json::from_slice(body).map_err(|error| error.is_eof())
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|kind| kind == "application/json" || kind.ends_with("+json"))
}

/// HTML that was declared such.
fn is_page(response: &Response<Bytes>) -> bool {
    media_type(response.headers()).is_some_and(|kind| kind == "text/html" || kind == "application/xhtml+xml")
}

/// HTML by its first character, which no JSON has.
fn looks_like_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

#[cfg(test)]
mod tests;
