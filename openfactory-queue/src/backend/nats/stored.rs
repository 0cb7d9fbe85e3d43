//! The contract's types as they stand in the log: JSON, instants in whole microseconds.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::dead_letter::{DeadCause, DeadLetter, DeadLetterFilter, DeadPolicy, Discard, Redrive, Selection};
use crate::history::{Incident, IncidentKind};
use crate::lease::Settlement;
use crate::message::Message;
use crate::pause::{Pause, PauseScope};

mod instant {
    use std::time::SystemTime;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::stamp::Stamp;

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        Stamp::from(*time).0.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        i64::deserialize(from).map(|micros| Stamp(micros).time())
    }
}

mod maybe_instant {
    use std::time::SystemTime;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::stamp::Stamp;

    pub(super) fn serialize<S: Serializer>(time: &Option<SystemTime>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| Stamp::from(time).0).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SystemTime>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(|micros| Stamp(micros).time()))
    }
}

mod octets {
    use bytes::Bytes;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        Vec::<u8>::deserialize(from).map(Bytes::from)
    }
}

/// Enumerations that are stored by their names.
macro_rules! named {
    ($module:ident, $type:ty) => {
        mod $module {
            use serde::de::Error as _;
            use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

            pub(super) fn serialize<S: Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                value.name().serialize(to)
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                let name = String::deserialize(from)?;
                <$type>::from_name(&name).ok_or_else(|| D::Error::custom(format!("unknown name {name:?}")))
            }
        }
    };
}

named!(policy, crate::dead_letter::DeadPolicy);
named!(cause, crate::dead_letter::DeadCause);
named!(incident_kind, crate::history::IncidentKind);

/// A type of the contract as it is stored.
macro_rules! stored {
    ($name:ident, $of:ty, $form:literal) => {
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub(super) struct $name(#[serde(with = $form)] pub(super) $of);
    };
}

stored!(StoredMessage, Message, "MessageForm");
stored!(StoredIncident, Incident, "IncidentForm");
stored!(StoredSettlement, Settlement, "SettlementForm");
stored!(StoredScope, PauseScope, "ScopeForm");
stored!(StoredPause, Pause, "PauseForm");
stored!(StoredRedrive, Redrive, "RedriveForm");
stored!(StoredDiscard, Discard, "DiscardForm");
stored!(StoredLetter, DeadLetter, "LetterForm");

#[derive(Serialize, Deserialize)]
#[serde(remote = "Message")]
struct MessageForm {
    id: String,
    key: Option<String>,
    kind: String,
    /// Where the bytes are, not the bytes.
    #[serde(with = "octets")]
    payload: Bytes,
    attributes: BTreeMap<String, String>,
    #[serde(with = "maybe_instant")]
    not_before: Option<SystemTime>,
    priority: u8,
    #[serde(with = "maybe_instant")]
    expires: Option<SystemTime>,
    #[serde(with = "policy")]
    on_dead: DeadPolicy,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Incident")]
struct IncidentForm {
    #[serde(with = "instant")]
    at: SystemTime,
    #[serde(with = "incident_kind")]
    kind: IncidentKind,
    reason: String,
    delivery: u32,
    times: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Settlement")]
enum SettlementForm {
    Ack,
    Retry { after: std::time::Duration, reason: String, counts: bool },
    Dead { reason: String },
    Release,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "PauseScope")]
enum ScopeForm {
    Queue,
    Key(String),
    Destination(String),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Pause")]
struct PauseForm {
    #[serde(with = "ScopeForm")]
    scope: PauseScope,
    #[serde(with = "maybe_instant")]
    until: Option<SystemTime>,
    actor: String,
    reason: String,
    #[serde(with = "instant")]
    since: SystemTime,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "DeadLetterFilter")]
struct FilterForm {
    id: Option<String>,
    key: Option<String>,
    kind: Option<String>,
    destination: Option<String>,
    #[serde(with = "maybe_cause")]
    cause: Option<DeadCause>,
    #[serde(with = "maybe_instant")]
    died_from: Option<SystemTime>,
    #[serde(with = "maybe_instant")]
    died_before: Option<SystemTime>,
}

mod maybe_cause {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::dead_letter::DeadCause;

    #[derive(Serialize, Deserialize)]
    struct Named(#[serde(with = "super::cause")] DeadCause);

    pub(super) fn serialize<S: Serializer>(cause: &Option<DeadCause>, to: S) -> Result<S::Ok, S::Error> {
        cause.map(Named).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DeadCause>, D::Error> {
        Ok(Option::<Named>::deserialize(from)?.map(|named| named.0))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Selection")]
enum SelectionForm {
    Ids(Vec<String>),
    Matching(#[serde(with = "FilterForm")] DeadLetterFilter),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Redrive")]
struct RedriveForm {
    #[serde(with = "SelectionForm")]
    selection: Selection,
    actor: String,
    reason: String,
    limit: usize,
    rate: Option<u32>,
    dry_run: bool,
    keep_failures: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Discard")]
struct DiscardForm {
    #[serde(with = "SelectionForm")]
    selection: Selection,
    actor: String,
    reason: String,
    limit: usize,
    dry_run: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "DeadLetter")]
struct LetterForm {
    #[serde(with = "MessageForm")]
    message: Message,
    seq: u64,
    #[serde(with = "cause")]
    cause: DeadCause,
    reason: String,
    #[serde(with = "instant")]
    published: SystemTime,
    #[serde(with = "instant")]
    died: SystemTime,
    failures: u32,
    deliveries: u32,
    blocking: bool,
    #[serde(with = "incidents")]
    history: Vec<Incident>,
}

mod incidents {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::StoredIncident;
    use crate::history::Incident;

    pub(super) fn serialize<S: Serializer>(history: &[Incident], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(history.iter().map(|incident| StoredIncident(incident.clone())))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Incident>, D::Error> {
        let stored = Vec::<StoredIncident>::deserialize(from)?;
        Ok(stored.into_iter().map(|stored| stored.0).collect())
    }
}
