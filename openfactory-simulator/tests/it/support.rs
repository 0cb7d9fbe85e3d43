//! A client that knows nothing of ServiceNow, and an instance to ask.

use openfactory_simulator::{Builder, Simulator, User};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

/// A running instance with a client that trusts it. Users: `ada` (itil), `nobody` (no role), `cab`, `root`.
pub(crate) struct Instance {
    pub(crate) simulator: Simulator,
    pub(crate) client: reqwest::Client,
}

pub(crate) fn builder() -> Builder {
    Simulator::builder()
        .user(User::new("ada", "pw").roles(["itil"]))
        .user(User::new("nobody", "pw"))
        .user(User::new("change.manager", "pw"))
        .user(User::new("openfactory.integration", "pw"))
        .user(User::new("admin", "pw"))
}

pub(crate) async fn instance() -> Instance {
    started(builder()).await
}

pub(crate) async fn started(builder: Builder) -> Instance {
    let simulator = builder.start().await.unwrap();
    let client = client_of(&simulator);
    Instance { simulator, client }
}

pub(crate) fn client_of(simulator: &Simulator) -> reqwest::Client {
    let ca = reqwest::Certificate::from_pem(simulator.ca_pem().unwrap().as_bytes()).unwrap();
    reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap()
}

/// The error envelope's status, message and detail.
pub(crate) type Refused = (u16, String, String);

impl Instance {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.base_url())
    }

    pub(crate) fn request(&self, user: &str, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path)).basic_auth(user, Some("pw"))
    }

    pub(crate) async fn send(&self, user: &str, method: Method, path: &str, body: Value) -> Response {
        self.request(user, method, path).json(&body).send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.request("ada", Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        result(answer).await
    }

    pub(crate) async fn create(&self, table: &str, body: Value) -> Value {
        let answer = self.send("ada", Method::POST, &format!("/api/now/table/{table}"), body).await;
        assert_eq!(answer.status(), 201);
        result(answer).await
    }

    pub(crate) async fn patch(&self, user: &str, table: &str, row: &Value, body: Value) -> Value {
        let answer = self.send(user, Method::PATCH, &path_of(table, row), body).await;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, 200, "{body}");
        body["result"].clone()
    }

    pub(crate) async fn refused(&self, user: &str, method: Method, path: &str, body: Value) -> Refused {
        refusal(self.send(user, method, path, body).await).await
    }

    pub(crate) async fn refused_patch(&self, user: &str, table: &str, row: &Value, body: Value) -> Refused {
        self.refused(user, Method::PATCH, &path_of(table, row), body).await
    }
}

pub(crate) fn path_of(table: &str, row: &Value) -> String {
    format!("/api/now/table/{table}/{}", id(row))
}

pub(crate) fn id(row: &Value) -> &str {
    row["sys_id"].as_str().unwrap()
}

pub(crate) async fn result(answer: Response) -> Value {
    let body: Value = answer.json().await.unwrap();
    body["result"].clone()
}

pub(crate) async fn refusal(answer: Response) -> Refused {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["status"], "failure", "{body}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (status, text(&body["error"]["message"]), text(&body["error"]["detail"]))
}

/// The values of one field over a list.
pub(crate) fn column(rows: &Value, field: &str) -> Vec<String> {
    rows.as_array().unwrap().iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
}
