//! Looking at the device itself: its overlay's files and its interfaces; and filling the overlay for the first time.

mod facts;
mod look;
mod provision;
mod receiver;
mod walk;
mod zone;

pub use facts::SystemFacts;
pub use provision::{ProvisionError, Provisioned, provision};
pub use walk::Snapshot;
pub use zone::Zone;
