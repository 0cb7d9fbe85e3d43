//! Files on records.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, id, instance, refusal, result};

async fn upload(it: &Instance, user: &str, row: &Value, name: &str, bytes: Vec<u8>) -> reqwest::Response {
    it.request(user, Method::POST, "/api/now/attachment/file")
        .query(&[("table_name", "change_request"), ("table_sys_id", id(row)), ("file_name", name)])
        .header("content-type", "application/json")
        .body(bytes)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn bytes_come_back_as_they_were_sent() {
    let it = instance().await;
    let change = it.create("change_request", json!({})).await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let answer = upload(&it, "ada", &change, "document é.json", bytes.clone()).await;
    assert_eq!(answer.status(), 201);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let made = result(answer).await;
    assert_eq!(made["size_bytes"], "100000");
    assert_eq!(made["file_name"], "document é.json");
    assert_eq!(made["content_type"], "application/json");
    assert_eq!(made["table_sys_id"], id(&change));
    assert_eq!(made["created_by_name"], "ada");
    // What `sha256sum` says of the same bytes.
    assert_eq!(made["hash"], "db8f1d69251d95e2c88268d3c540533cc5182e0e33065a6f3f322f606a574489");
    assert_eq!(location, it.url(&format!("/api/now/attachment/{}", id(&made))));

    let file = it.client.get(made["download_link"].as_str().unwrap()).basic_auth("ada", Some("pw"));
    let file = file.send().await.unwrap();
    assert_eq!(file.headers()["content-type"], "application/json");
    assert!(file.headers().contains_key("x-attachment-metadata"));
    // A page that somebody attached is not one of the server's own.
    assert_eq!(file.headers()["content-disposition"], "attachment");
    assert_eq!(file.headers()["x-content-type-options"], "nosniff");
    assert!(file.headers()["content-security-policy"].to_str().unwrap().starts_with("sandbox"));
    assert_eq!(file.bytes().await.unwrap(), bytes);

    // The same name twice is two attachments.
    upload(&it, "ada", &change, "document é.json", Vec::new()).await;
    let query =
        format!("/api/now/attachment?sysparm_query=table_sys_id={}^table_name=change_request", id(&change));
    assert_eq!(it.get(&query).await.as_array().unwrap().len(), 2);
    let one = format!("/api/now/attachment/{}", id(&made));
    assert_eq!(it.get(&one).await["hash"], made["hash"]);
    let gone = it.request("ada", Method::DELETE, &one).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert!(it.simulator.store().attachment(id(&made)).unwrap().is_none());
    let missing = it.request("ada", Method::GET, &format!("{one}/file")).send().await.unwrap();
    assert_eq!(refusal(missing).await.0, 404);

    it.request("admin", Method::DELETE, &crate::support::path_of("change_request", &change))
        .send()
        .await
        .unwrap();
    assert_eq!(it.get("/api/now/attachment").await, json!([]));
}

#[tokio::test]
async fn what_cannot_be_attached_is_refused() {
    let it = instance().await;
    let change = it.create("change_request", json!({})).await;
    assert_eq!(refusal(upload(&it, "ada", &change, "", vec![1]).await).await.0, 400);
    assert_eq!(refusal(upload(&it, "nobody", &change, "x", vec![1]).await).await.0, 404);
    let nothing = json!({ "sys_id": "0" });
    assert_eq!(refusal(upload(&it, "ada", &nothing, "x", vec![1]).await).await.0, 404);
    let body = json!({ "file_name": "x" });
    assert_eq!(it.refused("ada", Method::POST, "/api/now/table/sys_attachment", body).await.0, 403);
}

#[tokio::test]
async fn a_form_of_several_parts_is_an_upload() {
    let it = instance().await;
    let change = it.create("change_request", json!({})).await;
    let send = |user: &'static str, form: String| {
        it.request(user, Method::POST, "/api/now/attachment/upload")
            .header("content-type", "multipart/form-data; boundary=cut")
            .body(form)
            .send()
    };
    let field = |name: &str, value: &str| {
        format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let about = field("table_name", "change_request") + &field("table_sys_id", id(&change));
    let file = "--cut\r\nContent-Disposition: form-data; name=\"uploadFile\"; filename=\"a b.txt\"\r\n\
                Content-Type: text/plain\r\n\r\ntwo\r\nlines\r\n--cut--\r\n";
    let answer = send("ada", about.clone() + file).await.unwrap();
    assert_eq!(answer.status(), 201);
    assert!(answer.headers().contains_key("location"));
    let made = result(answer).await;
    assert_eq!((&made["file_name"], &made["content_type"]), (&json!("a b.txt"), &json!("text/plain")));
    assert_eq!(it.simulator.store().attachment(id(&made)).unwrap().unwrap(), b"two\r\nlines");
    // What says where it belongs comes before the file, and the right to write there is asked.
    assert_eq!(refusal(send("ada", file.to_owned()).await.unwrap()).await.0, 400);
    assert_eq!(refusal(send("ada", about.clone() + "--cut--\r\n").await.unwrap()).await.0, 400);
    assert_eq!(refusal(send("ada", "no form".to_owned()).await.unwrap()).await.0, 400);
    assert_eq!(refusal(send("nobody", about + file).await.unwrap()).await.0, 404);
}

#[tokio::test]
async fn an_attachment_is_renamed_and_has_attributes() {
    let it = instance().await;
    let change = it.create("change_request", json!({})).await;
    let made = result(upload(&it, "ada", &change, "old.txt", vec![1]).await).await;
    let path = format!("/api/now/attachment/{}", id(&made));
    let renamed = it.send("ada", Method::PATCH, &path, json!({ "file_name": "new.txt" })).await;
    assert_eq!(renamed.status(), 204);
    assert_eq!(it.get(&path).await["file_name"], "new.txt");
    assert_eq!(it.refused("ada", Method::PATCH, &path, json!({})).await.0, 400);

    let attributes = format!("{path}/attributes");
    let pair = json!({ "key": "sha256", "value": "00ff" });
    let added = it.send("ada", Method::POST, &attributes, pair.clone()).await;
    assert_eq!(added.status(), 201);
    assert_eq!(result(added).await, pair);
    assert_eq!(it.refused("ada", Method::POST, &attributes, pair.clone()).await.0, 400);
    assert_eq!(it.refused("ada", Method::POST, &attributes, json!({ "value": "x" })).await.0, 400);
    assert_eq!(it.get(&attributes).await, json!([pair]));
    let one = format!("{attributes}/sha256");
    let changed = it.send("ada", Method::PUT, &one, json!({ "value": "ee" })).await;
    assert_eq!(result(changed).await["value"], "ee");
    assert_eq!(it.get(&one).await, json!({ "key": "sha256", "value": "ee" }));
    assert_eq!(it.request("ada", Method::DELETE, &one).send().await.unwrap().status(), 204);
    let gone = it.request("ada", Method::GET, &one).send().await.unwrap();
    assert_eq!(refusal(gone).await.0, 404);
    it.send("ada", Method::POST, &attributes, pair).await;
    assert_eq!(it.request("ada", Method::DELETE, &path).send().await.unwrap().status(), 204);
    assert!(it.simulator.store().records("sys_attachment_attribute").unwrap().is_empty());
}

#[tokio::test]
async fn with_a_change_go_its_tasks_and_what_is_on_them() {
    let it = instance().await;
    let change = it.create("change_request", json!({})).await;
    let task = json!({ "change_request": id(&change), "work_notes": "begun" });
    let task = it.create("change_task", task).await;
    let file = it
        .request("ada", Method::POST, "/api/now/attachment/file")
        .query(&[("table_name", "change_task"), ("table_sys_id", id(&task)), ("file_name", "log.txt")])
        .header("content-type", "text/plain")
        .body("log");
    let file = result(file.send().await.unwrap()).await;
    let left = async || {
        let of_task = ["sys_journal_field?element_id", "sys_attachment?table_sys_id", "change_task?sys_id"];
        let mut counts = Vec::new();
        for rows in of_task {
            let rows = it.request("admin", Method::GET, &format!("/api/now/table/{rows}={}", id(&task)));
            counts.push(result(rows.send().await.unwrap()).await.as_array().map(Vec::len));
        }
        let path = format!("/api/now/attachment/{}/file", id(&file));
        (counts, it.request("admin", Method::GET, &path).send().await.unwrap().status().as_u16())
    };
    assert_eq!(left().await, (vec![Some(1); 3], 200));
    let path = crate::support::path_of("change_request", &change);
    assert_eq!(it.request("admin", Method::DELETE, &path).send().await.unwrap().status(), 204);
    assert_eq!(left().await, (vec![Some(0); 3], 404));
}

#[tokio::test]
async fn when_a_file_was_made_is_taken_if_it_is_a_date() {
    let it = instance().await;
    let change = it.create("change_request", json!({})).await;
    let made = async |when: &str| {
        let query = [
            ("table_name", "change_request"),
            ("table_sys_id", id(&change)),
            ("file_name", "a.txt"),
            ("creation_time", when),
        ];
        let request = it.request("ada", Method::POST, "/api/now/attachment/file").query(&query);
        let answer = request.header("content-type", "text/plain").body("a").send().await.unwrap();
        assert_eq!(answer.status(), 201);
        result(answer).await["sys_created_on"].as_str().unwrap().to_owned()
    };
    assert_eq!(made("2020-01-02 03:04:05").await, "2020-01-02 03:04:05");
    for other in ["garbage", "2020-01-02T03:04:05Z"] {
        assert!(!made(other).await.starts_with("2020"), "{other}");
    }
}
