//! What an event came to in ServiceNow.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::super::id::EventId;
use super::super::timestamp;
use crate::id::{CorrelationId, SysId};

/// A record that an event made or touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AppliedRecord {
    /// Its table.
    pub table: String,
    /// Its key.
    pub sys_id: SysId,
    /// Its number, if it has one and it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Our own key of it.
    pub correlation: CorrelationId,
    /// Whether this event made it (as far as is known: a repetition finds it made).
    pub created: bool,
}

impl AppliedRecord {
    /// A record without a number.
    #[must_use]
    pub fn new(table: impl Into<String>, sys_id: SysId, correlation: CorrelationId, created: bool) -> Self {
        Self { table: table.into(), sys_id, number: None, correlation, created }
    }
}

/// What an event came to in ServiceNow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The event's identity.
    pub event: EventId,
    /// When its plan had been applied.
    #[serde(with = "timestamp")]
    pub applied_at: SystemTime,
    /// The records.
    pub records: Vec<AppliedRecord>,
    /// What a person should know: missing groups, unresolved names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// Notes that may stand twice because the instance hides its journal.
    #[serde(default)]
    pub possible_duplicates: u64,
}

impl Receipt {
    /// A receipt without findings.
    #[must_use]
    pub fn new(event: EventId, applied_at: SystemTime, records: Vec<AppliedRecord>) -> Self {
        Self {
            event,
            applied_at: timestamp::truncate(applied_at),
            records,
            findings: Vec::new(),
            possible_duplicates: 0,
        }
    }

    /// The record of this table, if the event has one there.
    #[must_use]
    pub fn record(&self, table: &str) -> Option<&AppliedRecord> {
        self.records.iter().find(|record| record.table == table)
    }
}
