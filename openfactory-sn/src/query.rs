//! Encoded queries that cannot be injected into.
//!
//! ServiceNow's query text has no quoting: a `^` in a value starts a new condition, and a condition on a field that does
//! not exist is dropped, which *widens* the result. So a [`Query`] checks each name and value when it is encoded and
//! refuses what it cannot express, and [`Query::contradicts`] tells a row that the query cannot have meant.

pub(crate) mod build;
mod clause;
mod condition;
mod encode;
mod error;
mod field;
mod judge;
mod moment;
mod operator;

pub(crate) use self::build::{Paging, Query};
pub use self::clause::{Join, Related};
pub use self::condition::Condition;
pub use self::error::QueryError;
pub use self::moment::{Days, Distance, Moment, Weekday};
pub use self::operator::Operator;
