//! Attachments in chunks: what is sent and read, what breaks, and that memory holds little of it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::try_unfold;
use openfactory_simulator::ADMIN_USER;
use openfactory_sn::attachment::{Content, Source};
use openfactory_sn::models::attachment::Attachment;
use openfactory_sn::record::FromRow;
use openfactory_sn::testing::{Expected, FixedClock, Reply, ScriptedTransport};
use openfactory_sn::transport::{Body, TransportError, TransportErrorKind};
use openfactory_sn::{Auth, Client, CorrelationId, ErrorKind, Fields, RetryPolicy, Secret, SysId};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};

use crate::instance;
use crate::support::{ID, builder, client, clock, id, person};

const FILE: &str = "/api/now/attachment/a1/file";
const CHUNK: usize = 64 * 1024;
/// Enough to fill every buffer between two ends many times over.
const LARGE: u64 = 48 * 1024 * 1024;
/// What the buffers of the system and of the HTTP stack can hold, with room.
const BUFFERS: u64 = 24 * 1024 * 1024;

fn attachment(size: u64, hash: &str) -> Attachment {
    let row = json!({"sys_id": "a1", "size_bytes": size.to_string(), "hash": hash, "table_name": "incident"});
    Attachment::from_row(serde_json::from_value(row).unwrap()).unwrap()
}

/// What came, and how it ended.
async fn read(script: ScriptedTransport, attachment: &Attachment) -> (String, Result<(), ErrorKind>) {
    let sn = builder(&script).retry(RetryPolicy::never()).build().unwrap();
    let mut download = match sn.attachments().open(attachment).await {
        Ok(download) => download,
        Err(error) => return (String::new(), Err(error.kind())),
    };
    let mut text = String::new();
    let end = loop {
        match download.chunk().await {
            Ok(Some(chunk)) => text.push_str(std::str::from_utf8(&chunk).unwrap()),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.kind()),
        }
    };
    assert_eq!(download.chunk().await.map_err(|error| error.kind()), end.map(|()| None), "the end stays");
    script.assert_done();
    (text, end)
}

#[tokio::test]
async fn a_download_ends_well_only_if_it_is_the_file() {
    let file = |reply| ScriptedTransport::new().on(Expected::get(FILE).header("accept", "*/*"), reply);
    let text = |body: &'static str| Reply::raw(200, "text/plain", body);
    let hash = hex::encode(Sha256::digest("root hash"));
    let good = attachment(9, &hash.to_uppercase());
    assert_eq!(read(file(text("root hash")), &good).await, ("root hash".to_owned(), Ok(())));
    assert_eq!(read(file(text("")), &attachment(0, "")).await, (String::new(), Ok(())));
    let cases = [
        (text("root hAsh"), "root hAsh", ErrorKind::Decode),
        (text("root has"), "root has", ErrorKind::Decode),
        (text("root hash and more"), "root hash", ErrorKind::Decode),
        (text("root hash").broken(TransportErrorKind::Interrupted), "root hash", ErrorKind::Unavailable),
        (text("ro").broken(TransportErrorKind::Timeout), "ro", ErrorKind::Timeout),
        (Reply::raw(200, "text/html", "<html>Log in</html>"), "", ErrorKind::Unavailable),
        (Reply::fault(404, "No Record found", "gone"), "", ErrorKind::NotFound),
        (Reply::raw(202, "text/plain", ""), "", ErrorKind::Unavailable),
    ];
    for (reply, came, kind) in cases {
        assert_eq!(read(file(reply), &good).await, (came.to_owned(), Err(kind)));
    }
}

#[tokio::test]
async fn a_refusal_in_place_of_a_file_is_read() {
    let script = ScriptedTransport::new()
        .on(Expected::get(FILE), Reply::fault(403, "Insufficient rights", "attachment is quarantined"))
        .on(Expected::get(FILE), Reply::raw(503, "text/html", "").header("retry-after", "1"))
        .on(Expected::get(FILE), Reply::raw(200, "text/plain", "x"));
    let attachments = client(&script).attachments();
    let error = attachments.open(&attachment(1, "")).await.unwrap_err();
    assert_eq!(error.fault().unwrap().detail.as_deref(), Some("attachment is quarantined"));
    let mut second = attachments.open(&attachment(1, "")).await.unwrap();
    assert_eq!(second.chunk().await.unwrap().as_deref(), Some(&b"x"[..]), "after the 503, tried again");
    script.assert_done();
}

#[tokio::test]
async fn a_download_that_stalls_is_given_up() {
    let script = ScriptedTransport::new()
        .on(Expected::get(FILE), Reply::raw(200, "text/plain", "x"))
        .on(Expected::get(FILE), Reply::raw(200, "text/plain", "x"));
    let attachments = builder(&script).concurrent_calls(1).build().unwrap().attachments();
    let held = attachments.open(&attachment(1, "")).await.unwrap();
    let error = attachments.open(&attachment(1, "")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "an open download is a call");
    drop(held);
    assert!(attachments.open(&attachment(1, "")).await.is_ok());
}

/// Chunks that are worked out when they are asked for: what was asked for is counted.
#[derive(Clone)]
struct Made {
    size: u64,
    asked: Arc<AtomicU64>,
    /// Moves this clock on by as much with each chunk after the first two.
    slow: Option<(FixedClock, Duration)>,
    /// After how many bytes it cannot be read, or does not go on, the second time.
    fails: Option<u64>,
    stalls: Option<u64>,
    opened: Arc<AtomicU64>,
}

impl Made {
    fn new(size: u64) -> Self {
        let (asked, opened) = (Arc::default(), Arc::default());
        Self { size, asked, slow: None, fails: None, stalls: None, opened }
    }

    fn chunk(at: u64, size: u64) -> Bytes {
        let length = usize::try_from((size - at).min(CHUNK as u64)).unwrap();
        Bytes::from(vec![u8::try_from(at / CHUNK as u64 % 251).unwrap(); length])
    }

    fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        let mut at = 0;
        while at < self.size {
            let chunk = Self::chunk(at, self.size);
            at += chunk.len() as u64;
            hasher.update(&chunk);
        }
        hex::encode(hasher.finalize())
    }
}

#[async_trait]
impl Source for Made {
    async fn open(&self) -> io::Result<Body> {
        let made = self.clone();
        let is_sent = self.opened.fetch_add(1, Ordering::SeqCst) > 0;
        self.asked.store(0, Ordering::SeqCst);
        let chunks = try_unfold(0, move |at| {
            let made = made.clone();
            async move {
                if is_sent && made.fails.is_some_and(|after| at >= after) {
                    let error = io::Error::other("disk gone");
                    return Err(TransportError::new(TransportErrorKind::Local).caused_by(error));
                }
                if is_sent && made.stalls.is_some_and(|after| at >= after) {
                    std::future::pending::<()>().await;
                }
                if let (true, Some((clock, time))) = (is_sent && at >= 2 * CHUNK as u64, &made.slow) {
                    clock.advance(*time);
                    tokio::task::yield_now().await;
                }
                if at == made.size {
                    return Ok(None);
                }
                let chunk = Self::chunk(at, made.size);
                let next = at + chunk.len() as u64;
                made.asked.store(next, Ordering::SeqCst);
                Ok(Some((chunk, next)))
            }
        });
        Ok(Body::new(None, chunks))
    }
}

async fn upload(script: &ScriptedTransport, made: &Made, clock: FixedClock) -> openfactory_sn::Error {
    let attachments = builder(script).clock(clock).build().unwrap().attachments();
    let content = Content::from_source(made.clone());
    attachments.upload("incident", &id(), "x.bin", "application/octet-stream", content).await.unwrap_err()
}

#[tokio::test]
async fn content_that_cannot_be_read_is_an_error_of_this_side() {
    let script = ScriptedTransport::new();
    let error = client(&script)
        .attachments()
        .upload("incident", &id(), "x", "text/plain", Content::file("/nowhere/x"))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Local, false));

    let mut made = Made::new(3 * CHUNK as u64);
    made.fails = Some(2 * CHUNK as u64);
    let error = upload(&script, &made, clock()).await;
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Local, true), "a part was sent");
    made = Made::new(CHUNK as u64);
    made.fails = Some(0);
    let error = upload(&script, &made, clock()).await;
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Local, false), "nothing was sent");
    assert!(script.requests().is_empty(), "no request came to its end");
}

#[tokio::test]
async fn the_time_of_a_call_counts_from_chunk_to_chunk() {
    let (time, script) = (clock(), ScriptedTransport::new());
    let mut made = Made::new(8 * CHUNK as u64);
    made.stalls = Some(4 * CHUNK as u64);
    let error = upload(&script, &made, time.clone()).await;
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Timeout, true));

    let mut made = Made::new(8 * CHUNK as u64);
    made.slow = Some((time.clone(), Duration::from_secs(20)));
    let row = json!({"sys_id": "a1", "size_bytes": made.size.to_string(), "hash": made.hash()});
    let script =
        ScriptedTransport::new().on(Expected::post("/api/now/attachment/file"), Reply::result(201, row));
    let attachments = builder(&script).clock(time).build().unwrap().attachments();
    let content = Content::from_source(made);
    attachments.upload("incident", &id(), "x.bin", "application/octet-stream", content).await.unwrap();
    script.assert_done();
}

#[tokio::test]
async fn what_was_sent_slowly_is_still_looked_for() {
    let time = clock();
    let mut made = Made::new(8 * CHUNK as u64);
    made.slow = Some((time.clone(), Duration::from_secs(20)));
    let row = json!({"sys_id": "a1", "file_name": "x.bin", "size_bytes": made.size.to_string(), "hash": made.hash(),
        "table_name": "incident", "table_sys_id": ID});
    let script = ScriptedTransport::new()
        .on(Expected::get("/api/now/attachment"), Reply::result(200, json!([])))
        .on(Expected::post("/api/now/attachment/file"), Reply::failure(TransportErrorKind::Interrupted))
        .on(Expected::get("/api/now/attachment"), Reply::result(200, json!([row])));
    let attachments = builder(&script).clock(time).build().unwrap().attachments();
    let content = Content::from_source(made);
    let ensured =
        attachments.ensure("incident", &id(), "x.bin", "application/octet-stream", content).await.unwrap();
    assert!(!ensured.created);
    script.assert_done();
}

#[tokio::test]
async fn one_deadline_holds_for_looks_and_upload_together() {
    let time = clock();
    let script = ScriptedTransport::new()
        .on(
            Expected::get("/api/now/attachment"),
            Reply::fault(429, "Rate limit exceeded", "").header("retry-after", "20"),
        )
        .on(Expected::get("/api/now/attachment"), Reply::result(200, json!([])))
        .on(Expected::post("/api/now/attachment/file"), Reply::raw(503, "text/html", ""))
        .on(Expected::get("/api/now/attachment"), Reply::silence());
    let attachments = builder(&script).clock(time.clone()).build().unwrap().attachments();
    let outcome = attachments.ensure("incident", &id(), "x", "text/plain", Bytes::new()).await;
    assert!(outcome.unwrap_err().may_have_happened());
    assert_eq!(time.slept().iter().sum::<Duration>(), Duration::from_secs(30));
    script.assert_done();
}

/// Waits until a counter moves no more.
async fn settled(counter: &AtomicU64) -> u64 {
    let mut last = counter.load(Ordering::SeqCst);
    let mut same = 0;
    while same < 10 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = counter.load(Ordering::SeqCst);
        same = if now == last && now > 0 { same + 1 } else { 0 };
        last = now;
    }
    last
}

/// Takes one request, and gives its head.
async fn accept(listener: &TcpListener) -> (BufStream<TcpStream>, String) {
    let mut stream = BufStream::new(listener.accept().await.unwrap().0);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).await.unwrap(), 0);
    }
    (stream, head.to_ascii_lowercase())
}

async fn listening() -> (TcpListener, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let auth = Auth::basic("svc", Secret::new("pass-3f9a"));
    (listener, Client::builder(address).auth(auth).allow_plain_http().build().unwrap())
}

#[tokio::test]
async fn an_upload_goes_no_faster_than_it_is_taken() {
    let (listener, client) = listening().await;
    let made = Made::new(LARGE);
    let (asked, opened, hash) = (Arc::clone(&made.asked), Arc::clone(&made.opened), made.hash());
    let server = tokio::spawn(async move {
        let (mut stream, head) = accept(&listener).await;
        assert!(head.contains(&format!("content-length: {LARGE}\r\n")), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
        assert_eq!(opened.load(Ordering::SeqCst), 2);
        let held = settled(&asked).await;
        assert!(held < BUFFERS, "{held} bytes were read while nobody took them");
        let (mut left, mut hasher, mut buffer) = (LARGE, Sha256::new(), vec![0; CHUNK]);
        while left > 0 {
            let read = stream.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0);
            hasher.update(&buffer[..read]);
            left -= read as u64;
        }
        let hash = hex::encode(hasher.finalize());
        let row =
            json!({"result": {"sys_id": "a1", "size_bytes": LARGE.to_string(), "hash": hash}}).to_string();
        let head = format!(
            "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            row.len()
        );
        stream.write_all(format!("{head}{row}").as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
    });
    let content = Content::from_source(made);
    let attached = client
        .attachments()
        .upload("incident", &id(), "image.squashfs", "application/octet-stream", content)
        .await;
    assert_eq!(attached.unwrap().hash, hash);
    server.await.unwrap();
}

#[tokio::test]
async fn a_download_goes_no_faster_than_it_is_read() {
    let (listener, client) = listening().await;
    let written = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&written);
    let server = tokio::spawn(async move {
        let (mut stream, _) = accept(&listener).await;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {LARGE}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut at = 0;
        while at < LARGE {
            let chunk = Made::chunk(at, LARGE);
            stream.write_all(&chunk).await.unwrap();
            at += chunk.len() as u64;
            counter.store(at, Ordering::SeqCst);
        }
        stream.flush().await.unwrap();
    });
    let attachment = attachment(LARGE, &Made::new(LARGE).hash());
    let mut download = client.attachments().open(&attachment).await.unwrap();
    assert!(download.chunk().await.unwrap().is_some());
    let held = settled(&written).await;
    assert!(held < BUFFERS, "{held} bytes came while nobody read them");
    while download.chunk().await.unwrap().is_some() {}
    assert_eq!(download.received(), LARGE);
    server.await.unwrap();
}

#[tokio::test]
async fn there_and_back_through_an_instance() {
    let simulator = instance::builder().start().await.unwrap();
    let client = person(&simulator, ADMIN_USER);
    let key = SysId::derived("incident", &CorrelationId::new("stream").unwrap());
    client.dynamic_table("incident").ensure(&key, &Fields::new()).await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| u8::try_from(n % 249).unwrap()).collect();
    std::fs::write(file.path(), &bytes).unwrap();
    let attachments = client.attachments();
    let ensure = async || {
        let content = Content::file(file.path());
        attachments.ensure("incident", &key, "image.bin", "application/octet-stream", content).await.unwrap()
    };
    let (first, second) = (ensure().await, ensure().await);
    assert!(first.created && !second.created);
    assert_eq!(first.attachment.sys_id(), second.attachment.sys_id());
    let mut download = attachments.open(&first.attachment).await.unwrap();
    let mut read = Vec::new();
    while let Some(chunk) = download.chunk().await.unwrap() {
        read.extend_from_slice(&chunk);
    }
    assert_eq!(read, bytes);
    assert_eq!(attachments.list("incident", &key).await.unwrap().len(), 1);
    assert_ne!(key.as_str(), ID);
    simulator.shutdown().await;
}
