//! What a script expects and replies.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::Value;

use super::transport::Recorded;
use crate::transport::{Body, TransportError, TransportErrorKind};

/// A request that a script expects. What it does not name may be anything.
///
/// ```
/// use http::Method;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::{Fields, Query, SysId};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = "/api/now/table/incident";
/// let one = format!("{path}/a1");
/// let record = json!({"sys_id": "a1", "state": "1"});
/// let instance = ScriptedTransport::new()
///     .on(Expected::post(path).field("state", "1").header("accept", "application/json"),
///         Reply::result(201, record.clone()))
///     .on(Expected::get(path).query("sysparm_query", "ORDERBYsys_id"), Reply::result(200, json!([record])))
///     .on(Expected::patch(&one).body(r#"{"state":"2"}"#), Reply::result(200, record))
///     .on(Expected::new(Method::DELETE, &one), Reply::empty(204)); // the same as Expected::delete(&one)
///
/// let (incidents, id) = (client(&instance).dynamic_table("incident"), SysId::new("a1")?);
/// incidents.create(&Fields::new().with("state", "1")).await?;
/// incidents.find(&Query::new()).await?;
/// incidents.update(&id, &Fields::new().with("state", "2")).await?;
/// incidents.delete(&id).await?;
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Expected {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    fields: Vec<(String, Value)>,
    body: Option<Bytes>,
}

impl Expected {
    /// A request by this method to this path.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: vec![], headers: vec![], fields: vec![], body: None }
    }

    /// A GET of this path.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A POST to this path.
    #[must_use]
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    /// A PATCH of this path.
    #[must_use]
    pub fn patch(path: impl Into<String>) -> Self {
        Self::new(Method::PATCH, path)
    }

    /// A DELETE of this path.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::delete("/api/now/table/cmdb_rel_ci/r1"), Reply::empty(204));
    /// client(&instance).dynamic_table("cmdb_rel_ci").delete(&SysId::new("r1")?).await?;
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// With this query parameter, decoded.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With this member in its JSON body.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// What a request has otherwise, in words.
    pub(super) fn difference(&self, found: &Recorded) -> Option<String> {
        if self.method != found.method || self.path != found.path {
            let Self { method, path, .. } = self;
            return Some(format!("expected {method} {path}, found {} {}", found.method, found.path));
        }
        for (name, value) in &self.query {
            let values: Vec<_> =
                found.query.iter().filter(|(other, _)| other == name).map(|(_, v)| v).collect();
            if values != [value] {
                return Some(format!("expected {name}={value:?}, found {values:?}"));
            }
        }
        for (name, value) in &self.headers {
            let values: Vec<_> = found.headers.get_all(name.as_str()).iter().collect();
            if values != [value.as_str()] {
                return Some(format!("expected {name}: {value}, found {values:?}"));
            }
        }
        let json = serde_json::from_slice::<Value>(&found.body).unwrap_or_default();
        for (name, value) in &self.fields {
            if json.get(name) != Some(value) {
                return Some(format!("expected member {name} {value}, found {:?}", json.get(name)));
            }
        }
        match &self.body {
            Some(body) if *body != found.body => Some("body differs".to_owned()),
            _ => None,
        }
    }
}

/// What a script replies.
///
/// ```
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::transport::TransportErrorKind;
/// use openfactory_sn::{Cause, SysId};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let page = "<html><title>Log in | ServiceNow</title></html>";
/// let replies = [
///     Reply::json(200, &json!({"result": {"sys_id": "a1"}})),
///     Reply::raw(200, "text/html", page),
///     Reply::fault(403, "Insufficient rights", "").header("x-is-logged-in", "true"),
///     Reply::result(200, json!({"sys_id": "a1"})).broken(TransportErrorKind::Interrupted),
/// ];
/// let get = || Expected::get("/api/now/table/incident/a1");
/// let mut causes = Vec::new();
/// for reply in replies {
///     // What is tried again is answered well then.
///     let instance = ScriptedTransport::new().on(get(), reply).on(get(), Reply::result(200, json!({"sys_id": "a1"})));
///     let outcome = client(&instance).dynamic_table("incident").get(&SysId::new("a1")?).await;
///     causes.push(outcome.map(|_| instance.requests().len()).map_err(|error| error.cause()));
/// }
/// assert_eq!(causes, [Ok(1), Err(Some(Cause::Page)), Err(Some(Cause::Acl)), Ok(2)]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Reply(pub(super) Kind);

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Answer {
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
        /// How the connection ends before the body does.
        broken: Option<TransportErrorKind>,
    },
    Failure(TransportErrorKind),
    Silence,
}

impl Reply {
    /// An answer with a body of this media type. A status that is none becomes 500.
    #[must_use]
    pub fn raw(status: u16, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self(Kind::Answer {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: vec![(CONTENT_TYPE, HeaderValue::from_static(media_type))],
            body: body.into(),
            broken: None,
        })
    }

    /// An answer with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::raw(status, "application/json;charset=UTF-8", body.to_string())
    }

    /// `{"result": …}`, as the Table API answers.
    #[must_use]
    pub fn result(status: u16, result: Value) -> Self {
        Self::json(status, &Value::Object([("result".to_owned(), result)].into_iter().collect()))
    }

    /// ServiceNow's own way to say no.
    #[must_use]
    pub fn fault(status: u16, message: &str, detail: &str) -> Self {
        Self::json(
            status,
            &serde_json::json!({"error": {"message": message, "detail": detail}, "status": "failure"}),
        )
    }

    /// A token of the OAuth endpoint that lives for this many seconds.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
    /// use openfactory_sn::{Auth, Client, Secret, SysId};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/oauth_token.do"), Reply::token("t1", 1799))
    ///     .on(Expected::get("/api/now/table/incident/a1").header("authorization", "Bearer t1"),
    ///         Reply::result(200, json!({"sys_id": "a1"})));
    /// let sn = Client::builder("https://plant.example.com")
    ///     .auth(Auth::client_credentials("0f1e", Secret::new("s")))
    ///     .transport(instance.clone())
    ///     .build()?;
    /// sn.dynamic_table("incident").get(&SysId::new("a1")?).await?;
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn token(token: &str, expires_in: u64) -> Self {
        Self::json(
            200,
            &serde_json::json!({"access_token": token, "token_type": "Bearer", "expires_in": expires_in}),
        )
    }

    /// An answer without a body.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::SysId;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::delete("/api/now/table/incident/a1"), Reply::empty(204));
    /// client(&instance).dynamic_table("incident").delete(&SysId::new("a1")?).await?;
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn empty(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self(Kind::Answer { status, headers: vec![], body: Bytes::new(), broken: None })
    }

    /// No answer, for this reason.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::transport::TransportErrorKind;
    /// use openfactory_sn::Fields;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Cut off after the request was sent: it is not known whether a record was made, so it is not sent again.
    /// let cut = Reply::failure(TransportErrorKind::Interrupted);
    /// let instance = ScriptedTransport::new().on(Expected::post("/api/now/table/incident"), cut);
    /// let error = client(&instance).dynamic_table("incident").create(&Fields::new()).await.unwrap_err();
    /// assert!(error.may_have_happened());
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn failure(kind: TransportErrorKind) -> Self {
        Self(Kind::Failure(kind))
    }

    /// No answer, ever: what the deadline is for.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{ErrorKind, Fields};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::post("/api/now/table/incident"), Reply::silence());
    /// let error = client(&instance).dynamic_table("incident").create(&Fields::new()).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Timeout, "without waiting: the test's clock moves on by itself");
    /// assert!(error.may_have_happened());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn silence() -> Self {
        Self(Kind::Silence)
    }

    /// Breaks off like this where its body should go on; no effect where there is no answer. An answer that is taken as a
    /// whole then fails.
    #[must_use]
    pub fn broken(mut self, kind: TransportErrorKind) -> Self {
        if let Kind::Answer { broken, .. } = &mut self.0 {
            *broken = Some(kind);
        }
        self
    }

    /// With one more header; no effect where there is no answer.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        if let Kind::Answer { headers, .. } = &mut self.0 {
            headers.push((HeaderName::from_static(name), HeaderValue::from_static(value)));
        }
        self
    }
}

impl Kind {
    /// The answer with its body in chunks: each half of it, then what it ends with.
    pub(super) async fn play(self) -> Result<Response<Body>, TransportError> {
        match self {
            Self::Answer { status, headers, body, broken } => {
                let length = broken.is_none().then_some(body.len() as u64);
                let (first, second) = (body.slice(..body.len() / 2), body.slice(body.len() / 2..));
                let chunks = [first, second].into_iter().filter(|half| !half.is_empty()).map(Ok);
                let end = broken.map(|kind| Err(TransportError::new(kind)));
                let body = Body::new(length, futures_util::stream::iter(chunks.chain(end)));
                let mut response = Response::new(body);
                *response.status_mut() = status;
                response.headers_mut().extend(headers.into_iter().map(|(name, value)| (Some(name), value)));
                Ok(response)
            }
            Self::Failure(kind) => Err(TransportError::new(kind)),
            Self::Silence => std::future::pending().await,
        }
    }
}
