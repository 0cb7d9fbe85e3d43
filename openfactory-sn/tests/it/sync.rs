//! A fleet kept in step, against an instance in memory that counts calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use openfactory_sn::sync::{Desired, Sent};
use openfactory_sn::transport::{Body, Transport, TransportError, TransportErrorKind, send_whole};
use openfactory_sn::{Auth, Client, CorrelationId, ErrorKind, Fields, Secret, SysId};
use serde_json::{Value, json};

type Records = BTreeMap<String, BTreeMap<String, Value>>;

/// Keeps records; understands batches of single-record calls, and lists by key.
#[derive(Debug, Clone, Default)]
struct Instance(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    records: Records,
    calls: usize,
    writes: usize,
    lose_next_answer: bool,
    /// What may not be created.
    closed: Option<&'static str>,
}

impl Instance {
    fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// Calls and writes since it was last asked.
    fn counted(&self) -> (usize, usize) {
        self.state(|state| (std::mem::take(&mut state.calls), std::mem::take(&mut state.writes)))
    }

    fn client(&self) -> Client {
        Client::builder("https://plant.example.com")
            .auth(Auth::basic("svc", Secret::new("x")))
            .transport(self.clone())
            .clock(crate::support::clock())
            .build()
            .unwrap()
    }
}

impl State {
    fn one(&mut self, method: &str, path: &str, fields: &Value) -> (u16, Value) {
        let mut parts = path.trim_start_matches("/api/now/table/").split('/');
        if method == "POST" && self.closed.is_some_and(|table| path.ends_with(table)) {
            return (400, json!({"error": {"message": "Exception while reading request"}}));
        }
        let table = self.records.entry(parts.next().unwrap().to_owned()).or_default();
        let key = parts.next().or_else(|| fields["sys_id"].as_str()).unwrap().to_owned();
        self.writes += usize::from(method != "GET");
        let absent = || (404, json!({"error": {"message": "No Record found"}}));
        match (method, table.get_mut(&key)) {
            ("POST", Some(_)) => {
                (403, json!({"error": {"message": "Unique Key violation detected by database"}}))
            }
            ("POST", None) => {
                table.insert(key, fields.clone());
                (201, json!({"result": fields}))
            }
            ("PATCH", Some(record)) => {
                for (name, value) in fields.as_object().unwrap() {
                    record[name] = value.clone();
                }
                (200, json!({"result": record}))
            }
            ("GET", Some(record)) => (200, json!({"result": record})),
            ("DELETE", Some(_)) => {
                table.remove(&key);
                (204, Value::Null)
            }
            _ => absent(),
        }
    }

    /// The records of which this field is one of these keys.
    fn list(&self, table: &str, field: &str, keys: &str) -> Value {
        let empty = BTreeMap::new();
        let table = self.records.get(table).unwrap_or(&empty);
        let keys: Vec<&str> = keys.split(',').collect();
        table
            .values()
            .filter(|record| keys.contains(&record[field].as_str().unwrap_or_default()))
            .cloned()
            .collect()
    }
}

#[async_trait]
impl Transport for Instance {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let path = request.uri().path().to_owned();
        let answer = self.state(|state| {
            state.calls += 1;
            if path == "/api/now/v1/batch" {
                let body: Value = serde_json::from_slice(request.body()).unwrap();
                let serviced: Vec<Value> = body["rest_requests"].as_array().unwrap().iter().map(|call| {
                    let fields = call["body"].as_str().map(|body| STANDARD.decode(body).unwrap());
                    let fields = fields.map(|body| serde_json::from_slice(&body).unwrap()).unwrap_or_default();
                    let url = call["url"].as_str().unwrap().split('?').next().unwrap();
                    let (status, body) = state.one(call["method"].as_str().unwrap(), url, &fields);
                    json!({"id": call["id"], "status_code": status, "body": STANDARD.encode(body.to_string())})
                }).collect();
                if std::mem::take(&mut state.lose_next_answer) {
                    return Err(TransportError::new(TransportErrorKind::Interrupted));
                }
                return Ok(json!({"serviced_requests": serviced, "unserviced_requests": []}));
            }
            let query = request.uri().query().unwrap();
            let condition = query.split("sysparm_query=").nth(1).unwrap().split("%5E").next().unwrap();
            let (field, keys) = condition.split_once("IN").unwrap();
            let keys = keys.replace("%2C", ",");
            Ok(json!({"result": state.list(path.trim_start_matches("/api/now/table/"), field, &keys)}))
        })?;
        let response = http::Response::builder().header("content-type", "application/json");
        Ok(response.body(Bytes::from(answer.to_string())).unwrap())
    }

    async fn stream(&self, request: http::Request<Body>) -> Result<http::Response<Body>, TransportError> {
        send_whole(self, request).await
    }
}

/// So many devices, each on one of ten images and in one of five sites; of every hundredth `changed` is another version.
fn fleet(devices: usize, changed: bool) -> Desired {
    let mut desired = Desired::new();
    let id = |text: String| CorrelationId::new(&text).unwrap();
    let kind = SysId::new("60bc4e22c0a8010e01f074cbe6bd73c3").unwrap();
    let place = |desired: &mut Desired, table: &str, n: usize| {
        desired.record(table, &id(format!("{table}/{n}")), Fields::new().with("name", format!("{table} {n}")))
    };
    let images: Vec<_> = (0..10).map(|n| place(&mut desired, "u_image", n)).collect();
    let sites: Vec<_> = (0..5).map(|n| place(&mut desired, "u_site", n)).collect();
    for n in 0..devices {
        let version = if changed && n % 100 == 0 { "2" } else { "1" };
        let fields = Fields::new().with("name", format!("edge-{n:05}")).with("os_version", version);
        let device = desired.record("cmdb_ci_server", &id(format!("device/{n}")), fields);
        desired.relation(&device, &kind, &images[n % 10]).unwrap();
        desired.relation(&device, &kind, &sites[n % 5]).unwrap();
    }
    desired
}

#[tokio::test]
async fn only_differences_travel_and_in_few_calls() {
    const DEVICES: usize = 10_000;
    let instance = Instance::default();
    let client = instance.client();
    let mut sent = Sent::new();
    let records = DEVICES * 3 + 15;

    let first = client.sync(&fleet(DEVICES, false), &mut sent).await;
    assert!(first.failed.is_empty());
    let (calls, writes) = instance.counted();
    assert_eq!((first.created, writes, sent.len()), (records, records, records));
    assert!(calls * 100 <= records, "{calls} calls for {records} records");

    let second = client.sync(&fleet(DEVICES, false), &mut sent).await;
    assert_eq!((second.created, second.updated, instance.counted()), (0, 0, (0, 0)));

    let third = client.sync(&fleet(DEVICES, true), &mut sent).await;
    let (calls, writes) = instance.counted();
    assert_eq!((third.updated, writes), (DEVICES / 100, DEVICES / 100));
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn what_was_forgotten_is_found_and_compared() {
    let instance = Instance::default();
    let client = instance.client();
    assert!(client.sync(&fleet(3, false), &mut Sent::new()).await.failed.is_empty());
    instance.counted();
    let mut sent = Sent::new();
    let synced = client.sync(&fleet(3, true), &mut sent).await;
    assert_eq!(
        (synced.created, synced.updated, synced.failed.len()),
        (0, 1, 0),
        "one device has another version"
    );
    assert!(fleet(3, true).differences(&sent).is_empty());
    let text = serde_json::to_string(&sent).unwrap();
    assert_eq!(serde_json::from_str::<Sent>(&text).unwrap(), sent);
}

#[tokio::test]
async fn what_others_changed_or_deleted_is_mended() {
    let instance = Instance::default();
    let client = instance.client();
    let (desired, mut sent) = (fleet(200, false), Sent::new());
    client.sync(&desired, &mut sent).await;
    let device = SysId::derived("cmdb_ci_server", &CorrelationId::new("device/7").unwrap());
    instance.state(|state| {
        let devices = state.records.get_mut("cmdb_ci_server").unwrap();
        devices.get_mut(device.as_str()).unwrap()["os_version"] = "hand-made".into();
        let gone = SysId::derived("cmdb_ci_server", &CorrelationId::new("device/8").unwrap());
        devices.remove(gone.as_str()).unwrap();
    });
    client.look_again(&desired, &mut sent).await.unwrap();
    let mended = client.sync(&desired, &mut sent).await;
    assert_eq!((mended.created, mended.updated, mended.failed.len()), (1, 1, 0));
    let version =
        instance.state(|state| state.records["cmdb_ci_server"][device.as_str()]["os_version"].clone());
    assert_eq!(version, "1");
}

#[tokio::test]
async fn a_lost_answer_makes_nothing_twice_and_a_relation_gone_is_taken_away() {
    let instance = Instance::default();
    let client = instance.client();
    let mut sent = Sent::new();
    instance.state(|state| state.lose_next_answer = true);
    let synced = client.sync(&fleet(20, false), &mut sent).await;
    assert_eq!(synced.failed.len(), 0);
    assert!(fleet(20, false).differences(&sent).is_empty());
    assert_eq!(instance.state(|state| state.records["cmdb_ci_server"].len()), 20);
    let fewer = client.sync(&fleet(10, false), &mut sent).await;
    assert_eq!(fewer.removed, 20, "two relations of each of ten devices; the devices themselves stay");
    assert_eq!(instance.state(|state| state.records["cmdb_rel_ci"].len()), 20);
    assert_eq!(instance.state(|state| state.records["cmdb_ci_server"].len()), 20);
}

#[tokio::test]
async fn a_relation_waits_for_its_items() {
    let instance = Instance::default();
    let client = instance.client();
    let mut sent = Sent::new();
    instance.state(|state| state.closed = Some("/u_image"));
    let synced = client.sync(&fleet(2, false), &mut sent).await;
    // Ten images, and the relations of two devices to theirs; those to their sites are there.
    assert_eq!((synced.failed.len(), synced.created), (12, 9), "{:?}", synced.failed);
    assert!(synced.failed.iter().all(|(_, error)| error.kind() == ErrorKind::Invalid));
    let (_, held) = &synced.failed[11];
    assert!(held.to_string().contains("could not be made") && !held.may_have_happened(), "{held}");
    assert_eq!(instance.state(|state| state.records["cmdb_rel_ci"].len()), 2);
    instance.state(|state| state.closed = None);
    assert!(client.sync(&fleet(2, false), &mut sent).await.failed.is_empty());
    assert_eq!(instance.state(|state| state.records["cmdb_rel_ci"].len()), 4);
    assert!(fleet(2, false).differences(&sent).is_empty());
}

#[tokio::test]
async fn a_relation_that_somebody_else_made_is_not_made_again() {
    let script = crate::support::simulator_with_apis().await;
    let (simulator, client) = script;
    let runs_on =
        openfactory_sn::models::relationship_type::RelationshipType::named(&client, "Runs on::Runs");
    let runs_on = runs_on.await.unwrap();
    let mut sent = Sent::new();
    let items = |desired: &mut Desired| {
        ["device", "image"].map(|name| {
            let key = CorrelationId::new(name).unwrap();
            desired.record("cmdb_ci_server", &key, Fields::new().with("name", name).with("u_no_such", "x"))
        })
    };
    let mut desired = Desired::new();
    let [device, image] = items(&mut desired);
    let first = client.sync(&desired, &mut sent).await;
    let not_taken: Vec<_> = first.not_taken.iter().map(|(_, fields)| fields[0].field.as_str()).collect();
    assert_eq!((first.created, not_taken), (2, vec!["u_no_such"; 2]), "a column that is not there is told");
    let by_hand = Fields::new()
        .with("parent", device.to_string())
        .with("child", image.to_string())
        .with("type", runs_on.to_string());
    client.dynamic_table("cmdb_rel_ci").create(&by_hand).await.unwrap();
    desired.relation(&device, &runs_on, &image).unwrap();
    let second = client.sync(&desired, &mut sent).await;
    assert_eq!((second.created, second.failed.len()), (0, 0), "{:?}", second.failed);
    assert_eq!(simulator.store().records("cmdb_rel_ci").unwrap().len(), 1);
    let mut without = Desired::new();
    items(&mut without);
    assert_eq!(client.sync(&without, &mut sent).await.removed, 1, "it is known by its own key");
    assert!(simulator.store().records("cmdb_rel_ci").unwrap().is_empty());
    simulator.shutdown().await;
}

#[tokio::test]
async fn what_was_deleted_is_made_again_by_the_sync_after() {
    let instance = Instance::default();
    let client = instance.client();
    let mut sent = Sent::new();
    client.sync(&fleet(1, false), &mut sent).await;
    let device = SysId::derived("cmdb_ci_server", &CorrelationId::new("device/0").unwrap());
    instance.state(|state| {
        state.records.get_mut("cmdb_ci_server").unwrap().remove(device.as_str()).unwrap();
        let relations = state.records.get_mut("cmdb_rel_ci").unwrap();
        relations.retain(|_, relation| relation["parent"] != device.as_str());
        assert!(relations.is_empty(), "an instance takes them along");
    });
    let changed = client.sync(&fleet(1, true), &mut sent).await;
    assert_eq!((changed.failed.len(), changed.failed[0].1.kind()), (1, ErrorKind::NotFound));
    let again = client.sync(&fleet(1, true), &mut sent).await;
    assert_eq!((again.created, again.failed.len()), (3, 0), "the device and its relations");
    assert_eq!(instance.state(|state| state.records["cmdb_rel_ci"].len()), 2);
}
