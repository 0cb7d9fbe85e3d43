//! The queue against its own promises, the disk, and crashes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    reason = "tests"
)]

mod adapters;
mod alerts;
mod batches;
mod crash;
mod faulty;
mod full_disk;
mod heard;
mod memory;
mod migration;
mod model;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "nats")]
mod nats_limits;
#[cfg(feature = "nats")]
mod nats_routers;
#[cfg(feature = "nats")]
mod nats_server;
mod outage;
mod own_backend;
mod own_breakers;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_routers;
#[cfg(feature = "postgres")]
mod postgres_server;
#[cfg(any(feature = "nats", feature = "postgres"))]
mod shared_server;
mod simulation;
mod sqlite;
mod sqlite_file;
mod sqlite_ids;
mod sqlite_limits;
mod sqlite_line;
mod virtual_time;
mod worker;
