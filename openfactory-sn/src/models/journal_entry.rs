//! `sys_journal_field`: one entry of a journal field.
//!
//! ```
//! use openfactory_sn::Query;
//! use openfactory_sn::models::journal_entry::{JournalEntry, TABLE, VALUE};
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let notes = json!([{"sys_id": "j1", "name": "incident", "element_id": "a1", "element": "work_notes",
//!     "value": "op/7: rolled back", "sys_created_on": "2026-01-31 10:00:00"}]);
//! let instance =
//!     ScriptedTransport::new().on(Expected::get("/api/now/table/sys_journal_field"), Reply::result(200, notes));
//! // Whether a note with our marker was written, whichever record it is on.
//! let marked = Query::new().and(TABLE.is("incident")).and(VALUE.starts_with("op/7:"));
//! let mut notes = client(&instance).table::<JournalEntry>().list(&marked)?;
//! let note = notes.try_next().await?.ok_or("not written yet")?;
//! assert_eq!((note.sys_id().as_str(), note.element.as_str()), ("j1", "work_notes"));
//! # Ok(())
//! # }
//! ```

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
