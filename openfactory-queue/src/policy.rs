//! When to try again, when to give up, and when not to try at all: pure decisions.

pub mod backoff;
pub mod breaker;
pub mod limits;
