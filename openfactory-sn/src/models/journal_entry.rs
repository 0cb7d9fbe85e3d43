//! `sys_journal_field`: one entry of a journal field.

use std::time::SystemTime;

use crate::id::SysId;
use crate::record::record;

record! {
    /// One entry of a journal field, such as a work note.
    JournalEntry in "sys_journal_field" {
        /// The table of the record.
        TABLE name: String,
        /// The record.
        ELEMENT_ID element_id: SysId,
        /// The field: `work_notes`, `comments`.
        ELEMENT element: String,
        /// What was written.
        VALUE value: String,
        /// When.
        CREATED_ON sys_created_on: SystemTime,
        /// By whom.
        CREATED_BY sys_created_by: String,
    }
}
