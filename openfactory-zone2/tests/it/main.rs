//! The crate as its users see it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "tests"
)]

#[cfg(feature = "device")]
mod boot;
mod certificates;
mod chains;
mod commands;
mod constraints;
#[cfg(feature = "device")]
mod device;
#[cfg(feature = "monitor")]
mod disk;
mod edges;
mod foreign_bytes;
mod formats;
mod lockdown;
mod manifest;
#[cfg(feature = "device")]
mod migration;
mod names;
mod pkits;
mod places;
mod positions;
mod properties;
#[cfg(feature = "device")]
mod provision;
mod relations;
#[cfg(feature = "monitor")]
mod rows;
mod schema;
#[cfg(feature = "device")]
mod sealing;
#[cfg(feature = "device")]
mod store;
#[cfg(feature = "device")]
mod story;
mod support;
#[cfg(feature = "monitor")]
mod watched;
