//! Facts about records in ServiceNow.

use serde::{Deserialize, Serialize};

use crate::id::SysId;

/// Type name of [`RecordChanged`].
pub const CHANGED: &str = "tech.openfactory.servicenow.record_changed.v1";

/// A business rule said that a record changed. A hint, never a truth: whoever acts on it reads the record first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordChanged {
    /// The table.
    pub table: String,
    /// The record.
    pub sys_id: SysId,
    /// The record's number, if the hint names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// What was done to it: `insert`, `update`, `delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// `sys_updated_on` as the hint has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sys_updated_on: Option<String>,
    /// `sys_mod_count` as the hint has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sys_mod_count: Option<u64>,
}

impl RecordChanged {
    /// A hint that names no more than the record.
    pub fn new(table: impl Into<String>, sys_id: SysId) -> Self {
        Self {
            table: table.into(),
            sys_id,
            number: None,
            operation: None,
            sys_updated_on: None,
            sys_mod_count: None,
        }
    }
}
