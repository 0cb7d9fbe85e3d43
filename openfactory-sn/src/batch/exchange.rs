//! One request with several calls in it, and its answer taken apart.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::client::Client;
use crate::error::{Cause, Error, ErrorKind};
use crate::wire::call::{Call, Expects, Repeat};
use crate::wire::response::{Answer, interpret};
use crate::wire::url::Target;

const PATH: &str = "/api/now/v1/batch";
/// How long a batch may take at least: the instance works on it for 30 s, and then tells what it did not get to.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(45);
/// What a call takes in a request beside its body and address, in bytes.
const FRAME: usize = 256;

/// What became of each call: its answer or error, or nothing if the instance did not get to it.
pub(super) type Serviced = Vec<Option<Result<Answer, Error>>>;

/// About how many bytes a call takes in a request.
pub(super) fn size(call: &Call) -> usize {
    FRAME + call.target.as_str().len() + call.body().len().div_ceil(3) * 4
}

/// Makes the calls in one request.
pub(super) async fn exchange(client: &Client, calls: &[Call]) -> Result<Serviced, Error> {
    let requests: Vec<Value> = calls.iter().enumerate().map(|(id, call)| request(id, call)).collect();
    let body = json!({"batch_request_id": "1", "rest_requests": requests});
    let mut outer =
        Call::json(Method::POST, format!("run a batch of {}", calls.len()), Target::new(PATH), &body)
            .expecting(Expects::Json);
    // A delete that was repeated finds nothing: whether that is its own doing, only the rounds above know.
    if calls.iter().all(|call| call.repeat == Repeat::Safe && call.expects != Expects::Nothing) {
        outer.repeat = Repeat::Safe;
    }
    let writes = calls.iter().any(Call::writes);
    let deadline = client.engine().deadline_of_at_least(PATIENCE);
    let answer = client.call(&outer, deadline).await.map_err(|error| {
        let undecided = writes && error.may_have_happened();
        about_batches(error).with_may_have_happened(undecided)
    })?;
    let malformed = || {
        Error::new(ErrorKind::Decode, outer.operation.clone(), "answer is none to a batch")
            .with_may_have_happened(writes)
    };
    let serviced = answer.result.get("serviced_requests").and_then(Value::as_array).ok_or_else(malformed)?;
    let mut by_id: HashMap<String, &Value> = HashMap::new();
    for item in serviced {
        by_id.insert(id_of(item.get("id")).ok_or_else(malformed)?, item);
    }
    let unserviced: Vec<_> =
        answer.result.get("unserviced_requests").and_then(Value::as_array).into_iter().flatten().collect();
    let outcomes = calls.iter().enumerate().map(|(id, call)| {
        let id = id.to_string();
        match by_id.get(&id) {
            Some(item) => Some(read(client, call, item)),
            None if unserviced.iter().any(|other| id_of(Some(other)).as_ref() == Some(&id)) => None,
            None => Some(Err(Error::new(
                ErrorKind::Decode,
                call.operation.clone(),
                "batch's answer says nothing of this call",
            )
            .with_may_have_happened(call.writes()))),
        }
    });
    Ok(outcomes.collect())
}

/// An error of the request as a whole: what is not found there is the API, and none of the records.
fn about_batches(error: Error) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    let reason = "there is no Batch API at this address";
    Error::new(ErrorKind::Invalid, error.operation().to_owned(), reason)
        .with_cause(Some(Cause::NoSuchApi))
        .with_source(error)
}

fn request(id: usize, call: &Call) -> Value {
    let mut request = json!({
        "id": id.to_string(),
        "method": call.method.as_str(),
        "url": call.target.as_str(),
        "exclude_response_headers": false,
        "headers": [
            {"name": "Content-Type", "value": "application/json"},
            {"name": "Accept", "value": "application/json"},
        ],
    });
    if let (false, Some(members)) = (call.body().is_empty(), request.as_object_mut()) {
        members.insert("body".to_owned(), STANDARD.encode(call.body()).into());
    }
    request
}

/// Ids come back as text, whatever was sent.
fn id_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// Reads one call's answer as if it had come alone.
fn read(client: &Client, call: &Call, item: &Value) -> Result<Answer, Error> {
    let malformed = |reason: &str| {
        Error::new(ErrorKind::Decode, call.operation.clone(), reason).with_may_have_happened(call.writes())
    };
    let status = item.get("status_code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let status = status.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| malformed("call of a batch has no status"))?;
    let body = item.get("body").and_then(Value::as_str).unwrap_or_default();
    let body =
        STANDARD.decode(body).map_err(|_| malformed("call of a batch has a body that is not base64"))?;
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    for header in item.get("headers").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| header.get(name).and_then(Value::as_str);
        let name = part("name").and_then(|name| name.parse::<HeaderName>().ok());
        let value = part("value").and_then(|value| HeaderValue::from_str(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            response.headers_mut().insert(name, value);
        }
    }
    // Not every release repeats the type; what is no JSON is found out all the same.
    response.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    interpret(call, &response, client.engine().now())
}
