//! The reference deployment of openfactory: what the binaries do, as a library, so that tests start the real thing.

#[cfg(feature = "services")]
pub mod agent;
pub mod attest;
pub mod cli;
#[cfg(feature = "services")]
pub mod config;
#[cfg(feature = "services")]
pub mod device_client;
#[cfg(feature = "services")]
pub mod device_request;
#[cfg(feature = "services")]
pub mod event_client;
#[cfg(feature = "services")]
pub mod health;
#[cfg(feature = "services")]
pub mod metrics;
pub mod passphrase;
#[cfg(feature = "services")]
pub mod platform;
pub mod private_file;
pub mod private_key;
pub mod progress;
#[cfg(feature = "services")]
pub mod queue_client;
#[cfg(feature = "services")]
pub mod queue_wire;
#[cfg(feature = "services")]
pub mod router;
#[cfg(feature = "services")]
pub mod serve;
#[cfg(feature = "services")]
pub mod servicenow_sim;
#[cfg(feature = "services")]
pub mod shutdown;
#[cfg(feature = "services")]
pub mod state;
#[cfg(feature = "services")]
mod table;
#[cfg(feature = "services")]
pub mod telemetry;
mod terminal;
#[cfg(feature = "services")]
pub mod tls;
#[cfg(feature = "services")]
pub mod told;
pub mod trust_file;
#[cfg(feature = "services")]
pub mod webhook;
pub mod write_once;

#[cfg(all(doctest, feature = "services"))]
#[doc = include_str!("../../README.md")]
struct Readme;
#[cfg(feature = "services")]
pub mod demo;
