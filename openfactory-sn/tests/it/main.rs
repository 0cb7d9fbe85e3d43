//! The crate as its users see it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "tests"
)]

mod aggregate;
mod attachment;
mod attachment_stream;
mod batch;
mod business_rule;
mod change;
mod cmdb;
mod correlate;
mod doctor;
mod ensure;
mod fernet;
mod garbage;
mod grants;
mod http;
mod import_event;
mod instance;
#[cfg(feature = "lifecycle")]
mod lifecycle;
mod listing;
mod matrix;
mod oauth;
mod paging;
mod poll;
mod refusals;
mod retry;
mod secrets;
mod simulator;
mod simulator_apis;
mod support;
mod sync;
mod sync_payloads;
mod table;
mod taken;
mod tls;
mod update_set;
