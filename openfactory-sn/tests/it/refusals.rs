//! How an instance says no, and how it only seems to say yes: each with its kind, its cause and its advice.

use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
use openfactory_sn::transport::TransportErrorKind;
use openfactory_sn::{Cause, Error, ErrorKind, Fields, Query, RetryPolicy};

use serde_json::{Value, json};

use crate::support::{INCIDENT, builder, id, record_path};

/// What is asked when the instance answers so.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ask {
    Read,
    List,
    Create,
    Delete,
}

async fn answered(ask: Ask, reply: Reply) -> Error {
    let expected = match ask {
        Ask::Read => Expected::get(record_path()),
        Ask::List => Expected::get(INCIDENT),
        Ask::Create => Expected::post(INCIDENT),
        Ask::Delete => Expected::delete(record_path()),
    };
    let script = ScriptedTransport::new().on(expected, reply);
    let sn = builder(&script).retry(RetryPolicy::never()).build().unwrap();
    let incidents = sn.dynamic_table("incident");
    let error = match ask {
        Ask::Read => incidents.get(&id()).await.unwrap_err(),
        Ask::List => incidents.find(&Query::new()).await.unwrap_err(),
        Ask::Create => incidents.create(&Fields::new()).await.unwrap_err(),
        Ask::Delete => incidents.delete(&id()).await.unwrap_err(),
    };
    script.assert_done();
    error
}

/// Status, message and detail, kind, cause, words of the advice.
type Refused = (u16, &'static str, &'static str, ErrorKind, Cause, &'static str);

const DUPLICATE: &str =
    "Unique Key violation detected by database (Duplicate entry '1c74' for key 'PRIMARY')";
const RULE: &str = "Operation against file 'incident' was aborted by Business Rule 'Check State^0f'. Business Rule \
    Stack:Check State";
const POLICY: &str =
    "Data Policy Exception: \n\tThe following fields are mandatory: Resolution code, Close notes";
const LARGE: &str =
    "Rejected large REST payload with content-length = 10485761 bytes. Max allowed: 10485760 bytes.";
const QUOTA: &str = "Transaction cancelled: maximum execution time exceeded";
const LOG: &str =
    "maximum execution time exceeded Check logs for error trace or enable glide.rest.debug property";
const RATE: &str = "Rate limit of 100 requests per hour for Table API exceeded";
const HIDDEN: &str = "Record doesn't exist or ACL restricts the record retrieval";
const READ_ACL: &str = "Field(s) present in the query do not have permission to be read";

/// What an instance says in its own form, in the order of statuses.
const IN_WORDS: &[Refused] = &[
    (400, "Invalid table x", "", ErrorKind::Invalid, Cause::InvalidTable, "activate the plugin"),
    (
        400,
        "Invalid table x",
        "Table x does not exist",
        ErrorKind::Invalid,
        Cause::InvalidTable,
        "check its name",
    ),
    (
        400,
        "Requested URI does not represent any resource",
        "/api/sn_x",
        ErrorKind::Invalid,
        Cause::NoSuchApi,
        "check the instance's address",
    ),
    (
        404,
        "Requested URI does not represent any resource",
        "",
        ErrorKind::Invalid,
        Cause::NoSuchApi,
        "plugin",
    ),
    (
        400,
        "Exception while reading request",
        LARGE,
        ErrorKind::Invalid,
        Cause::TooLarge,
        "max_content_length",
    ),
    (
        400,
        "Exception while reading request",
        "Unexpected end-of-input",
        ErrorKind::Invalid,
        Cause::MalformedBody,
        "nothing was written",
    ),
    (403, "Operation Failed", ACL_INSERT, ErrorKind::Forbidden, Cause::Acl, "grant the integration user"),
    (
        403,
        "Operation Failed",
        "ACL Exception Update Failed due to security constraints",
        ErrorKind::Forbidden,
        Cause::Acl,
        "grant the integration user",
    ),
    (
        403,
        "Operation Failed",
        "ACL Exception Delete Failed due to security constraints",
        ErrorKind::Forbidden,
        Cause::Acl,
        "grant the integration user",
    ),
    (
        403,
        "Operation Failed",
        POLICY,
        ErrorKind::Invalid,
        Cause::DataPolicy,
        "labels, not their column names",
    ),
    (403, "Operation Failed", RULE, ErrorKind::Conflict, Cause::BusinessRule, "one at a time"),
    (403, "Operation Failed", DUPLICATE, ErrorKind::Conflict, Cause::Duplicate, "is there already"),
    (403, "Insufficient rights to query records", "", ErrorKind::Forbidden, Cause::QueryAcl, "sort by"),
    (403, "Insufficient rights to query records", READ_ACL, ErrorKind::Forbidden, Cause::QueryAcl, "sort by"),
    (403, READ_ACL, "", ErrorKind::Forbidden, Cause::QueryAcl, "sort by"),
    (
        403,
        "Insufficient rights",
        "Insufficient rights to query records",
        ErrorKind::Forbidden,
        Cause::QueryAcl,
        "query access controls",
    ),
    (403, "Failed API level ACL Validation", "", ErrorKind::Forbidden, Cause::ApiAcl, "REST API itself"),
    (404, "No Record found", HIDDEN, ErrorKind::NotFound, Cause::NoRecord, "hidden from this user"),
    (
        405,
        "Method not supported",
        "POST method not supported for API",
        ErrorKind::Invalid,
        Cause::Method,
        "never to a record",
    ),
    (406, "Not acceptable", "", ErrorKind::Invalid, Cause::MediaType, "JSON"),
    (415, "Unsupported media type", "", ErrorKind::Invalid, Cause::MediaType, "JSON"),
    (413, "Payload too large", "", ErrorKind::Invalid, Cause::TooLarge, "attachment.max_size"),
    (429, "Rate limit exceeded", RATE, ErrorKind::Throttled, Cause::RateLimit, "sys_rate_limit_rules"),
    (500, QUOTA, LOG, ErrorKind::Timeout, Cause::QuotaExpired, "time quota"),
];

const ACL_INSERT: &str = "ACL Exception Insert Failed due to security constraints";

#[tokio::test]
async fn what_an_instance_says_in_its_own_form() {
    for &(status, message, detail, kind, cause, advice) in IN_WORDS {
        let error = answered(Ask::Create, Reply::fault(status, message, detail)).await;
        assert_eq!((error.kind(), error.cause()), (kind, Some(cause)), "{status} {message}: {detail}");
        assert!(error.advice().contains(advice), "{}", error.advice());
        assert_eq!(error.may_have_happened(), status >= 500, "{error}");
        assert_eq!(error.fault().unwrap().message, message);
    }
}

#[tokio::test]
async fn a_null_detail_is_no_detail() {
    let body =
        serde_json::json!({"error": {"message": "Invalid table x", "detail": null}, "status": "failure"});
    let error = answered(Ask::Read, Reply::json(400, &body)).await;
    assert_eq!((error.cause(), &error.fault().unwrap().detail), (Some(Cause::InvalidTable), &None));
}

#[tokio::test]
async fn a_credential_that_is_not_accepted() {
    let said = || Reply::fault(401, "User Not Authenticated", "Required to provide Auth information");
    let error = answered(Ask::Read, said()).await;
    assert_eq!((error.kind(), error.cause()), (ErrorKind::Unauthenticated, None));
    assert!(error.advice().contains("snc_basic_auth_api_access"), "{}", error.advice());
    let error = answered(Ask::Read, said().header("x-mfa_token", "invalid")).await;
    assert_eq!((error.kind(), error.cause()), (ErrorKind::Unauthenticated, Some(Cause::MultiFactor)));
    assert!(error.advice().contains("OAuth"), "{}", error.advice());
}

#[tokio::test]
async fn a_language_that_is_not_english() {
    for (status, kind) in [
        (400, ErrorKind::Invalid),
        (401, ErrorKind::Unauthenticated),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
        (429, ErrorKind::Throttled),
        (500, ErrorKind::Unavailable),
    ] {
        let error =
            answered(Ask::Create, Reply::fault(status, "Vorgang fehlgeschlagen", "Datenrichtlinie")).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!error.advice().is_empty());
    }
}

#[tokio::test]
async fn what_comes_from_something_in_front() {
    let page = |status| Reply::raw(status, "text/html", "<html><body>proxy</body></html>");
    let cases = [
        (
            page(302).header("location", "https://elsewhere.example/"),
            ErrorKind::Unavailable,
            Some(Cause::Redirect),
            "redirect",
        ),
        (page(404), ErrorKind::Unavailable, Some(Cause::Page), "maintenance"),
        (page(414), ErrorKind::Invalid, Some(Cause::UrlTooLong), "split the query"),
        (page(429), ErrorKind::Throttled, Some(Cause::Semaphore), "concurrent"),
        (page(502), ErrorKind::Unavailable, None, "try again later"),
        (page(503), ErrorKind::Unavailable, None, "maintenance"),
        (page(504), ErrorKind::Unavailable, None, "try again later"),
        (Reply::failure(TransportErrorKind::Connect), ErrorKind::Connect, None, "certificate"),
        (Reply::failure(TransportErrorKind::Interrupted), ErrorKind::Unavailable, None, "try again later"),
        (Reply::silence(), ErrorKind::Timeout, None, "try again later"),
    ];
    for (reply, kind, cause, advice) in cases {
        let error = answered(Ask::Create, reply).await;
        assert_eq!((error.kind(), error.cause()), (kind, cause), "{error}");
        assert!(error.advice().contains(advice), "{}", error.advice());
        assert!(error.fault().is_none());
    }
}

#[tokio::test]
async fn a_success_that_is_none() {
    let fault = serde_json::json!({"result": [{"sys_id": "a"}], "error": {"message": QUOTA, "detail": LOG},
        "status": "failure"});
    let other = serde_json::json!({"error": {"message": "Something", "detail": null}, "status": "failure"});
    let cases = [
        (Reply::json(200, &fault), ErrorKind::Timeout, Cause::QuotaExpired, "ask for less at once"),
        (Reply::json(200, &other), ErrorKind::Unavailable, Cause::ErrorInSuccess, "look at its log"),
        (
            Reply::raw(200, "application/json", "{\"result\":[{\"sys_id\":\"a\"},{\"sys"),
            ErrorKind::Decode,
            Cause::CutOff,
            "cut off",
        ),
        (
            Reply::raw(200, "text/html", "<html>Log in</html>"),
            ErrorKind::Unavailable,
            Cause::Page,
            "hibernates",
        ),
        (
            Reply::raw(200, "text/plain", "\n<html>Log in</html>"),
            ErrorKind::Unavailable,
            Cause::Page,
            "hibernates",
        ),
        (Reply::raw(202, "application/json", ""), ErrorKind::Unavailable, Cause::Queued, "session"),
    ];
    for ask in [Ask::Read, Ask::List, Ask::Create, Ask::Delete] {
        for (reply, kind, cause, advice) in &cases {
            let error = answered(ask, reply.clone()).await;
            assert_eq!((error.kind(), error.cause()), (*kind, Some(*cause)), "{ask:?}: {error}");
            assert!(error.advice().contains(advice), "{}", error.advice());
            assert_eq!(
                error.may_have_happened(),
                matches!(ask, Ask::Create | Ask::Delete),
                "{ask:?}: {error}"
            );
            assert!(error.is_retryable(), "{error}");
        }
    }
}

/// The record is there although the instance said 500: only a look tells.
#[tokio::test]
async fn a_failure_that_is_none() {
    let error = answered(Ask::Create, Reply::fault(500, "Internal error", "")).await;
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Unavailable, true));
    let there = serde_json::json!({"sys_id": id(), "short_description": "x"});
    let script = ScriptedTransport::new()
        .on(Expected::post(INCIDENT), Reply::fault(500, "Internal error", ""))
        .on(Expected::get(record_path()), Reply::result(200, there));
    let ensured = client(&script).dynamic_table("incident").ensure(&id(), &Fields::new()).await.unwrap();
    assert!(!ensured.created);
    script.assert_done();
}

/// A user without rights gets an empty list: no error, so that only a record known to be there tells the two apart.
#[tokio::test]
async fn an_empty_list_says_nothing_of_rights() {
    let nothing = || Reply::result(200, serde_json::json!([])).header("x-total-count", "24");
    let script = ScriptedTransport::new()
        .on(Expected::get(INCIDENT), nothing())
        .on(Expected::get(record_path()), Reply::fault(404, "No Record found", HIDDEN));
    let incidents = client(&script).dynamic_table("incident");
    assert!(incidents.find(&Query::new()).await.unwrap().is_empty());
    let error = incidents.get(&id()).await.unwrap_err();
    assert!(error.advice().contains("hidden from this user"));
    script.assert_done();
}

#[tokio::test]
async fn choices_of_which_only_labels_are_shown_are_no_choices() {
    use openfactory_sn::models::choice::Choice;

    let list = || Expected::get("/api/now/table/sys_choice");
    let row = |value: Value| {
        let mut row = json!({"sys_id": "s1", "label": "Solution provided"});
        for (name, value) in value.as_object().unwrap() {
            row[name] = value.clone();
        }
        Reply::result(200, json!([row]))
    };
    let asked = json!({"name": "incident", "element": "close_code", "inactive": "false"});
    let script = ScriptedTransport::new()
        .on(list(), row(json!({})))
        .on(list(), row(asked.clone()))
        .on(list(), Reply::fault(403, "Insufficient rights to query records", READ_ACL))
        .on(list(), Reply::fault(503, "Instance is starting", ""))
        .on(list(), {
            let mut whole = asked;
            whole["value"] = "Solution provided".into();
            row(whole)
        });
    let sn = builder(&script).retry(RetryPolicy::never()).build().unwrap();
    for _ in 0..3 {
        let error = Choice::offered(&sn, "incident", "close_code").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
        assert!(error.advice().contains("labels of sys_choice alone"), "{}", error.advice());
    }
    let away = Choice::offered(&sn, "incident", "close_code").await.unwrap_err();
    assert_eq!(away.kind(), ErrorKind::Unavailable, "what passes is not taken for a missing right");
    let choices = Choice::offered(&sn, "incident", "close_code").await.unwrap();
    assert_eq!((choices.len(), choices[0].value.as_str()), (1, "Solution provided"));
    script.assert_done();
}
