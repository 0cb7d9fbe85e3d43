//! What of an event makes its alert's key.

use std::fmt::{self, Debug, Formatter};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What an event may be known by, in the order in which a key has it.
const FIELDS: [&str; 8] =
    ["source", "node", "type", "resource", "metric_name", "event_class", "severity", "description"];

/// How many of them are taken by default.
const TAKEN: usize = 5;

/// The fields of an event of which its alert's key is made, where the event brings no `message_key`: at least one of
/// `source`, `node`, `type`, `resource`, `metric_name`, `event_class`, `severity`, `description`. As JSON a list of their
/// names. By default the first five.
///
/// ```
/// use openfactory_simulator::switches::AlertKey;
///
/// let key = AlertKey::of(&["node", "source"]).ok_or("no such field")?;
/// // Whatever order they are named in, a key has them in its own.
/// assert_eq!(key.fields().collect::<Vec<_>>(), ["source", "node"]);
/// assert_eq!(AlertKey::default().fields().count(), 5);
/// assert_eq!(AlertKey::of(&["nodes"]), None);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AlertKey {
    taken: [bool; FIELDS.len()],
}

impl AlertKey {
    /// A key of these fields, in any order; none if there is no field, or one that a key can't have.
    #[must_use]
    pub fn of(fields: &[&str]) -> Option<Self> {
        let known = fields.iter().all(|field| FIELDS.contains(field));
        (known && !fields.is_empty()).then(|| Self { taken: FIELDS.map(|field| fields.contains(&field)) })
    }

    /// The fields, in the order in which a key has them.
    pub fn fields(self) -> impl Iterator<Item = &'static str> {
        FIELDS.into_iter().zip(self.taken).filter_map(|(field, taken)| taken.then_some(field))
    }
}

impl Default for AlertKey {
    fn default() -> Self {
        Self { taken: std::array::from_fn(|at| at < TAKEN) }
    }
}

impl Debug for AlertKey {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.fields()).finish()
    }
}

impl Serialize for AlertKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.fields())
    }
}

impl<'de> Deserialize<'de> for AlertKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Vec::<String>::deserialize(deserializer)?;
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        Self::of(&fields).ok_or_else(|| {
            D::Error::custom(format_args!("an alert's key is made of some of {}", FIELDS.join(", ")))
        })
    }
}
