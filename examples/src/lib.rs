//! The reference deployment of openfactory: what the binaries do, as a library, so that tests start the real thing.

pub mod attest;
pub mod cli;
pub mod write_once;
#[cfg(feature = "services")]
pub mod config;
#[cfg(feature = "services")]
pub mod event_client;
#[cfg(feature = "services")]
pub mod health;
#[cfg(feature = "services")]
pub mod metrics;
#[cfg(feature = "services")]
pub mod serve;
#[cfg(feature = "services")]
pub mod shutdown;
#[cfg(feature = "services")]
pub mod telemetry;
#[cfg(feature = "services")]
pub mod tls;
#[cfg(feature = "services")]
pub mod agent;
#[cfg(feature = "services")]
pub mod webhook;
#[cfg(feature = "services")]
pub mod told;
