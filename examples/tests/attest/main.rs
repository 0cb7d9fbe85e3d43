//! `attest` as operators and auditors run it: output, exit status, files, and what other people's tools say to them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    reason = "tests"
)]

mod audit;
mod auditor;
mod bundle;
mod evidence;
mod ima;
mod image;
mod keys;
mod pki;
mod ran;
mod sbom;
mod test_reports;
mod verity;
