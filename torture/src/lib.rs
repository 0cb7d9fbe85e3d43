//! Proof of durability: a queue's process is killed, or its disk loses power, again and again; then what the process
//! was told is held against what is left.
//!
//! The program `torture` does the one, `torture-check` the other. They share nothing but files: each life of the
//! tortured process writes a [`journal`] of what it is about to do and of what it was answered, on a disk that is not
//! cut, and [`check`] reads those.
//!
//! ```
//! use openfactory_torture::check::{Checker, Violation};
//! use openfactory_torture::journal::Entry;
//!
//! let mut checker = Checker::default();
//! checker.life(["try 0 0", "stored 0 0"].iter().map(|line| Entry::parse(line).unwrap()));
//! // The next life is the last: it drains the queue, and finds it empty.
//! checker.life([]);
//! assert_eq!(checker.verdict().violations, [Violation::Lost { key: 0, n: 0 }]);
//! ```

pub mod check;
pub mod journal;
