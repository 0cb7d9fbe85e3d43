//! The simulator over real sockets and TLS, asked by a plain HTTP client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod access;
mod approval;
mod attachment;
mod bad_input;
mod batch;
mod bounds;
mod change;
mod change_api;
mod change_work;
mod checklist;
mod cmdb;
mod doors;
mod event;
mod faults;
mod foreign;
mod import;
mod incident;
mod ire;
mod limits;
mod oauth;
mod page;
mod population;
mod problem;
mod profile;
mod pysnc;
mod python;
mod query;
mod seed;
mod shown;
mod sight;
mod slow;
mod state;
mod stats;
mod support;
mod switched_rules;
mod switched_work;
mod switches;
mod table;
mod turns;
mod webhook;
