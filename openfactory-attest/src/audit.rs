//! The audit log: append-only, tamper-evident, durable before it is acknowledged (`docs/formats/audit-log.md`).
//!
//! One journal file is the point of durability. Every entry is a leaf of a Merkle tree (RFC 6962); a checkpoint, a
//! signed note (C2SP), puts the log's own key under the tree's size and root. Whoever keeps an old checkpoint
//! elsewhere can later show that nothing before it was changed, removed or slipped in.
//!
//! What is here: appending ([`Log`]), the auditor's check ([`verify()`]), proof of a single entry ([`prove`],
//! [`Proof`]), and publishing as files that others read and check ([`Publisher`], [`tiles`]).
//!
//! What a log can't show: changes of entries after its last checkpoint by somebody who can write its files; so
//! checkpoints are signed often, and copies of them kept elsewhere.

pub mod checkpoint;
pub mod cosignature;
pub mod entry;
pub mod error;
pub mod journal;
pub mod note;
pub mod policy;
pub mod proof;
pub mod publish;
pub mod recover;
pub mod snapshot;
pub mod tile;
pub mod tiles;
pub mod tree;
pub mod verify;
pub mod witness;

mod batch;
mod index;
mod lock;
mod log;
mod part;
mod queue;
mod storage;
mod tile_files;
mod vkey;

pub use checkpoint::Checkpoint;
pub use cosignature::WitnessKey;
pub use entry::Entry;
pub use error::{AppendError, OpenLogError};
pub use log::{Appended, Log};
pub use note::{ParseVerifierKeyError, VerifierKey};
pub use policy::Policy;
pub use proof::{Proof, prove};
pub use publish::{Publisher, publish};
pub use verify::{VerifyReport, read, verify};
pub use witness::Witness;
