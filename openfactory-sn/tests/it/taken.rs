//! What a write does with bad input: each kind of it noticed, with advice, or kept from being sent.

use openfactory_simulator::ADMIN_USER;
use openfactory_sn::models::incident;
use openfactory_sn::record::Untaken;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
use openfactory_sn::value::Reference;
use openfactory_sn::{Cause, ErrorKind, Fields, SysId};
use serde_json::{Value, json};

use crate::instance;
use crate::support::{ID, INCIDENT, id, person, record_path};

/// What is told of one field that was sent, and held so by the record in the answer.
async fn told(name: &str, sent: &str, held: Option<&str>) -> Option<(Untaken, &'static str)> {
    let mut record = json!({"sys_id": ID, "number": "INC0010001"});
    if let (Some(held), Some(members)) = (held, record.as_object_mut()) {
        members.insert(name.to_owned(), Value::from(held));
    }
    let script = ScriptedTransport::new()
        .on(Expected::patch(record_path()).field(name, sent), Reply::result(200, record));
    let fields = Fields::new().with(name, sent);
    let row = client(&script).dynamic_table("incident").update(&id(), &fields).await.unwrap();
    script.assert_done();
    let mut told = fields.not_taken(&row);
    assert!(told.len() <= 1);
    told.pop().map(|one| (one.how, one.advice()))
}

#[tokio::test]
async fn what_is_passed_over_without_a_word() {
    let cases = [
        // a name that the table lacks
        ("u_bogus", "1", None, Untaken::Missing, "no such field"),
        // what the instance keeps itself
        (
            "sys_created_on",
            "2020-01-01 00:00:00",
            Some("2026-01-01 00:00:00"),
            Untaken::Replaced,
            "system field",
        ),
        // what is computed from other fields
        ("priority", "1", Some("5"), Untaken::Replaced, "computed"),
        // read-only by the dictionary, where access controls hold it
        ("opened_at", "2020-01-01 00:00:00", Some("2026-01-01 00:00:00"), Untaken::Replaced, "may not write"),
        // a field that the credential may not write, with a value before and without one
        ("severity", "1", Some("3"), Untaken::Replaced, "may not write"),
        ("severity", "1", Some(""), Untaken::Emptied, "write access"),
        // a value off the choice list that ends as nothing
        ("close_code", "Solved (Permanently)", Some(""), Untaken::Emptied, "sys_choice"),
        // a text for an integer choice
        ("state", "assess", Some("-3"), Untaken::Replaced, "raw values instead of labels"),
        // a display name for a reference, resolved on the way
        (
            "assignment_group",
            "Network",
            Some("287ebd7da9fe198100f92cc8d1d2154e"),
            Untaken::Replaced,
            "raw values",
        ),
    ];
    for (name, sent, held, how, advice) in cases {
        let (found, said) = told(name, sent, held).await.unwrap_or_else(|| panic!("{name} is not told"));
        assert_eq!(found, how, "{name}");
        assert!(said.contains(advice), "{name}: {said}");
    }
}

#[tokio::test]
async fn what_is_taken_as_it_is() {
    // a value off most choice lists, a key of no record, an empty text that clears the field
    for (name, sent) in
        [("category", "own"), ("assignment_group", "0123456789abcdef0123456789abcdef"), ("category", "")]
    {
        assert_eq!(told(name, sent, Some(sent)).await, None, "{name}");
    }
}

#[tokio::test]
async fn what_is_refused() {
    let policy = "Data Policy Exception: \n\tThe following fields are mandatory: Resolution code";
    let rule = "Operation against file 'incident' was aborted by Business Rule 'Check State^0f'.";
    let cases = [
        // a mandatory field that is missing, also one whose value was off its list
        (
            Reply::fault(403, "Operation Failed", policy),
            ErrorKind::Invalid,
            Cause::DataPolicy,
            "stored as empty",
        ),
        // JSON that can't be read
        (
            Reply::fault(400, "Exception while reading request", "Unexpected character"),
            ErrorKind::Invalid,
            Cause::MalformedBody,
            "proxy",
        ),
        // a body over the limit, as the instance or something in front says it
        (
            Reply::fault(400, "Exception while reading request", "Rejected large REST payload"),
            ErrorKind::Invalid,
            Cause::TooLarge,
            "max_content_length",
        ),
        (Reply::raw(413, "text/html", ""), ErrorKind::Invalid, Cause::TooLarge, "as an attachment"),
        // a script of the instance that aborts the write
        (
            Reply::fault(403, "Operation Failed", rule),
            ErrorKind::Conflict,
            Cause::BusinessRule,
            "re-read the record",
        ),
    ];
    for (reply, kind, cause, advice) in cases {
        let script = ScriptedTransport::new().on(Expected::patch(record_path()), reply);
        let fields = Fields::new().with("state", "6");
        let error = client(&script).dynamic_table("incident").update(&id(), &fields).await.unwrap_err();
        assert_eq!((error.kind(), error.cause()), (kind, Some(cause)), "{error}");
        assert!(error.advice().contains(advice), "{}", error.advice());
        assert!(!error.may_have_happened() && !error.is_retryable());
    }
}

#[tokio::test]
async fn a_key_that_is_there_already() {
    let duplicate = "Unique Key violation detected by database (Duplicate entry 'x' for key 'PRIMARY')";
    let create = || Expected::post(INCIDENT).field("sys_id", ID);
    let script = ScriptedTransport::new()
        .on(create(), Reply::fault(403, "Operation Failed", duplicate))
        .on(create(), Reply::fault(403, "Operation Failed", duplicate))
        .on(Expected::get(record_path()), Reply::result(200, json!({"sys_id": ID})));
    let incidents = client(&script).dynamic_table("incident");
    let error = incidents.create_with_sys_id(&id(), &Fields::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (ErrorKind::Conflict, Some(Cause::Duplicate)));
    assert!(error.advice().contains("read it"), "{}", error.advice());
    assert!(!incidents.ensure(&id(), &Fields::new()).await.unwrap().created);
    script.assert_done();
}

/// What the types keep from being sent: a null, a number or an object for a field, a name for a reference.
#[tokio::test]
async fn what_is_never_sent() {
    let group = SysId::new("287ebd7da9fe198100f92cc8d1d2154e").unwrap();
    let fields = Fields::new()
        .with_field(incident::ASSIGNMENT_GROUP, Reference::to(group.clone()))
        .with_field(incident::IMPACT, 1)
        .with("cleared", "");
    let script = ScriptedTransport::new().on(
        Expected::patch(record_path())
            .field("assignment_group", group.as_str())
            .field("impact", "1")
            .field("cleared", ""),
        Reply::result(200, json!({"sys_id": ID})),
    );
    client(&script).dynamic_table("incident").update(&id(), &fields).await.unwrap();
    let sent: Value = serde_json::from_slice(&script.requests()[0].body).unwrap();
    assert!(sent.as_object().unwrap().values().all(Value::is_string), "{sent}");
    assert!(SysId::new("Network Team").is_err() && SysId::new("").is_err());
}

#[tokio::test]
async fn an_instance_that_passes_over() {
    let simulator = instance::builder().start().await.unwrap();
    let client = person(&simulator, ADMIN_USER);
    let fields = Fields::new()
        .with("short_description", "x")
        .with("impact", "2")
        .with("urgency", "2")
        .with("priority", "1")
        .with("u_bogus", "1");
    let row = client.dynamic_table("incident").create(&fields).await.unwrap();
    let told: Vec<_> = fields.not_taken(&row).into_iter().map(|one| (one.field, one.how, one.held)).collect();
    assert_eq!(
        told,
        [
            ("priority".to_owned(), Untaken::Replaced, "3".to_owned()),
            ("u_bogus".to_owned(), Untaken::Missing, String::new()),
        ]
    );
    simulator.shutdown().await;
}
