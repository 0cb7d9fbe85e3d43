//! What stands in the log: commands, each with the instant at which its router gave it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::body::Place;
use super::stored::{
    StoredDiscard, StoredMessage, StoredPause, StoredRedrive, StoredScope, StoredSettlement,
};

/// The version of the log's format. 2 knows limits of dead letters and ids.
pub(super) const FORMAT: u32 = 2;

/// One message of the log.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) format: u32,
    /// Which log this is: a log that was made again has another number.
    pub(super) log: u64,
    pub(super) content: Content,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Content {
    /// Commands to be carried out in this order. `by` is a number that their router knows them by, `chain` what the
    /// entry of commands before this one hashes to.
    Commands { by: u64, chain: u64, commands: Vec<Timed> },
    /// The state after entry `at`, or after all that stands before this entry if the log begins anew here.
    Snapshot { at: Option<u64>, chain: u64, chunks: Chunks },
}

/// Where a snapshot lies in the stream of snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chunks {
    /// The places of its parts, in order.
    pub(super) parts: Vec<u64>,
    /// SHA-256 of the whole, in hexadecimal digits.
    pub(super) sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Timed {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub(super) at: i64,
    pub(super) command: Command,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Command {
    Publish {
        messages: Vec<New>,
        limit: u64,
    },
    Lease {
        worker: String,
        max: usize,
        ttl: Duration,
    },
    Extend {
        tokens: Vec<(u64, u64)>,
        ttl: Duration,
    },
    Settle {
        settlements: Vec<(u64, u64, StoredSettlement)>,
    },
    Redrive(StoredRedrive),
    Discard(StoredDiscard),
    Pause(StoredPause),
    Resume(StoredScope),
    Maintain {
        budget: usize,
    },
    /// The bytes of a message lie elsewhere now.
    Rehouse {
        seq: u64,
        from: Place,
        to: Place,
    },
    /// No message of the work stream before this place is anybody's.
    Floor {
        seq: u64,
    },
    /// Ids are remembered for at least so long.
    Window {
        window: Duration,
    },
    /// So many dead letters are kept, and so many ids remembered.
    Limits {
        dead: u64,
        ids: u64,
    },
}

/// A message to be stored, without its bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct New {
    pub(super) message: StoredMessage,
    pub(super) digest: [u8; 32],
}
