//! Whatever an instance answers, to every kind of call: an answer or an error, never a success that is none.
//!
//! Input: a byte for the kind of call, one for the status, one for the headers, and the body.
#![no_main]

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LINK, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use libfuzzer_sys::fuzz_target;
use openfactory_sn::batch::Batch;
use openfactory_sn::cmdb::{Item, Payload};
use openfactory_sn::models::attachment::Attachment;
use openfactory_sn::models::change_request::ChangeRequest;
use openfactory_sn::models::incident::Incident;
use openfactory_sn::poll::{Cursor, Poller};
use openfactory_sn::record::FromRow;
use openfactory_sn::table::Aggregate;
use openfactory_sn::testing::FixedClock;
use openfactory_sn::transport::{Body, Transport, TransportError, send_whole};
use openfactory_sn::{Auth, Client, Error, Fields, Query, RetryPolicy, Row, Secret, SysId};
use tokio::runtime::{Builder, Runtime};

const STATUSES: [u16; 16] = [200, 201, 202, 204, 299, 301, 400, 401, 403, 404, 409, 413, 429, 500, 503, 504];
const KEY: &str = "1c741bd70b2322007518478d83673af3";

/// The same answer to every request.
#[derive(Debug)]
struct Same(Response<Bytes>);

#[async_trait]
impl Transport for Same {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut answer = Response::new(self.0.body().clone());
        *answer.status_mut() = self.0.status();
        answer.headers_mut().extend(self.0.headers().clone());
        Ok(answer)
    }

    async fn stream(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        send_whole(self, request).await
    }
}

fn response(status: u8, headers: u8, body: &[u8]) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(body));
    let status = STATUSES[usize::from(status) % STATUSES.len()];
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    let mut add = |name: HeaderName, value: &'static str| {
        response.headers_mut().append(name, HeaderValue::from_static(value));
    };
    // So that ASCII '0' is the most usual answer.
    match headers & 3 {
        0 => add(CONTENT_TYPE, "application/json;charset=UTF-8"),
        1 => add(CONTENT_TYPE, "text/html"),
        2 => add(CONTENT_TYPE, "application/octet-stream"),
        _ => {}
    }
    if headers & 4 != 0 {
        add(LINK, "<https://x.example/api/now/table/incident?sysparm_offset=1>;rel=\"next\"");
    }
    if headers & 8 != 0 {
        add(RETRY_AFTER, "1");
    }
    if headers & 64 != 0 {
        add(HeaderName::from_static("x-ratelimit-limit"), "1");
        add(HeaderName::from_static("x-ratelimit-reset"), "1767225700");
    }
    response
}

fuzz_target!(|input: &[u8]| {
    thread_local! {
        static RUNTIME: RefCell<Runtime> =
            RefCell::new(Builder::new_current_thread().build().expect("a runtime"));
    }
    let [call, status, headers, body @ ..] = input else { return };
    let response = response(*status, *headers, body);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let answer = (response.status(), headers & 3 == 0);
    let auth = match call & 64 {
        0 => Auth::client_credentials("x", Secret::new("s3cr3t")),
        _ => Auth::basic("x", Secret::new("s3cr3t")),
    };
    let client = Client::builder("https://x.example")
        .auth(auth)
        .retry(RetryPolicy::never())
        .clock(FixedClock::at(now))
        .transport(Same(response))
        .build()
        .expect("a client");
    RUNTIME.with_borrow_mut(|runtime| runtime.block_on(ask(&client, *call, answer, now)));
});

/// Makes one kind of call, and judges what came of it.
async fn ask(client: &Client, call: u8, (status, is_json): (StatusCode, bool), now: SystemTime) {
    let key = SysId::new(KEY).expect("a key");
    let good = status.is_success() && status != StatusCode::ACCEPTED && is_json;
    let read = |outcome: Result<(), Error>| match outcome {
        Ok(()) => assert!(good, "a success that is none"),
        Err(error) => assert!(!error.may_have_happened(), "a read that left something: {error}"),
    };
    let write = |outcome: Result<(), Error>| match outcome {
        Ok(()) => assert!(good, "a success that is none"),
        Err(error) => {
            assert!(!error.advice().is_empty() && !error.to_string().is_empty());
            // A token that can't be had means that the write was not even sent.
            let sent = !error.operation().contains("token");
            if sent && status.is_success() {
                assert!(error.may_have_happened(), "a write that may be there: {error}");
            }
        }
    };
    let incidents = client.dynamic_table("incident");
    let fields = Fields::new().with("short_description", "x");
    match call % 20 {
        0 => read(incidents.get(&key).await.map(drop)),
        1 => {
            let mut records = client.table::<Incident>().list(&Query::new().limit(8)).expect("a query");
            for _ in 0..9 {
                // A record that can't be read is an error of its own; the next one can be good.
                if let Ok(None) = records.try_next().await {
                    break;
                }
            }
        }
        2 => write(incidents.create(&fields).await.map(drop)),
        3 => write(incidents.create_with_sys_id(&key, &fields).await.map(drop)),
        4 => write(incidents.update(&key, &fields).await.map(drop)),
        5 => {
            let _ = incidents.delete(&key).await;
        }
        6 => {
            let asked = Aggregate::count().average("priority").group_by("state");
            read(incidents.aggregate(&Query::new(), &asked).await.map(drop));
        }
        7 => {
            let mut batch = Batch::new();
            batch.create("incident", &fields);
            batch.ensure("incident", &key, &fields);
            let outcomes = client.batches().run(batch).await;
            assert_eq!(outcomes.len(), 2);
            assert!(good || outcomes.iter().all(Result::is_err), "a success that is none");
        }
        8 => {
            let mut payload = Payload::new("x");
            payload.item(Item::new("cmdb_ci", fields));
            let outcome = client.cmdb().reconcile(&payload).await;
            assert!(good || outcome.is_err(), "a success that is none");
            if let Ok(outcome) = outcome {
                let _ = outcome.is_complete();
            }
        }
        9 => {
            let _ = client.changes().get(&key).await;
        }
        10 => {
            if let Ok(next) = client.changes().next_states(&key).await {
                assert!(good, "a success that is none");
                for state in &next.available {
                    assert!(next.missing(state).count() < usize::MAX);
                }
            }
        }
        11 => {
            let _ = client.cmdb().instance("cmdb_ci", &key).await;
        }
        12 => write(client.import_set("u_x").insert(&fields).await.map(drop)),
        13 => {
            let mut cursor = Cursor::from(now).expect("a date");
            let before = cursor.clone();
            let polled = Poller::new("incident").poll(client, &mut cursor).await;
            assert!(polled.is_ok() || cursor == before, "an error that moved the cursor");
        }
        14 => {
            let _ = client.attachments().list("incident", &key).await;
        }
        15 => {
            let row = serde_json::json!({"sys_id": KEY, "size_bytes": "1", "table_name": "incident"});
            let row = Row::try_from(row).expect("a row");
            let attachment = Attachment::from_row(row).expect("an attachment");
            if let Ok(content) = client.attachments().download(&attachment).await {
                assert!(content.len() == 1 && status.is_success());
            }
            if let Ok(mut download) = client.attachments().open(&attachment).await {
                assert!(status.is_success(), "a success that is none");
                while let Ok(Some(_)) = download.chunk().await {}
                assert!(download.chunk().await.is_err() || download.received() == 1);
            }
        }
        16 => {
            let _ = client.table::<ChangeRequest>().ensure(&key, &fields).await;
        }
        17 => {
            let _ = incidents.journal(&key, "work_notes").await;
        }
        18 => {
            let content = Bytes::from_static(b"x");
            write(client.attachments().upload("incident", &key, "x", "text/plain", content).await.map(drop));
        }
        _ => {
            let _ = client.changes().approve(&key, "x").await;
        }
    }
}
