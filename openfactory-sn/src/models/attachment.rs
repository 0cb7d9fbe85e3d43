//! `sys_attachment`: a file attached to a record.

use std::time::SystemTime;

use crate::id::SysId;
use crate::record::record;

record! {
    /// A file attached to a record, without its content.
    Attachment in "sys_attachment" {
        /// Its name; not unique on a record.
        FILE_NAME file_name: String,
        /// Its media type.
        CONTENT_TYPE content_type: String,
        /// Its size in bytes.
        SIZE_BYTES size_bytes: i64,
        /// SHA-256 of its content in hexadecimal; empty on instances that do not show it.
        HASH hash: String,
        /// The table of the record it is attached to.
        TABLE_NAME table_name: String,
        /// The record it is attached to.
        TABLE_SYS_ID table_sys_id: SysId,
        /// When it was attached.
        CREATED_ON sys_created_on: SystemTime,
        /// The user who attached it.
        CREATED_BY sys_created_by: String,
    }
}
