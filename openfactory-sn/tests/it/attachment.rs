use bytes::Bytes;
use openfactory_sn::ErrorKind;
use openfactory_sn::models::attachment::Attachment;
use openfactory_sn::record::FromRow;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use serde_json::{Value, json};

use crate::support::{ID, client, id};

const PATH: &str = "/api/now/attachment";
const CONTENT: &[u8] = b"{\"root_hash\":\"4f2a\"}";
/// `printf '{"root_hash":"4f2a"}' | sha256sum`
const SHA256: &str = "338c5df77824a7b81d1732b132ae992cf9b0f5cf793116732e0e3cf998f26608";

fn attached(sys_id: &str, size: usize, hash: &str) -> Value {
    json!({
        "sys_id": sys_id, "file_name": "recipe.json", "content_type": "application/json",
        "size_bytes": size.to_string(), "hash": hash, "table_name": "incident", "table_sys_id": ID,
    })
}

fn look() -> Expected {
    let query = format!("table_name=incident^table_sys_id={ID}^file_name=recipe.json^ORDERBYsys_id");
    Expected::get(PATH).query("sysparm_query", query)
}

fn upload() -> Expected {
    Expected::post(format!("{PATH}/file"))
        .query("table_name", "incident")
        .query("table_sys_id", ID)
        .query("file_name", "recipe.json")
        .header("content-type", "application/json")
        .body(CONTENT)
}

fn none() -> Reply {
    Reply::result(200, json!([]))
}

async fn ensure(script: &ScriptedTransport) -> Result<(String, bool), ErrorKind> {
    let content = Bytes::from_static(CONTENT);
    let outcome = client(script)
        .attachments()
        .ensure("incident", &id(), "recipe.json", "application/json", content)
        .await;
    script.assert_done();
    outcome
        .map(|ensured| (ensured.attachment.sys_id().to_string(), ensured.created))
        .map_err(|error| error.kind())
}

#[tokio::test]
async fn attached_if_not_there() {
    let script = ScriptedTransport::new()
        .on(look(), none())
        .on(upload(), Reply::result(201, attached("a1", CONTENT.len(), SHA256)));
    assert_eq!(ensure(&script).await, Ok(("a1".to_owned(), true)));
}

#[tokio::test]
async fn found_by_size_and_hash() {
    let other = attached("a1", CONTENT.len(), &SHA256.replace('a', "b"));
    let shorter = attached("a2", 3, "");
    let same = attached("a3", CONTENT.len(), &SHA256.to_uppercase());
    let script = ScriptedTransport::new().on(look(), Reply::result(200, json!([other, shorter, same])));
    assert_eq!(ensure(&script).await, Ok(("a3".to_owned(), false)));
    let unhashed = attached("a4", CONTENT.len(), "");
    let script = ScriptedTransport::new().on(look(), Reply::result(200, json!([unhashed])));
    assert_eq!(ensure(&script).await, Ok(("a4".to_owned(), false)));
}

#[tokio::test]
async fn of_two_at_the_same_time_the_next_call_tells() {
    let with_time = |sys_id: &str, created: &str| {
        let mut file = attached(sys_id, CONTENT.len(), "");
        file["sys_created_on"] = created.into();
        file
    };
    let two = json!([with_time("a1", "2026-01-02 00:00:00"), with_time("a2", "2026-01-01 00:00:00")]);
    let script = ScriptedTransport::new()
        .on(look(), Reply::result(200, two))
        .on(Expected::delete(format!("{PATH}/a1")), Reply::empty(204))
        .on(Expected::delete(format!("{PATH}/a1")), Reply::fault(404, "No Record found", ""));
    let attachments = client(&script).attachments();
    let content = Bytes::from_static(CONTENT);
    let ensured =
        attachments.ensure("incident", &id(), "recipe.json", "application/json", content).await.unwrap();
    assert_eq!((ensured.attachment.sys_id().as_str(), ensured.created), ("a2", false));
    let [other] = ensured.others.as_slice() else { panic!("{:?}", ensured.others) };
    attachments.delete(other).await.unwrap();
    assert_eq!(attachments.delete(other).await.unwrap_err().kind(), ErrorKind::NotFound);
    script.assert_done();
}

#[tokio::test]
async fn a_lost_upload_is_looked_for() {
    let script = ScriptedTransport::new()
        .on(look(), none())
        .on(upload(), Reply::failure(TransportErrorKind::Interrupted))
        .on(look(), Reply::result(200, json!([attached("a1", CONTENT.len(), SHA256)])));
    assert_eq!(ensure(&script).await, Ok(("a1".to_owned(), false)));
    let script = ScriptedTransport::new()
        .on(look(), none())
        .on(upload(), Reply::raw(503, "text/html", ""))
        .on(look(), none())
        .on(upload(), Reply::result(201, attached("a1", CONTENT.len(), SHA256)));
    assert_eq!(ensure(&script).await, Ok(("a1".to_owned(), true)));
}

#[tokio::test]
async fn what_arrived_otherwise_is_not_taken_for_ours() {
    let script = ScriptedTransport::new()
        .on(look(), none())
        .on(upload(), Reply::result(201, attached("a1", 3, "")))
        .on(look(), Reply::result(200, json!([attached("a1", 3, "")])));
    assert_eq!(ensure(&script).await, Err(ErrorKind::Decode));
}

#[tokio::test]
async fn a_refused_upload_is_not_repeated() {
    let script = ScriptedTransport::new().on(look(), none()).on(upload(), Reply::fault(413, "Too large", ""));
    assert_eq!(ensure(&script).await, Err(ErrorKind::Invalid));
    let script = ScriptedTransport::new().on(look(), Reply::fault(403, "Insufficient rights", ""));
    assert_eq!(ensure(&script).await, Err(ErrorKind::Forbidden));
}

#[tokio::test]
async fn a_download_is_whole_or_an_error() {
    let file = || Expected::get(format!("{PATH}/a1/file")).header("accept", "*/*");
    let script = ScriptedTransport::new()
        .on(file(), Reply::raw(200, "application/json", CONTENT))
        .on(file(), Reply::raw(200, "application/json", &CONTENT[..5]))
        .on(file(), Reply::raw(200, "text/html", "<html>Log in</html>"));
    let row = serde_json::from_value(attached("a1", CONTENT.len(), SHA256)).unwrap();
    let attachment = Attachment::from_row(row).unwrap();
    let attachments = client(&script).attachments();
    assert_eq!(attachments.download(&attachment).await.unwrap(), CONTENT);
    assert_eq!(attachments.download(&attachment).await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(attachments.download(&attachment).await.unwrap_err().kind(), ErrorKind::Unavailable);
    script.assert_done();
}

#[tokio::test]
async fn names_that_mean_something_elsewhere_are_not_sent() {
    let script = ScriptedTransport::new();
    let attachments = client(&script).attachments();
    for (name, kind) in
        [("", "a/b"), ("a/b", "a/b"), ("a^b", "a/b"), ("a\nb", "a/b"), ("a", ""), ("a", "a\r\nb")]
    {
        let error = attachments.upload("incident", &id(), name, kind, Bytes::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Local, "{name} {kind}");
    }
    let error = attachments.list("Not a table", &id()).await;
    assert!(error.is_err());
}
