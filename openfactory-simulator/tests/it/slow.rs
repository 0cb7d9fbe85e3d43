//! Clients that keep the server waiting: each is given up after a while, and nobody else waits for it.

use std::time::Duration;

use openfactory_simulator::Simulator;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Instance, builder, id};

/// Longer than a good client needs for a byte, and short for a test.
const PATIENCE: Duration = Duration::from_millis(400);
const PACE: Duration = Duration::from_millis(50);

/// `ada`, with her password.
const ADA: &str = "authorization: Basic YWRhOnB3";

async fn impatient() -> Instance {
    let simulator = builder().plain_http().patience(PATIENCE).start().await.unwrap();
    Instance { client: reqwest::Client::builder().no_proxy().build().unwrap(), simulator }
}

async fn connected(simulator: &Simulator) -> TcpStream {
    let url = simulator.base_url();
    TcpStream::connect(url.split_once("://").unwrap().1).await.unwrap()
}

/// What is answered to somebody who sends these bytes one by one, and more of the last one until the server has enough.
async fn trickled(simulator: &Simulator, bytes: &[u8]) -> String {
    let mut stream = connected(simulator).await;
    let (head, last) = bytes.split_at(bytes.len() - 1);
    stream.write_all(head).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let trickle = async {
        while writing.write_all(last).await.is_ok() {
            tokio::time::sleep(PACE).await;
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = trickle => panic!("it never ends"),
        // A connection that is closed while bytes still come may be reset.
        read = reading.read_to_end(&mut answer) => drop(read),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_head_or_a_body_that_comes_byte_by_byte_is_not_waited_for() {
    let it = impatient().await;
    let head = format!("POST /api/now/table/incident HTTP/1.1\r\nhost: x\r\n{ADA}\r\n");
    let endless = trickled(&it.simulator, format!("{head}x-filler: x").as_bytes()).await;
    assert!(endless.is_empty() || endless.starts_with("HTTP/1.1 408"), "{endless}");
    for length in ["content-length: 1000000", "transfer-encoding: chunked"] {
        let body = if length.contains("chunked") { "fffff\r\n " } else { " " };
        let whole = format!("{head}content-type: application/json\r\n{length}\r\n\r\n{body}");
        let late = trickled(&it.simulator, whole.as_bytes()).await;
        assert!(late.starts_with("HTTP/1.1 408"), "{length}: {late}");
    }
    assert!(it.simulator.store().records("incident").unwrap().is_empty());
    it.create("incident", json!({})).await;
}

#[tokio::test]
async fn who_connects_and_says_nothing_is_closed() {
    let plain = impatient().await;
    let tls = builder().patience(PATIENCE).start().await.unwrap();
    for simulator in [&plain.simulator, &tls] {
        let mut silent = connected(simulator).await;
        let mut answer = Vec::new();
        // Whether it is told why or not.
        drop(silent.read_to_end(&mut answer).await);
        assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
    }
    // Between two requests, too.
    let mut once = connected(&plain.simulator).await;
    once.write_all(b"GET /page/login HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    drop(once.read_to_end(&mut answer).await);
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn who_does_not_read_the_answer_is_given_up() {
    // More than the buffers between the two hold.
    const LENGTH: usize = 24 * 1024 * 1024;
    let it = impatient().await;
    let change = it.create("change_request", json!({})).await;
    let upload = it
        .request("ada", Method::POST, "/api/now/attachment/file")
        .query(&[("table_name", "change_request"), ("table_sys_id", id(&change)), ("file_name", "x")])
        .header("content-type", "application/octet-stream")
        .body(vec![b'x'; LENGTH]);
    let upload = upload.send().await.unwrap();
    assert_eq!(upload.status(), 201);
    let file = crate::support::result(upload).await;

    let address = it.simulator.base_url().strip_prefix("http://").unwrap().parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let ask = format!("GET /api/now/attachment/{}/file HTTP/1.1\r\nhost: x\r\n{ADA}\r\n\r\n", id(&file));
    stream.write_all(ask.as_bytes()).await.unwrap();
    tokio::time::sleep(4 * PATIENCE).await;
    it.get("/api/now/table/change_request").await;
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    assert!(answer.starts_with(b"HTTP/1.1 200") && answer.len() < LENGTH, "{} bytes", answer.len());
}
