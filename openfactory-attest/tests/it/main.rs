//! The crate against files, images and other people's tools.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "tests"
)]

mod manifest;
#[cfg(feature = "squashfs")]
mod squashfs;
mod audit;
mod document;
mod envelope;
mod key;
mod python;
mod recipe;
mod tool;
mod tree;
mod verity;
mod verity_faults;
