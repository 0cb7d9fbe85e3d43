//! The records that the integration works with, typed.
//!
//! Choice values are those of a stock instance; others are kept as `Other`. A customer's own fields are in
//! [`Record::row`](crate::record::Record::row), and are written by name.

pub mod attachment;
pub mod change_request;
pub mod configuration_item;
pub mod incident;
pub mod journal_entry;
pub mod relationship;
pub mod relationship_type;
