//! Where messages are kept.

use std::time::Duration;

pub mod memory;
#[cfg(feature = "nats")]
pub mod nats;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(any(feature = "nats", feature = "postgres"))]
pub mod tls;

#[cfg(any(feature = "nats", feature = "postgres"))]
mod claim;
#[cfg(feature = "postgres")]
mod incidents;
mod machine;
mod request;
mod wait;

/// So many delayed messages, lapsed leases or expired messages are looked after by one lease call.
const SWEEP: usize = 1024;

/// The longest payload unless configured otherwise, in bytes.
const MAX_PAYLOAD: usize = 1024 * 1024;

/// The largest batch.
const MAX_BATCH: usize = 1024;

/// How long an id is remembered unless configured otherwise.
const DEDUP_WINDOW: Duration = Duration::from_secs(30 * 24 * 3600);

/// The delay of the n-th message at so many a second.
fn stagger(n: usize, rate: Option<u32>) -> Duration {
    rate.map_or(Duration::ZERO, |rate| {
        let micros = (n as u64).saturating_mul(1_000_000) / u64::from(rate.max(1));
        Duration::from_micros(micros)
    })
}
