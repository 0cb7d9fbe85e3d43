//! A transport that follows a script.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};

use super::script::{Expected, Reply};
use crate::transport::{Body, Transport, TransportError, TransportErrorKind};

/// A request as it was made.
///
/// ```
/// use openfactory_sn::Query;
/// use openfactory_sn::models::incident::{STATE, State};
/// use openfactory_sn::testing::{Expected, Recorded, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let instance =
///     ScriptedTransport::new().on(Expected::get("/api/now/table/incident"), Reply::result(200, json!([])));
/// client(&instance).dynamic_table("incident").find(&Query::new().and(STATE.is(State::New))).await?;
/// let requests: Vec<Recorded> = instance.requests();
/// assert_eq!(requests[0].parameter("sysparm_query"), Some("state=1^ORDERBYsys_id"));
/// assert!(requests[0].headers.contains_key("authorization"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Recorded {
    /// Its method.
    pub method: Method,
    /// Its path.
    pub path: String,
    /// Its query parameters, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl fmt::Debug for Recorded {
    /// Without the body, which can hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

impl Recorded {
    /// The first value of a query parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// A transport that expects requests in an order and gives the replies written for them.
///
/// A request that was not expected gets an error, and [`ScriptedTransport::assert_done`] fails. Clones share the script.
///
/// ```
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
///
/// let script = ScriptedTransport::new()
///     .on(Expected::get("/api/now/table/incident/abc"), Reply::fault(404, "No Record found", "…"));
/// // hand a clone to `Client::builder(..).transport(..)`, run what is tested, then:
/// # use openfactory_sn::{Auth, Client, Secret};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let sn = Client::builder("https://x.example").auth(Auth::basic("u", Secret::new("p")))
/// #     .transport(script.clone()).build().unwrap();
/// # let id = openfactory_sn::SysId::new("abc").unwrap();
/// # assert!(sn.dynamic_table("incident").get_opt(&id).await.unwrap().is_none());
/// # });
/// script.assert_done();
/// ```
#[derive(Debug, Clone, Default)]
pub struct ScriptedTransport(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    steps: VecDeque<(Expected, Reply)>,
    made: Vec<Recorded>,
    surprises: Vec<String>,
}

impl ScriptedTransport {
    /// An empty script: no request is expected.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more step at its end.
    #[must_use]
    pub fn on(self, expected: Expected, reply: Reply) -> Self {
        self.script(|script| script.steps.push_back((expected, reply)));
        self
    }

    /// The requests made so far.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{Fields, SysId};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let path = "/api/now/table/incident/a1";
    /// let instance = ScriptedTransport::new().on(Expected::patch(path), Reply::result(200, json!({"sys_id": "a1"})));
    /// let fields = Fields::new().with("state", "2");
    /// client(&instance).dynamic_table("incident").update(&SysId::new("a1")?, &fields).await?;
    /// let [request] = &instance.requests()[..] else { panic!() };
    /// assert_eq!(request.body, r#"{"state":"2"}"#, "and nothing else was sent");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.script(|script| script.made.clone())
    }

    /// Checks that every step was taken and nothing else was asked.
    ///
    /// # Panics
    ///
    /// If not.
    pub fn assert_done(&self) {
        self.script(|script| {
            assert!(script.surprises.is_empty(), "requests off the script: {:#?}", script.surprises);
            assert!(script.steps.is_empty(), "steps not taken: {:#?}", script.steps);
        });
    }

    fn script<T>(&self, look: impl FnOnce(&mut Script) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ScriptedTransport {
    async fn play(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let (parts, body) = request.into_parts();
        let recorded = Recorded {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: decoded(parts.uri.query().unwrap_or_default()),
            headers: parts.headers,
            body,
        };
        let next = self.script(|script| {
            let difference = match script.steps.front() {
                Some((expected, _)) => expected.difference(&recorded),
                None => Some(format!("expected nothing, found {} {}", recorded.method, recorded.path)),
            };
            script.made.push(recorded);
            match difference {
                Some(difference) => {
                    script.surprises.push(difference.clone());
                    Err(TransportError::new(TransportErrorKind::Local).caused_by(difference))
                }
                None => Ok(script.steps.pop_front().map(|(_, reply)| reply)),
            }
        });
        match next? {
            Some(reply) => reply.0.play().await,
            None => Err(TransportError::new(TransportErrorKind::Local)),
        }
    }
}

#[async_trait]
impl Transport for ScriptedTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (head, body) = self.play(request).await?.into_parts();
        Ok(Response::from_parts(head, body.collect(usize::MAX).await?))
    }

    /// The request's body is read to its end and compared as a whole; the answer's comes in two chunks.
    async fn stream(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        let (head, body) = request.into_parts();
        let body = body.collect(usize::MAX).await?;
        self.play(Request::from_parts(head, body)).await
    }
}

/// `a=b&c=d`, percent-decoded.
fn decoded(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decoded(name), percent_decoded(value))
        })
        .collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn send(script: &ScriptedTransport, method: &str, url: &str) -> Result<u16, TransportErrorKind> {
        let request = Request::builder().method(method).uri(url).body(Bytes::new()).unwrap();
        script.send(request).await.map(|response| response.status().as_u16()).map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn what_is_off_the_script_is_an_error_and_remembered() {
        let script = ScriptedTransport::new().on(Expected::get("/a").query("q", "ä b&c"), Reply::empty(204));
        assert_eq!(
            send(&script, "POST", "https://x/a?q=%C3%A4%20b%26c").await,
            Err(TransportErrorKind::Local)
        );
        assert_eq!(send(&script, "GET", "https://x/a?q=other").await, Err(TransportErrorKind::Local));
        assert_eq!(send(&script, "GET", "https://x/a?q=%C3%A4%20b%26c").await, Ok(204));
        assert_eq!(send(&script, "GET", "https://x/a").await, Err(TransportErrorKind::Local));
        assert_eq!(script.requests().len(), 4);
        assert_eq!(script.script(|script| script.surprises.len()), 3);
    }

    #[test]
    #[should_panic(expected = "steps not taken")]
    fn a_script_that_was_not_played_to_its_end_fails() {
        ScriptedTransport::new().on(Expected::get("/a"), Reply::silence()).assert_done();
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        assert_eq!(
            decoded("a=%4&b&c=%zz%41"),
            [("a", "%4"), ("b", ""), ("c", "%zzA")].map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
    }
}
