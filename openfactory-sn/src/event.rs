//! Event Management: what happened, for the instance's own rules to make alerts and incidents of.
//!
//! Events of one message key are one alert, however often they are sent: that is why sending can be repeated.

use std::time::SystemTime;

use http::Method;
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::value::format_date_time;
use crate::wire::call::{Call, Expects, Repeat};
use crate::wire::url::Target;

const PATH: &str = "/api/global/em/jsonv2";
/// Longest message key, in characters: the size of its column.
const KEY_MAX: usize = 1_024;

/// How bad it is.
///
/// ```
/// use openfactory_sn::event::Severity;
/// use openfactory_sn::models::incident::Priority;
///
/// let severity = |priority| match priority {
///     Priority::P1 => Severity::Critical,
///     Priority::P2 => Severity::Major,
///     Priority::P3 => Severity::Minor,
///     Priority::P4 => Severity::Warning,
/// };
/// assert!(severity(Priority::P1) < severity(Priority::P4), "in the order of their numbers");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the event table has these six")]
pub enum Severity {
    /// It is over: closes the alert.
    Clear,
    /// Immediate action is needed.
    Critical,
    /// Much is lost.
    Major,
    /// Some is lost.
    Minor,
    /// It may become bad.
    Warning,
    /// For information.
    Ok,
}

impl Severity {
    fn number(self) -> &'static str {
        match self {
            Self::Clear => "0",
            Self::Critical => "1",
            Self::Major => "2",
            Self::Minor => "3",
            Self::Warning => "4",
            Self::Ok => "5",
        }
    }
}

/// Something that happened.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::event::{Event, Severity};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_853_600);
/// let drift = Event::new("OpenFactory", "drift/edge-0001", Severity::Major, at)
///     .node("edge-0001")
///     .resource("/etc/ssh/sshd_config")
///     .kind("drift")
///     .metric("files_changed")
///     .description("1 file differs from its image")
///     .info("root_hash", "4f2a");
/// let over = Event::new("OpenFactory", "drift/edge-0001", Severity::Clear, at + Duration::from_secs(600));
/// let sent = json!([
///     {"source": "OpenFactory", "message_key": "drift/edge-0001", "severity": "2", "resolution_state": "New",
///      "time_of_event": "2026-01-31 10:00:00", "node": "edge-0001", "resource": "/etc/ssh/sshd_config", "type": "drift",
///      "metric_name": "files_changed", "description": "1 file differs from its image",
///      "additional_info": r#"{"root_hash":"4f2a"}"#},
///     {"source": "OpenFactory", "message_key": "drift/edge-0001", "severity": "0", "resolution_state": "Closing",
///      "time_of_event": "2026-01-31 10:10:00"},
/// ]);
/// let instance = ScriptedTransport::new().on(
///     Expected::post("/api/global/em/jsonv2").field("records", sent),
///     Reply::result(200, json!({"Default Bulk Endpoint": "2 events were inserted"})),
/// );
/// client(&instance).events().send(&[drift, over]).await?;
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    source: String,
    message_key: String,
    severity: Severity,
    time: SystemTime,
    fields: Map<String, Value>,
    info: Map<String, Value>,
}

impl Event {
    /// An event of this source. What has the same key is the same alert.
    #[must_use]
    pub fn new(
        source: impl Into<String>,
        message_key: impl Into<String>,
        severity: Severity,
        time: SystemTime,
    ) -> Self {
        Self {
            source: source.into(),
            message_key: message_key.into(),
            severity,
            time,
            fields: Map::new(),
            info: Map::new(),
        }
    }

    /// The node that it happened on: a name, an address or a key by which the instance finds the configuration item.
    #[must_use]
    pub fn node(self, node: impl Into<String>) -> Self {
        self.with("node", node.into())
    }

    /// What of the node it is about.
    #[must_use]
    pub fn resource(self, resource: impl Into<String>) -> Self {
        self.with("resource", resource.into())
    }

    /// Which kind of event it is.
    #[must_use]
    pub fn kind(self, kind: impl Into<String>) -> Self {
        self.with("type", kind.into())
    }

    /// What was measured.
    #[must_use]
    pub fn metric(self, name: impl Into<String>) -> Self {
        self.with("metric_name", name.into())
    }

    /// In words.
    #[must_use]
    pub fn description(self, text: impl Into<String>) -> Self {
        self.with("description", text.into())
    }

    /// A further fact, for alert rules.
    #[must_use]
    pub fn info(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.info.insert(name.into(), Value::String(value.into()));
        self
    }

    fn with(mut self, name: &str, value: String) -> Self {
        self.fields.insert(name.to_owned(), Value::String(value));
        self
    }

    fn to_json(&self) -> Result<Value, &'static str> {
        if self.message_key.is_empty() || self.message_key.chars().count() > KEY_MAX {
            return Err("message key is empty or over 1024 characters");
        }
        let mut event = self.fields.clone();
        let mut add = |name: &str, value: String| event.insert(name.to_owned(), Value::String(value));
        add("source", self.source.clone());
        add("message_key", self.message_key.clone());
        add("severity", self.severity.number().to_owned());
        add("time_of_event", format_date_time(self.time).ok_or("time is outside the years 0000 to 9999")?);
        let closing = self.severity == Severity::Clear;
        add("resolution_state", if closing { "Closing" } else { "New" }.to_owned());
        if !self.info.is_empty() {
            // The instance wants this member as text.
            add("additional_info", Value::Object(self.info.clone()).to_string());
        }
        Ok(Value::Object(event))
    }
}

/// Where events go.
///
/// ```
/// use std::time::SystemTime;
/// use openfactory_sn::ErrorKind;
/// use openfactory_sn::event::{Event, Events, Severity};
/// use openfactory_sn::testing::{ScriptedTransport, client};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let instance = ScriptedTransport::new();
/// let events: Events = client(&instance).events();
/// let keyless = Event::new("OpenFactory", "", Severity::Ok, SystemTime::now());
/// let error = events.send(&[keyless]).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Local);
/// assert!(instance.requests().is_empty(), "all of them are sent, or none");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Events {
    client: Client,
}

impl Events {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Sends events; repeated where need be. The user needs the role `evt_mgmt_integration`, and the instance the plugin.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use openfactory_sn::event::{Event, Severity};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/api/global/em/jsonv2"), Reply::result(200, json!({"Default Bulk Endpoint": "1 events were inserted"})));
    /// let drift = Event::new("OpenFactory", "drift/edge-0001", Severity::Major, SystemTime::now())
    ///     .node("edge-0001")
    ///     .info("path", "/etc/ssh/sshd_config");
    /// client(&instance).events().send(&[drift]).await?;
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] for a key or time that cannot be sent; [`ErrorKind::Decode`] if the instance says that it took
    /// fewer; the kinds of network, availability and rights.
    pub async fn send(&self, events: &[Event]) -> Result<(), Error> {
        if events.is_empty() {
            return Ok(());
        }
        let operation = format!("send {} events", events.len());
        let records: Result<Vec<_>, _> = events.iter().map(Event::to_json).collect();
        let records = records.map_err(|reason| Error::new(ErrorKind::Local, operation.clone(), reason))?;
        let body = json!({"records": records});
        let mut call = Call::json(Method::POST, operation, Target::new(PATH), &body).expecting(Expects::Json);
        call.repeat = Repeat::Safe;
        let answer = self.client.call(&call, self.client.engine().deadline()).await?.result;
        match inserted(&answer) {
            Some(taken) if taken != events.len() => {
                let reason = format!("the instance took {taken} of them");
                Err(Error::new(ErrorKind::Decode, call.operation, reason).with_may_have_happened(true))
            }
            _ => Ok(()),
        }
    }
}

/// How many events were taken, as the instance puts it: `{"Default Bulk Endpoint": "2 events were inserted"}`. `None` if it
/// puts it otherwise.
fn inserted(answer: &Value) -> Option<usize> {
    let told = answer.get("result").unwrap_or(answer).as_object()?;
    let words = told.values().filter_map(Value::as_str).find(|text| text.ends_with(" inserted"))?;
    words.split(' ').next()?.parse().ok()
}
