//! Sizes, and clients that mean no good.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{builder, id, instance, refusal};

#[tokio::test]
async fn what_is_too_large_is_refused_by_kind() {
    let it = instance().await;
    let path = format!("/api/now/table/incident?sysparm_query=numberIN{}", "x,".repeat(4096));
    let long = it.request("ada", Method::GET, &path).send().await.unwrap();
    assert_eq!(long.status(), 414);
    assert!(long.headers()["content-type"].to_str().unwrap().starts_with("text/html"));

    let body = json!({ "description": "x".repeat(10 * 1024 * 1024) });
    let (status, message, detail) = it.refused("ada", Method::POST, "/api/now/table/incident", body).await;
    assert_eq!((status, message.as_str()), (400, "Exception while reading request"));
    assert!(detail.ends_with("Max allowed: 10485760 bytes."), "{detail}");

    let change = it.create("change_request", json!({})).await;
    // The length alone is refused; the bytes need not be sent.
    let address = it.simulator.base_url().strip_prefix("https://").unwrap().to_owned();
    assert!(address.starts_with("127.0.0.1:"));
    let large = it
        .request("ada", Method::POST, "/api/now/attachment/file")
        .query(&[("table_name", "change_request"), ("table_sys_id", id(&change)), ("file_name", "x")])
        .header("content-type", "text/plain")
        .body(vec![0; 128 * 1024 * 1024 + 1])
        .send()
        .await;
    // The client is either answered, or cut off while it is still sending.
    match large {
        Ok(answer) => assert_eq!(refusal(answer).await.0, 413),
        Err(error) => assert!(error.is_request(), "{error:?}"),
    }
    assert_eq!(it.get("/api/now/attachment").await, json!([]));
}

#[tokio::test]
async fn odd_paths_and_bodies_are_answered() {
    let it = instance().await;
    for path in [
        "/api/now/table/..%2f..%2fetc%2fpasswd",
        "/api/now/table/incident%00",
        "/api/now/table/incident/%27%20OR%201=1",
        "/api/now/attachment/..%2f..%2fx/file",
        "/api/now/table/%ff",
    ] {
        let status = it.request("ada", Method::GET, path).send().await.unwrap().status().as_u16();
        assert!([400, 404].contains(&status), "{path}: {status}");
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = it
        .request("ada", Method::POST, "/api/now/table/incident")
        .header("content-type", "application/json")
        .body(deep)
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(answer).await.0, 400);
    let nested = it.create("incident", json!({ "short_description": { "a": 1 }, "description": [1] })).await;
    assert_eq!((&nested["short_description"], &nested["description"]), (&json!(""), &json!("")));
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let simulator = builder().plain_http().start().await.unwrap();
    let address = simulator.base_url().strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-filler: ").await.unwrap();
    let filler = vec![b'x'; 256 * 1024];
    // The server may close while this is still being written.
    drop(stream.write_all(&filler).await);
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.unwrap();
    if read.is_ok() {
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}

#[tokio::test]
async fn an_administrator_says_how_large_a_body_may_be() {
    let it = instance().await;
    let set = async |name: &str, value: &str| {
        let property = json!({ "name": name, "value": value });
        let answer = it.send("admin", Method::POST, "/api/now/table/sys_properties", property).await;
        assert_eq!(answer.status(), 201);
        crate::support::result(answer).await
    };
    let megabytes = |count: usize| json!({ "work_notes": "x".repeat(count * 1024 * 1024) });
    let path = "/api/now/table/incident";
    let row = set("glide.rest.max_content_length", "12").await;
    assert_eq!(it.send("ada", Method::POST, path, megabytes(11)).await.status(), 201);
    let (status, _, detail) = it.refused("ada", Method::POST, path, megabytes(12)).await;
    assert!(status == 400 && detail.ends_with("Max allowed: 12582912 bytes."), "{detail}");
    // Between one megabyte and 25, whatever the property says.
    for (value, most) in [("0", 1024 * 1024), ("many", 10 * 1024 * 1024)] {
        it.patch("admin", "sys_properties", &row, json!({ "value": value })).await;
        let (_, _, detail) = it.refused("ada", Method::POST, path, megabytes(10)).await;
        assert!(detail.ends_with(&format!("Max allowed: {most} bytes.")), "{detail}");
    }
    // A body that does not say how long it is, is no longer for that.
    it.patch("admin", "sys_properties", &row, json!({ "value": "1" })).await;
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(
        (0..3).map(|_| Ok::<_, std::io::Error>(vec![b' '; 512 * 1024])),
    ));
    let call = it.request("ada", Method::POST, path).header("content-type", "application/json").body(body);
    assert_eq!(refusal(call.send().await.unwrap()).await.0, 400);

    set("com.glide.attachment.max_size", "1").await;
    let change = it.create("change_request", json!({})).await;
    let attach = async |bytes: usize| {
        let about = [("table_name", "change_request"), ("table_sys_id", id(&change)), ("file_name", "x")];
        let call = it.request("ada", Method::POST, "/api/now/attachment/file").query(&about);
        call.header("content-type", "text/plain").body(vec![0; bytes]).send().await
    };
    assert_eq!(attach(1024 * 1024).await.unwrap().status(), 201);
    match attach(1024 * 1024 + 1).await {
        Ok(answer) => assert_eq!(refusal(answer).await.0, 413),
        Err(error) => assert!(error.is_request(), "{error:?}"),
    }
}
