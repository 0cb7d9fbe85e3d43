//! `sys_attachment`: a file attached to a record.
//!
//! ```
//! use openfactory_sn::SysId;
//! use openfactory_sn::models::attachment::Attachment;
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let file = json!({"sys_id": "a1", "file_name": "recipe.json", "content_type": "application/json",
//!     "size_bytes": "2", "table_name": "change_request", "table_sys_id": "c1"});
//! let instance =
//!     ScriptedTransport::new().on(Expected::get("/api/now/table/sys_attachment/a1"), Reply::result(200, file));
//! let attachment = client(&instance).table::<Attachment>().get(&SysId::new("a1")?).await?;
//! assert_eq!((attachment.sys_id().as_str(), attachment.size_bytes), ("a1", Some(2)));
//! assert_eq!(attachment.hash, "", "not every instance shows it");
//! # Ok(())
//! # }
//! ```

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
