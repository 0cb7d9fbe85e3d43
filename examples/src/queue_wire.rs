//! What an operator and the router say to each other about the queue: the JSON of `/v1/queue` and below.
//!
//! Times are RFC 3339 in UTC. The queue's own types stay inside the router: this form is for people, scripts and
//! `event-router queue`, and has to stay as it is when they change.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `GET /v1/queue`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueFacts {
    /// Could be handled now (pauses apart).
    pub ready: u64,
    /// Would be next but for their time.
    pub delayed: u64,
    /// Wait behind another of their key.
    pub held: u64,
    /// Being handled.
    pub leased: u64,
    /// Dead letters.
    pub dead: u64,
    /// Keys that stand still because of a dead letter.
    pub blocked_keys: u64,
    /// Seconds since the oldest ready message was published.
    pub oldest_ready_s: Option<u64>,
    /// Seconds since the oldest lease was given.
    pub oldest_lease_s: Option<u64>,
    /// Bytes on disk.
    pub disk_bytes: Option<u64>,
    /// The pauses in force.
    pub pauses: Vec<PauseFacts>,
}

/// A pause that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseFacts {
    /// What is held back.
    pub scope: Scope,
    /// Since when.
    pub since: String,
    /// Until when; `None`: until somebody resumes it.
    pub until: Option<String>,
    /// Who asked.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// What a pause holds back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Scope {
    /// Everything.
    Queue,
    /// One key: what concerns one device, build or change request.
    Key(String),
    /// What is headed for one destination.
    Destination(String),
}

/// Which dead letters: every part that is given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Of this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Of this kind: an event's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `rejected`, `expired` or `parked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// The query of `GET /v1/queue/dead-letters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// As in [`Which`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// As in [`Which`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// As in [`Which`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Only those behind this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many; 1 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// `GET /v1/queue/dead-letters`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letters {
    /// In queue order.
    pub dead_letters: Vec<Letter>,
}

/// A dead letter, without its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The message's id.
    pub id: String,
    /// Its place in the queue.
    pub place: u64,
    /// Its kind: an event's type.
    pub kind: String,
    /// Its key.
    pub key: Option<String>,
    /// `rejected`, `expired` or `parked`.
    pub cause: String,
    /// The reason given.
    pub reason: String,
    /// When it was published.
    pub published: String,
    /// When it was given up.
    pub died: String,
    /// The failures that counted.
    pub failures: u32,
    /// Whether its key stands still because of it.
    pub blocking: bool,
}

/// `GET /v1/queue/messages/{id}`: a message that lives or is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The message's id.
    pub id: String,
    /// Its place in the queue.
    pub place: u64,
    /// `ready`, `delayed`, `held`, `leased` or `dead`.
    pub state: String,
    /// Its kind: an event's type.
    pub kind: String,
    /// Its key.
    pub key: Option<String>,
    /// When it was published.
    pub published: String,
    /// The failures that counted.
    pub failures: u32,
    /// How often it was handed out.
    pub deliveries: u32,
    /// What happened to it, oldest first.
    pub history: Vec<Happened>,
    /// How it travels: who signed it, which stage it is.
    pub attributes: std::collections::BTreeMap<String, String>,
    /// Its payload, if that is JSON.
    pub payload: Option<Value>,
    /// Its payload in base64, if it is not.
    pub payload_base64: Option<String>,
}

/// One thing that happened to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// When, the last time.
    pub at: String,
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
    /// How many times in a row.
    pub times: u32,
}

/// The body of `POST /v1/queue/redrive` and `POST /v1/queue/discard`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// These; or, if there are none, those that match `all`.
    #[serde(default)]
    pub ids: Vec<String>,
    /// All that match; `{}`: every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<Which>,
    /// Who asks.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// At most so many, the oldest first; 1,000 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// For a redrive: not more than so many a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Only say which, change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a redrive or discard has moved, or with `dry_run` would move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedFacts {
    /// The ids, in queue order.
    pub ids: Vec<String>,
    /// Ids that were asked for and are no dead letters (any more).
    pub missing: Vec<String>,
    /// How many more match, beyond the limit.
    pub remaining: u64,
}

/// The body of `POST /v1/queue/pause` and, without `for_s`, `POST /v1/queue/resume`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// What is meant.
    pub scope: Scope,
    /// The pause ends by itself after so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_s: Option<u64>,
    /// Who asks.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// The answer to a pause or a resume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Whether something changed: a resume of what was not paused changes nothing.
    pub changed: bool,
}
