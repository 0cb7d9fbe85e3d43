//! Where messages are kept.

use std::time::Duration;

pub mod memory;

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
