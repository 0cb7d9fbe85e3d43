//! The business rule of `docs/servicenow`, run by the engine that instances run it by, against the verifier.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use openfactory_sn::webhook::{Operation, Refusal, Verifier, WebhookSecret};
use serde_json::{Value, json};

const KEY: &str = "b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx";
const MILLISECONDS: u64 = 1_767_225_600_999;

/// A file of the repository.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn skip(test: &str, tool: &str) {
    let strict = std::env::var("OPENFACTORY_STRICT").is_ok_and(|strict| strict == "1");
    assert!(!strict, "{test} needs {tool}");
    #[allow(clippy::print_stderr, reason = "a skip is said out loud")]
    {
        eprintln!("SKIPPED: {test}: needs {tool}");
    }
}

/// A change request that somebody approved; `changes` are laid over it.
fn scenario(changes: &Value) -> Value {
    let mut scenario = json!({
        "properties": {"openfactory.webhook.url": "https://router.example.com/x", "openfactory.webhook.secret": KEY},
        "user": "ada", "milliseconds": MILLISECONDS, "id": "4f2c", "answer": 200,
        "table": "change_request", "operation": "update",
        "record": {"sys_id": "a1", "number": "CHG0030001", "state": "-3", "approval": "approved", "assigned_to": ""},
    });
    for (name, value) in changes.as_object().unwrap() {
        scenario[name] = value.clone();
    }
    scenario
}

/// What the rule does in each scenario.
fn run(test: &str, scenarios: &[Value]) -> Option<Vec<Value>> {
    let mut rhino = Command::new("rhino");
    rhino.arg(file("tests/it/rhino/instance.js")).arg(file("../docs/servicenow/business-rule.js"));
    let Ok(output) = rhino.arg(Value::from(scenarios).to_string()).output() else {
        skip(test, "rhino");
        return None;
    };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.is_empty(), "{told}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn headers(sent: &Value) -> HeaderMap {
    let headers = sent["headers"].as_object().unwrap().iter();
    headers
        .map(|(name, value)| {
            let name = HeaderName::try_from(name.as_str()).unwrap();
            (name, HeaderValue::from_str(value.as_str().unwrap()).unwrap())
        })
        .collect()
}

#[test]
fn what_the_business_rule_signs_the_verifier_takes() {
    let beyond_ascii =
        json!({"sys_id": "b2", "number": "INC0010001", "state": "2", "assigned_to": "Zoë 😀 \u{7f}"});
    let scenarios = [
        scenario(&json!({})),
        scenario(&json!({"table": "incident", "operation": "insert", "record": beyond_ascii})),
    ];
    let Some(outcomes) = run("what_the_business_rule_signs_the_verifier_takes", &scenarios) else { return };
    let verifier = Verifier::new([WebhookSecret::parse(&format!("whsec_{KEY}")).unwrap()]);
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(MILLISECONDS);
    let mut hints = Vec::new();
    for outcome in &outcomes {
        assert_eq!(outcome["logged"], json!([]));
        let [sent] = outcome["sent"].as_array().unwrap().as_slice() else { panic!("sent once: {outcome}") };
        assert_eq!((&sent["method"], &sent["url"]), (&"POST".into(), &"https://router.example.com/x".into()));
        let (headers, body) = (headers(sent), sent["body"].as_str().unwrap());
        assert!(body.is_ascii(), "what is signed is what is sent in any encoding");
        let verified = verifier.verify(&headers, body.as_bytes(), now).unwrap();
        assert_eq!(verified.id(), "4f2c");
        hints.push(verified.record_changed(&["change_request", "incident"]).unwrap());
        // A byte less, and it is another text.
        let shorter = &body.as_bytes()[..body.len() - 1];
        assert_eq!(verifier.verify(&headers, shorter, now).unwrap_err(), Refusal::Signature);
    }
    assert_eq!((hints[0].operation, hints[0].sys_id.as_str()), (Operation::Update, "a1"));
    assert_eq!(["state", "approval", "assigned_to"].map(|name| hints[0].text(name)), ["-3", "approved", ""]);
    assert_eq!((hints[1].operation, hints[1].text("assigned_to")), (Operation::Insert, "Zoë 😀 \u{7f}"));
}

#[test]
fn the_business_rule_leaves_out_our_own_updates_and_logs_what_fails() {
    let scenarios = [
        scenario(&json!({"user": "svc_openfactory"})),
        scenario(&json!({"properties": {"openfactory.webhook.url": "https://router.example.com/x"}})),
        scenario(&json!({"answer": 401})),
        scenario(&json!({"answer": 0})),
    ];
    let test = "the_business_rule_leaves_out_our_own_updates_and_logs_what_fails";
    let Some(outcomes) = run(test, &scenarios) else { return };
    let sent: Vec<usize> = outcomes.iter().map(|outcome| outcome["sent"].as_array().unwrap().len()).collect();
    assert_eq!(sent, [0, 0, 1, 0]);
    assert_eq!(outcomes[0]["logged"], json!([]), "an update of our own is nobody's business");
    for (outcome, words) in
        outcomes[1..].iter().zip(["secret is not set", "answered 401", "connection refused"])
    {
        let [line] = outcome["logged"].as_array().unwrap().as_slice() else { panic!("one line: {outcome}") };
        let line = line.as_str().unwrap();
        assert!(line.contains(words) && !line.contains(KEY), "{line}");
    }
}
