//! `cmdb_ci` and its classes: what is under management.
//!
//! ```
//! use openfactory_sn::SysId;
//! use openfactory_sn::models::configuration_item::ConfigurationItem;
//! use openfactory_sn::record::Record as _;
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let image = json!({"sys_id": "i1", "name": "kiosk", "sys_class_name": "u_cmdb_ci_os_image", "u_root_hash": "4f2a"});
//! let instance =
//!     ScriptedTransport::new().on(Expected::get("/api/now/table/u_cmdb_ci_os_image/i1"), Reply::result(200, image));
//! let images = client(&instance).table_named::<ConfigurationItem>("u_cmdb_ci_os_image");
//! let image = images.get(&SysId::new("i1")?).await?;
//! assert_eq!((image.sys_id().as_str(), image.name.as_str()), ("i1", "kiosk"));
//! assert_eq!(image.row().text("u_root_hash"), "4f2a", "a field of that class alone");
//! # Ok(())
//! # }
//! ```

use std::time::SystemTime;

use crate::id::CorrelationId;
use crate::record::record;
use crate::value::Reference;

record! {
    /// A configuration item of any class. Read and written in the table of its class:
    /// [`Client::table_named`](crate::Client::table_named).
    ConfigurationItem in "cmdb_ci" {
        /// Its name.
        NAME name: String,
        /// The table of its class.
        CLASS sys_class_name: String,
        /// The inventory's key for it.
        ASSET_TAG asset_tag: String,
        /// The maker's key for it.
        SERIAL_NUMBER serial_number: String,
        /// One line.
        SHORT_DESCRIPTION short_description: String,
        /// A choice; a stock instance has the numbers 1 to 8.
        OPERATIONAL_STATUS operational_status: String,
        /// A choice; a stock instance has numbers.
        INSTALL_STATUS install_status: String,
        /// Operating system.
        OS os: String,
        /// Its version.
        OS_VERSION os_version: String,
        /// `key=value` lines, on instances that use it.
        ATTRIBUTES attributes: String,
        /// The group that looks after it.
        SUPPORT_GROUP support_group: Reference,
        /// The group that incidents go to.
        ASSIGNMENT_GROUP assignment_group: Reference,
        /// Who owns it.
        OWNED_BY owned_by: Reference,
        /// When it was first seen.
        FIRST_DISCOVERED first_discovered: SystemTime,
        /// When it was last seen.
        LAST_DISCOVERED last_discovered: SystemTime,
        /// Our key of the operation that created it.
        CORRELATION_ID correlation_id: CorrelationId as String,
        /// Effective updates since it was created.
        MOD_COUNT sys_mod_count: i64,
        /// The last of them.
        UPDATED_ON sys_updated_on: SystemTime,
    }
}
