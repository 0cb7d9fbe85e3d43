//! The crate against files, images and other people's tools.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests"
)]

mod audit;
#[cfg(all(feature = "sbom", feature = "squashfs"))]
mod combined;
#[cfg(all(feature = "sbom", feature = "squashfs"))]
mod coverage;
mod document;
mod envelope;
mod flaws;
mod fsverity;
mod ima;
#[cfg(feature = "squashfs")]
mod iso9660;
#[cfg(feature = "sbom")]
mod jsf;
mod key;
mod log;
mod manifest;
#[cfg(feature = "pkcs7")]
mod pki;
mod python;
#[cfg(feature = "quote")]
mod quote;
mod recipe;
mod registry;
mod revocation;
#[cfg(all(feature = "rpmdb", feature = "squashfs"))]
mod rpm;
#[cfg(all(feature = "sbom", feature = "squashfs"))]
mod sbom;
mod schema;
#[cfg(feature = "squashfs")]
mod squashfs;
mod statement;
mod tiles;
mod tlog_foreign;
mod tool;
mod tree;
mod vault;
mod verity;
mod verity_faults;
mod verity_fec;
mod verity_fec_area;
mod verity_matrix;
#[cfg(feature = "pkcs7")]
mod verity_signature;
mod verity_vectors;
mod verity_writer;
mod witness;
#[cfg(feature = "squashfs")]
mod xattr;
