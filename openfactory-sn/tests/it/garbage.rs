//! Whatever an instance or a stranger sends: an error or an answer, never a panic, and never a success that is none.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use openfactory_sn::batch::Batch;
use openfactory_sn::cmdb::{Item, Payload};
use openfactory_sn::poll::{Cursor, Poller};
use openfactory_sn::record::Field;
use openfactory_sn::secret::{FernetKeys, SecretStore};
use openfactory_sn::table::Aggregate;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::value::parse_journal;
use openfactory_sn::webhook::{RecordChanged, Verifier, WebhookSecret, sign};
use openfactory_sn::{Fields, Query, RetryPolicy, SysId};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{INCIDENT, builder, record_path};

/// JSON with the members that answers have, in any shape.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| serde_json::json!(number)),
        "[a-f0-9]{32}|.{0,6}|NO_CHANGE|Unknown|204|2026-01-31 10:00:00".prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "result",
        "error",
        "status",
        "message",
        "sys_id",
        "sysId",
        "items",
        "relations",
        "operation",
        "errors",
        "errorCount",
        "inputIndices",
        "serviced_requests",
        "unserviced_requests",
        "id",
        "body",
        "status_code",
        "headers",
        "stats",
        "count",
        "groupby_fields",
        "available_states",
        "state_transitions",
        "worker",
        "state",
        "value",
        "__meta",
        "attributes",
        "inbound_relations",
        "type",
        "target",
        "link",
        "display_value",
        "sys_updated_on",
        "sys_mod_count",
    ]);
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => json().prop_map(|value| value.to_string().into_bytes()),
        2 => json().prop_map(|value| serde_json::json!({"result": value}).to_string().into_bytes()),
        1 => (json(), 0usize..64).prop_map(|(value, cut)| {
            let text = value.to_string().into_bytes();
            text[..cut.min(text.len())].to_vec()
        }),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

fn key() -> SysId {
    SysId::new(crate::support::ID).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn answers(
        status in prop::sample::select(vec![200u16, 201, 202, 204, 299, 301, 400, 401, 403, 404, 429, 500, 503]),
        kind in prop::sample::select(vec!["application/json", "text/html", "application/octet-stream"]),
        body in bodies(),
    ) {
        let reply = || Reply::raw(status, kind, body.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let on = |expected: Expected| {
            let script = ScriptedTransport::new().on(expected, reply());
            builder(&script).retry(RetryPolicy::never()).build().unwrap()
        };
        runtime.block_on(async {
            let good = (200..300).contains(&status) && status != 202 && kind == "application/json";
            let incidents = |sn: &openfactory_sn::Client| sn.dynamic_table("incident");
            let got = incidents(&on(Expected::get(record_path()))).get(&key()).await;
            prop_assert!(got.is_err() || good);
            let made = incidents(&on(Expected::post(INCIDENT))).create(&Fields::new()).await;
            prop_assert!(made.is_err() || good);
            if let (Err(error), 200..=299) = (&made, status) {
                prop_assert!(error.may_have_happened(), "{error}");
            }
            let gone = incidents(&on(Expected::delete(record_path()))).delete(&key()).await;
            prop_assert!(gone.is_err() || ((200..300).contains(&status) && status != 202 && kind != "text/html"));
            let listed = incidents(&on(Expected::get(INCIDENT))).find(&Query::new().limit(9)).await;
            prop_assert!(listed.is_err() || good);
            let stats = on(Expected::get("/api/now/stats/incident"));
            let counted = incidents(&stats).aggregate(&Query::new(), &Aggregate::count().group_by("state")).await;
            prop_assert!(counted.is_err() || good);
            let mut batch = Batch::new();
            batch.create("incident", &Fields::new());
            let outcome = on(Expected::post("/api/now/v1/batch")).batches().run(batch).await.remove(0);
            prop_assert!(outcome.is_err() || good);
            let mut payload = Payload::new("x");
            payload.item(Item::new("cmdb_ci", Fields::new()));
            let reconciled = on(Expected::post("/api/now/identifyreconcile")).cmdb().reconcile(&payload).await;
            prop_assert!(reconciled.is_err() || good);
            let path = "/api/sn_chg_rest/v1/change/1c741bd70b2322007518478d83673af3";
            let _ = on(Expected::get(path)).changes().get(&key()).await;
            let next = on(Expected::get(format!("{path}/nextstates"))).changes().next_states(&key()).await;
            prop_assert!(next.is_err() || good);
            let _ = on(Expected::get(format!("/api/now/cmdb/instance/cmdb_ci/{}", key()))).cmdb().instance("cmdb_ci", &key()).await;
            let _ = on(Expected::post("/api/now/import/u_x")).import_set("u_x").insert(&Fields::new()).await;
            let mut cursor = Cursor::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)).unwrap();
            let before = cursor.clone();
            let polled = Poller::new("incident").poll(&on(Expected::get(INCIDENT)), &mut cursor).await;
            prop_assert!(polled.is_ok() || cursor == before);
            Ok(())
        })?;
    }

    #[test]
    fn webhooks(body in bodies(), signature in "v1,.{0,64}|.{0,32}|v1,[0-9a-f]{64}", id in ".{0,16}", time in "[0-9]{0,13}|.{0,4}") {
        let secret = WebhookSecret::parse("whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx").unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        let verifier = Verifier::new([secret.clone()]);
        let headers: HeaderMap = [("webhook-id", &id), ("webhook-timestamp", &time), ("webhook-signature", &signature)]
            .into_iter()
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
            .collect();
        prop_assert!(verifier.verify(&headers, &body, now).is_err(), "a guessed signature");
        let signed = sign(&secret, "evt_1", now, &body).unwrap().to_map();
        let verified = verifier.verify(&signed, &body, now).unwrap();
        if let Ok(hint) = verified.record_changed(&["incident"]) {
            prop_assert_eq!(&hint.table, "incident");
            let _ = hint.command();
        }
        let _ = RecordChanged::parse(&body, &["incident"]);
    }

    #[test]
    fn texts(text in ".{0,200}|(gAAAA[A-Za-z0-9_-]{0,120}={0,2})|([a-z]+ = .{0,20}\n){0,4}") {
        let _ = parse_journal(&text);
        let keys = FernetKeys::parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").unwrap();
        prop_assert!(keys.decrypt(&text).is_err());
        let _ = FernetKeys::parse(&text);
        let _ = SecretStore::parse(&text, keys);
        let field = Field::<String>::named(text.clone());
        let _ = Query::new().and(field.is(text.as_str())).order_by(text.as_str()).select([text.as_str()]).encoded();
    }
}
