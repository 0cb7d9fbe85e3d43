//! A typed ServiceNow client.

pub mod attachment;
mod auth;
mod client;
pub mod clock;
mod error;
pub mod id;
#[cfg(feature = "lifecycle")]
pub mod lifecycle;
pub mod models;
pub mod query;
pub mod record;
mod secret;
pub mod table;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transport;
pub mod value;
pub mod webhook;
mod wire;

pub use auth::Auth;
pub use client::{Client, ClientBuilder, RetryPolicy};
pub use error::{Error, ErrorKind, ServiceFault};
pub use id::{CorrelationId, Number, SysId};
pub use query::Query;
pub use record::{Fields, Row};
pub use secret::Secret;
