//! `cmdb_rel_ci`: how two configuration items relate.

use crate::record::record;
use crate::value::Reference;

record! {
    /// A relation of two configuration items. An instance does not keep a second one of the same three from being made.
    Relationship in "cmdb_rel_ci" {
        /// The one that the first half of the type's name speaks of: with `Runs on::Runs`, what runs.
        PARENT parent: Reference,
        /// The one that the second half speaks of: with `Runs on::Runs`, what it runs on.
        CHILD child: Reference,
        /// What the relation is.
        TYPE kind = "type": Reference,
    }
}
