//! Encoded queries that cannot be injected into.
//!
//! ServiceNow's query text has no quoting: a `^` in a value starts a new condition, and a condition on a field that does
//! not exist is dropped, which *widens* the result. So a [`Query`] checks each name and value when it is encoded and
//! refuses what it cannot express, and [`Query::contradicts`] tells a row that the query cannot have meant.

pub(crate) mod build;
mod condition;
mod encode;
mod field;
mod judge;

pub(crate) use self::build::Query;
pub use self::condition::{Condition, Operator};
pub use self::encode::QueryError;
