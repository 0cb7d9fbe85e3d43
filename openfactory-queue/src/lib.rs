//! A durable sync queue: nothing is lost on the way.
//!
//! Messages are published under an id that deduplicates and a key that orders, leased for a time with a fencing
//! epoch, and settled: acked, retried, released, or moved to the dead letters, from where an operator can redrive
//! them. The contract is the trait [`SyncQueue`]; where the messages are kept is a [`backend`]; [`Worker`] is the
//! loop that consumes.
//!
//! ```
//! use openfactory_queue::backend::memory::MemoryQueue;
//! use openfactory_queue::{LeaseRequest, Message, Published, SyncQueueExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let queue = MemoryQueue::new();
//! queue.send(Message::new("build-1/requested", "build.requested", "{}").with_key("build-1")).await?;
//! queue.send(Message::new("build-1/completed", "build.completed", "{}").with_key("build-1")).await?;
//!
//! // The same message again is no second message.
//! let again = Message::new("build-1/requested", "build.requested", "{}").with_key("build-1");
//! assert!(matches!(queue.send(again).await?, Published::Duplicate { seq: 1 }));
//!
//! // One key is delivered one at a time, in order.
//! let mut leased = queue.receive(LeaseRequest::new("worker-1").max(10)).await?;
//! assert_eq!(leased.len(), 1);
//! let first = leased.remove(0);
//! assert_eq!((first.message.id.as_str(), first.attempt, first.deliveries), ("build-1/requested", 1, 1));
//! first.ack().await?;
//!
//! let leased = queue.receive(LeaseRequest::new("worker-1").max(10)).await?;
//! assert_eq!(leased[0].message.id, "build-1/completed");
//! # Ok(())
//! # }
//! ```
//!
//! # The types to know
//! - [`SyncQueue`]: what every backend does, and what it guarantees; [`SyncQueueExt`] for comfort.
//! - [`Message`] and [`Leased`]: what goes in and what comes out.
//! - [`Worker`] with a [`Handler`] that answers each message with an [`Outcome`].
//! - [`policy::breaker::Breakers`]: an outage of a destination costs no message an attempt.
//! - [`Error`], whose [`kind`](Error::kind) says what to do about it.
//!
//! # Features
//! - `sqlite` (default): `backend::sqlite`, durable, embedded, for one process.
//! - `postgres`: `backend::postgres`, durable as the server is, for several processes at once.
//! - `conformance`: the suite that a backend of your own has to pass.
//!
//! # Not here
//! Exactly-once effects: those need the receiver's help. The queue says, by [`Leased::deliveries`], when to look first.

pub mod adapter;
pub mod backend;
pub mod capabilities;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod dead_letter;
pub mod delivery;
mod error;
mod ext;
pub mod history;
pub mod jitter;
pub mod lease;
pub mod message;
pub mod pause;
pub mod policy;
mod queue;
mod stamp;
pub mod stats;
pub mod worker;

pub use error::{Error, ErrorKind};
pub use ext::SyncQueueExt;
pub use lease::{LeaseRequest, Leased, Settlement};
pub use message::{Message, Published};
pub use queue::SyncQueue;
pub use worker::{Handler, Outcome, Worker};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
