//! What ServiceNow hears and says: a typed client for its REST APIs, and the verification of its webhooks.
//!
//! Made for integrations that must not lose a write and must not make one twice: a create can be repeated, an answer of
//! success is read to its end before it is believed, a query cannot be injected into, and an error says what to do.
//!
#![cfg_attr(feature = "testing", doc = "```")]
#![cfg_attr(not(feature = "testing"), doc = "```text")]
//! use openfactory_sn::models::change_request::{ChangeRequest, STATE, SHORT_DESCRIPTION, State, Type};
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
//! use openfactory_sn::transport::TransportErrorKind;
//! use openfactory_sn::{Auth, Client, CorrelationId, Fields, Secret, SysId};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A key of our own choice is what makes the create repeatable.
//! let key = SysId::derived("change_request", &CorrelationId::new("build/b-1")?);
//!
//! // The instance, as a script: the create's answer is lost, and the record is there all the same.
//! let path = format!("/api/now/table/change_request/{key}");
//! let record = json!({"sys_id": key, "number": "CHG0030001", "state": "-5", "type": "normal"});
//! let instance = ScriptedTransport::new()
//!     .on(Expected::post("/oauth_token.do"), Reply::token("t0k3n", 1799))
//!     .on(Expected::post("/api/now/table/change_request").field("sys_id", key.as_str()),
//!         Reply::failure(TransportErrorKind::Interrupted))
//!     .on(Expected::get(&path), Reply::result(200, record));
//!
//! let sn = Client::builder("https://plant.service-now.com")
//!     .auth(Auth::client_credentials("0f1e2d", Secret::new("s3cr3t")))
//!     .transport(instance.clone()) // leave this line out to talk to a real one
//!     .build()?;
//!
//! let fields = Fields::new()
//!     .with_field(SHORT_DESCRIPTION, "Custom debian-trixie build: kiosk")
//!     .with_field(STATE, State::New);
//! let (change, created) = sn.table::<ChangeRequest>().ensure(&key, &fields).await?;
//!
//! assert_eq!(change.number.map(String::from).as_deref(), Some("CHG0030001"));
//! assert!(!created, "found, not made a second time");
//! assert_eq!(Type::Normal.steps(&State::New, &State::Authorize), Some(vec![State::Assess, State::Authorize]));
//! instance.assert_done();
//! # Ok(())
//! # }
//! ```
//!
//! # The types to know
//!
//! - [`Client`]: a cheap handle; [`Client::table`] for typed records, [`Client::dynamic_table`] for any table,
//!   [`Client::attachments`] for files.
//! - [`Query`]: which records. [`Fields`]: what to write. [`Row`]: a record as it came.
//! - [`models`]: change request, incident, configuration item, relationship, attachment.
//! - [`Error`]: its [`kind`](Error::kind) names the remedy, its [`cause`](Error::cause) what exactly it was, its
//!   [`advice`](Error::advice) says it in words,
//!   [`may_have_happened`](Error::may_have_happened) decides whether a write must be looked for before it is repeated.
//! - [`webhook`]: what the instance sends by itself, verified.
//!
//! # How to
//!
//! - create a record exactly once: [`DynamicTable::ensure`](table::DynamicTable::ensure)
//! - see what an instance passed over without a word: [`Fields::not_taken`]
//! - go through many records: [`Table::list`](table::Table::list)
//! - attach a file once, whatever its size: [`Attachments::ensure`](attachment::Attachments::ensure); read one in chunks:
//!   [`Attachments::open`](attachment::Attachments::open)
//! - move a change request along: [`Changes::next_states`](change::Changes::next_states), or offline
//!   [`Type::steps`](models::change_request::Type::steps)
//! - make many calls in few: [`Client::batches`]; keep a fleet in step: [`Client::sync`], or by
//!   the instance's own rules: [`Client::sync_by`]
//! - write to the CMDB by its own rules: [`Cmdb::reconcile`](cmdb::Cmdb::reconcile)
//! - see what changed: [`poll`]; what an instance lacks: [`Client::examine`]
//! - give each part of an integration a user of its own: [`IntegrationPoint`]; keep secrets at rest: [`secret`]
#![cfg_attr(feature = "http", doc = "- reach a private instance: [`ClientBuilder::root_certificate_pem`]")]
#![cfg_attr(feature = "testing", doc = "- test without an instance: [`testing::ScriptedTransport`]")]
//!
//! # Not here
//!
//! Retrying for hours: that is a queue's work, and [`Error::is_retryable`] is what it asks. Interactive logins, scripting
//! inside an instance.
//!
//! # Features
//!
//! - `http` (default): the transport over reqwest and rustls. Without it, bring a [`Transport`](transport::Transport).
//! - `lifecycle`: the events of an OS image's life as ServiceNow records.
//! - `testing`: a scripted transport and a fixed clock, for tests of code that uses this crate.

pub mod attachment;
pub mod auth;
pub mod batch;
pub mod change;
mod client;
pub mod clock;
pub mod cmdb;
pub mod doctor;
mod error;
pub mod event;
mod id;
pub mod import;
#[cfg(feature = "lifecycle")]
pub mod lifecycle;
pub mod models;
pub mod poll;
pub mod query;
pub mod record;
pub mod secret;
pub mod sync;
pub mod table;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transport;
pub mod value;
pub mod webhook;
mod wire;

pub use auth::{Auth, IntegrationPoint};
pub use client::{Client, ClientBuilder, RetryPolicy};
pub use error::{Cause, Error, ErrorKind, ServiceFault};
pub use id::{CorrelationId, IdError, Number, SysId};
pub use query::build::Query;
pub use record::fields::Fields;
pub use record::row::Row;
pub use secret::Secret;

#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;
