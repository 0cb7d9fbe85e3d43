//! The records that the integration works with, typed.
//!
//! Choice values are those of a stock instance; others are kept as `Other`. A customer's own fields are in
//! [`Record::row`](crate::record::Record::row), and are written by name.

pub mod approval;
pub mod attachment;
pub mod change_request;
pub mod change_task;
pub mod choice;
pub mod class;
pub mod compliance;
pub mod configuration_item;
pub mod group;
pub mod incident;
pub mod journal_entry;
pub mod relationship;
pub mod relationship_type;
pub mod user;
