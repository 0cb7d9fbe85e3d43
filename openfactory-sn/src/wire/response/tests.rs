use http::header::RETRY_AFTER;

use super::*;
use crate::record::Fields;
use crate::wire::url::Target;

fn read() -> Call {
    Call::get("get incident abc".to_owned(), Target::new("/api/now/table/incident/abc"))
}

fn write() -> Call {
    Call::post("create incident".to_owned(), Target::new("/api/now/table/incident"), &Fields::new())
}

fn response(status: u16, media_type: &str, body: &str) -> Response<Bytes> {
    let builder = Response::builder().status(status).header(CONTENT_TYPE, media_type);
    builder.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

fn json(status: u16, body: &str) -> Response<Bytes> {
    response(status, "application/json;charset=UTF-8", body)
}

fn refused(call: &Call, response: &Response<Bytes>) -> Error {
    interpret(call, response, SystemTime::UNIX_EPOCH).unwrap_err()
}

fn fault(status: u16, message: &str, detail: &str) -> Response<Bytes> {
    let body = serde_json::json!({"error": {"message": message, "detail": detail}, "status": "failure"});
    json(status, &body.to_string())
}

#[test]
fn a_good_answer() {
    let answer = interpret(&read(), &json(200, r#"{"result":{"a":"b"}}"#), SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(answer.result, serde_json::json!({"a": "b"}));
    assert!(answer.next.is_none());
}

#[test]
fn the_next_link_is_found_among_others() {
    let mut response = json(200, r#"{"result":[]}"#);
    let links = r#"<https://x/a?b=1>;rel="first",<https://x/a?b=2>;rel="next",<https://x/a?b=3>;rel="last""#;
    response.headers_mut().insert(LINK, links.parse().unwrap());
    assert!(interpret(&read(), &response, SystemTime::UNIX_EPOCH).unwrap().next.is_some());
}

#[test]
fn success_that_is_none() {
    let partial = r#"{"result":[{"sys_id":"a"}],"error":{"message":"Transaction cancelled: maximum execution time exceeded","detail":"maximum execution time exceeded Check logs"},"status":"failure"}"#;
    let cases = [
        (json(200, partial), ErrorKind::Timeout, true),
        (
            json(201, r#"{"error":{"message":"Something","detail":null},"status":"failure"}"#),
            ErrorKind::Unavailable,
            true,
        ),
        (json(200, r#"{"status":"failure"}"#), ErrorKind::Unavailable, true),
        (json(200, r#"{"result":[{"sys_id":"a"},{"sys"#), ErrorKind::Decode, true),
        (json(200, ""), ErrorKind::Decode, true),
        (json(200, r#"{"result":[}"#), ErrorKind::Decode, false),
        (json(200, r#"{"records":[]}"#), ErrorKind::Decode, false),
        (json(200, "[]"), ErrorKind::Decode, false),
        (response(200, "text/html;charset=UTF-8", "<html>Log in</html>"), ErrorKind::Unavailable, true),
        (response(200, "text/plain", r#"{"result":[]}"#), ErrorKind::Decode, false),
        (json(202, ""), ErrorKind::Unavailable, true),
    ];
    for (response, kind, retryable) in cases {
        for call in [read(), write()] {
            let error = refused(&call, &response);
            assert_eq!(error.kind(), kind, "{error}");
            assert_eq!(error.is_retryable(), retryable, "{error}");
            assert_eq!(error.may_have_happened(), call.writes(), "{error}");
        }
    }
}

#[test]
fn refusals_by_status_and_by_words() {
    let duplicate = "Unique Key violation detected by database (Duplicate entry 'a' for key 'PRIMARY')";
    let rule =
        "Operation against file 'change_request' was aborted by Business Rule 'Check State Transition^1'.";
    let cases = [
        (fault(400, "Invalid table x", ""), ErrorKind::Invalid),
        (fault(400, "Exception while reading request", "Rejected large REST payload"), ErrorKind::Invalid),
        (
            fault(401, "User Not Authenticated", "Required to provide Auth information"),
            ErrorKind::Unauthenticated,
        ),
        (
            fault(403, "Operation Failed", "ACL Exception Insert Failed due to security constraints"),
            ErrorKind::Forbidden,
        ),
        (fault(403, "Operation Failed", "Data Policy Exception: \n\tClose notes"), ErrorKind::Invalid),
        (fault(403, "Operation Failed", rule), ErrorKind::Conflict),
        (fault(403, "Operation Failed", duplicate), ErrorKind::Conflict),
        (fault(403, "Vorgang fehlgeschlagen", ""), ErrorKind::Forbidden),
        (
            fault(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval"),
            ErrorKind::NotFound,
        ),
        (fault(404, "Requested URI does not represent any resource", ""), ErrorKind::Invalid),
        (json(405, ""), ErrorKind::Invalid),
        (json(409, ""), ErrorKind::Conflict),
        (json(413, ""), ErrorKind::Invalid),
        (response(414, "text/html", "<html>"), ErrorKind::Invalid),
        (
            fault(429, "Rate limit exceeded", "Rate limit of 100 requests per hour exceeded"),
            ErrorKind::Throttled,
        ),
        (fault(500, "Transaction cancelled: maximum execution time exceeded", ""), ErrorKind::Timeout),
        (json(500, "{}"), ErrorKind::Unavailable),
        (json(501, "{}"), ErrorKind::Invalid),
        (response(502, "text/html", "<html>"), ErrorKind::Unavailable),
        (response(503, "text/html", "<html>"), ErrorKind::Unavailable),
        (response(504, "text/html", "<html>"), ErrorKind::Unavailable),
        (response(302, "text/html", ""), ErrorKind::Unavailable),
        (response(404, "text/html", "<html>"), ErrorKind::Unavailable),
    ];
    for (response, kind) in cases {
        let status = response.status();
        let error = refused(&write(), &response);
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.status(), Some(status));
        assert_eq!(error.may_have_happened(), status.is_server_error(), "{error}");
        assert!(!refused(&read(), &response).may_have_happened());
        assert!(!error.advice().is_empty());
    }
}

#[test]
fn the_instances_wish_to_wait_is_kept() {
    let mut response = fault(429, "Rate limit exceeded", "");
    response.headers_mut().insert(RETRY_AFTER, "30".parse().unwrap());
    assert_eq!(refused(&read(), &response).retry_after(), Some(std::time::Duration::from_secs(30)));
}

#[test]
fn a_redirect_says_where_to() {
    let mut response = response(302, "text/html", "");
    response.headers_mut().insert(LOCATION, "https://x.example/login.do".parse().unwrap());
    assert!(refused(&read(), &response).to_string().contains("https://x.example/login.do"));
}

#[test]
fn a_file_is_bytes_but_not_a_login_page() {
    let call =
        Call::get("download".to_owned(), Target::new("/api/now/attachment/a/file")).expecting(Expects::File);
    let page = response(200, "text/html", "<html>");
    assert_eq!(refused(&call, &page).kind(), ErrorKind::Unavailable);
    let mut attached = response(200, "text/html", "<html>");
    attached.headers_mut().insert("x-attachment-metadata", "{}".parse().unwrap());
    assert_eq!(&interpret(&call, &attached, SystemTime::UNIX_EPOCH).unwrap().file[..], b"<html>");
}

#[test]
fn the_token_endpoints_form_of_refusal() {
    let call = Call::token(Target::new("/oauth_token.do"), Bytes::new());
    let error = refused(&call, &json(401, r#"{"error_description":"access_denied","error":"server_error"}"#));
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.fault().unwrap().says("access_denied"));
    assert!(!error.may_have_happened());
}

#[test]
fn an_error_beside_a_token_says_whether_the_grant_is_wrong() {
    let call = Call::token(Target::new("/oauth_token.do"), Bytes::new());
    let refusal = json(200, r#"{"error":"unsupported_grant","error_description":"…"}"#);
    let error = refused(&call, &refusal);
    assert_eq!((error.kind(), error.cause()), (ErrorKind::Unauthenticated, Some(Cause::AccessDenied)));
    let quota = r#"{"error":{"message":"Transaction cancelled: maximum execution time exceeded"}}"#;
    assert_eq!(refused(&call, &json(200, quota)).kind(), ErrorKind::Timeout, "the grant was not looked at");
}

#[test]
fn work_that_is_only_put_aside_was_not_begun() {
    let call = write().expecting(Expects::Work);
    let begun = json(202, r#"{"result":{"worker":{"sys_id":"w1"}}}"#);
    assert!(interpret(&call, &begun, SystemTime::UNIX_EPOCH).is_ok());
    let aside = response(202, "text/plain", "");
    assert_eq!(refused(&call, &aside).cause(), Some(Cause::Queued));
}
