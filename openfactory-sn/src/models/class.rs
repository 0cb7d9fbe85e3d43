//! Classes of configuration items: which there are, and which are a kind of which.
//!
//! ```
//! use openfactory_sn::models::class::Class;
//! use openfactory_sn::sync::Desired;
//! use openfactory_sn::{CorrelationId, Fields};
//!
//! // A class of the customer's own, below one of those that every instance has.
//! let image = Class::own("u_cmdb_ci_os_image", Class::Item);
//! assert!(image.is_a(&Class::Item) && !image.is_a(&Class::Hardware));
//! assert!(Class::LinuxServer.is_a(&Class::Hardware), "so that it is identified by serial number or name");
//!
//! let mut desired = Desired::new();
//! let named = Fields::new().with("name", "edge-0001");
//! desired.record(Class::LinuxServer.table(), &CorrelationId::new("device/1")?, named);
//! # Ok::<(), openfactory_sn::IdError>(())
//! ```

use std::fmt;

/// A class of configuration items, by its table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// `cmdb_ci_computer`: a computer of any kind.
    Computer,
    /// `cmdb_ci_hardware`: what can be touched.
    Hardware,
    /// `cmdb_ci_iot`: a device of the internet of things; added by the app CMDB CI Class Models.
    IotDevice,
    /// `cmdb_ci`: any configuration item. No rule identifies what is directly below it, unless one was made.
    Item,
    /// `cmdb_ci_linux_server`.
    LinuxServer,
    /// `cmdb_ci_os_image`: an image, a build or a device, by the integration guide's own class (guide, Stage 4). No stock
    /// instance has it: whoever makes it says what it is below.
    OsImage,
    /// A class of the customer's own.
    Own {
        /// Its table.
        table: String,
        /// The class that it extends.
        parent: Box<Self>,
    },
    /// `cmdb_ci_server`.
    Server,
}

impl Class {
    /// The classes that have a name here, the guide's among them.
    pub const KNOWN: &'static [Self] = &[
        Self::Item,
        Self::Hardware,
        Self::Computer,
        Self::Server,
        Self::LinuxServer,
        Self::IotDevice,
        Self::OsImage,
    ];

    /// A class of the customer's own, with the class that it extends.
    #[must_use]
    pub fn own(table: impl Into<String>, parent: Self) -> Self {
        Self::Own { table: table.into(), parent: Box::new(parent) }
    }

    /// The class of a table, if it has a name here.
    ///
    /// ```
    /// use openfactory_sn::models::class::Class;
    ///
    /// assert_eq!(Class::of_table("cmdb_ci_server"), Some(Class::Server));
    /// assert_eq!(Class::of_table("cmdb_ci_unix_server"), None);
    /// ```
    #[must_use]
    pub fn of_table(table: &str) -> Option<Self> {
        Self::KNOWN.iter().find(|class| class.table() == table).cloned()
    }

    /// Its table, which is also what `sys_class_name` holds.
    #[must_use]
    pub fn table(&self) -> &str {
        match self {
            Self::Computer => "cmdb_ci_computer",
            Self::Hardware => "cmdb_ci_hardware",
            Self::IotDevice => "cmdb_ci_iot",
            Self::Item => "cmdb_ci",
            Self::LinuxServer => "cmdb_ci_linux_server",
            Self::OsImage => "cmdb_ci_os_image",
            Self::Own { table, .. } => table,
            Self::Server => "cmdb_ci_server",
        }
    }

    /// The class that it extends; `None` for [`Class::Item`], and for [`Class::OsImage`], of which it is not known.
    ///
    /// ```
    /// use openfactory_sn::models::class::Class;
    ///
    /// let mut class = &Class::LinuxServer;
    /// let mut above = Vec::new();
    /// while let Some(parent) = class.parent() {
    ///     above.push(parent.table());
    ///     class = parent;
    /// }
    /// assert_eq!(above, ["cmdb_ci_server", "cmdb_ci_computer", "cmdb_ci_hardware", "cmdb_ci"]);
    /// ```
    #[must_use]
    pub fn parent(&self) -> Option<&Self> {
        match self {
            Self::Computer | Self::IotDevice => Some(&Self::Hardware),
            Self::Hardware => Some(&Self::Item),
            Self::Item | Self::OsImage => None,
            Self::LinuxServer => Some(&Self::Server),
            Self::Own { parent, .. } => Some(parent),
            Self::Server => Some(&Self::Computer),
        }
    }

    /// Whether it is this class, or one below it: whether its records are seen in that class's table. Everything is a
    /// [`Class::Item`].
    #[must_use]
    pub fn is_a(&self, class: &Self) -> bool {
        let mut next = Some(self);
        while let Some(own) = next {
            if own.table() == class.table() {
                return true;
            }
            next = own.parent();
        }
        *class == Self::Item
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.table())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_found_by_its_table_and_is_an_item() {
        for class in Class::KNOWN {
            assert_eq!(Class::of_table(class.table()).as_ref(), Some(class));
            assert!(class.is_a(&Class::Item) && class.is_a(class), "{class}");
        }
        assert!(!Class::Item.is_a(&Class::Hardware) && !Class::OsImage.is_a(&Class::Hardware));
    }

    #[test]
    fn own_classes_go_below_own_classes() {
        let edge = Class::own("u_edge", Class::LinuxServer);
        let kiosk = Class::own("u_kiosk", edge.clone());
        assert!(kiosk.is_a(&edge) && kiosk.is_a(&Class::Computer) && !edge.is_a(&kiosk));
        assert_eq!(kiosk.to_string(), "u_kiosk");
    }
}
