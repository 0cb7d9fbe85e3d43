//! Looking at the device itself: its overlay's files and its interfaces.

mod facts;
mod look;
mod receiver;
mod walk;
mod zone;

pub use facts::SystemFacts;
pub use walk::Snapshot;
pub use zone::Zone;
