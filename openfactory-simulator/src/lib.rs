//! A ServiceNow to test against.
//!
//! It speaks the Table, Attachment, Aggregate, Batch, Import Set, CMDB and Change Management APIs and OAuth over TLS, and
//! behaves towards a client as an instance does:
//! everything is text, references are objects, terms on unknown fields widen a query, unknown fields are dropped,
//! numbers come from sequences, priorities from impact and urgency, change requests move only where their model lets
//! them, resolving wants a resolution code, approvals are rows that somebody has to answer, and a business rule calls
//! a signed webhook. Its data is in memory or in a file that survives being killed, and faults come on demand. With a
//! browser at its base URL, people look around in it and answer what waits for approval.
//!
//! It depends on none of the other crates, so that it can't share their mistakes.
//!
//! ```
//! use openfactory_simulator::{Simulator, User};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let simulator = Simulator::builder().user(User::new("ada", "secret").roles(["itil"])).start().await?;
//!
//! let ca = reqwest::Certificate::from_pem(simulator.ca_pem().unwrap_or_default().as_bytes())?;
//! let client = reqwest::Client::builder().tls_certs_only([ca]).build()?;
//! let answer = client
//!     .post(format!("{}/api/now/table/incident", simulator.base_url()))
//!     .basic_auth("ada", Some("secret"))
//!     .json(&serde_json::json!({ "short_description": "A disk is full", "impact": 1, "urgency": 2 }))
//!     .send()
//!     .await?;
//!
//! assert_eq!(answer.status(), 201);
//! let incidents = simulator.store().records("incident")?;
//! assert_eq!(incidents.len(), 1);
//! assert_eq!(incidents[0].value("priority"), "2");
//! assert_eq!(incidents[0].value("number"), "INC0010001");
//! simulator.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod access;
mod api;
mod auth;
mod builder;
mod calls;
pub mod clock;
mod credential;
mod duration;
pub mod entropy;
mod event;
pub mod faults;
mod fold;
mod import;
pub mod inspect;
mod instant;
mod ire;
mod jobs;
mod layout;
mod limits;
mod locale;
pub mod outbound {
    //! How the calls of the business rule are made: signed or not, late, doubled, reordered, lost.

    pub use crate::webhook::manner::{Manner, MannerError, Payload, Signature};
}
mod page;
mod population;
pub mod profile;
mod query;
mod record;
mod refusal;
mod render;
mod rules;
mod schedule;
mod schema;
pub mod seed;
mod simulator;
pub mod state {
    //! What the state tells a test, and why it could not be used.

    pub use crate::store::{Delivery, DeliveryState, StoreError};
}
mod store;
pub mod switches;
mod tls;
mod turns;
mod webhook;
mod work;
mod write;

pub use builder::Builder;
pub use credential::{OAuthClient, Secret, User};
pub use population::{ADMIN_USER, CHANGE_MANAGER_USER, INTEGRATION_USER};
pub use profile::Profile;
pub use record::Record;
pub use simulator::{Simulator, StartError};
pub use tls::TlsError;
pub use webhook::{Webhook, WebhookError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
