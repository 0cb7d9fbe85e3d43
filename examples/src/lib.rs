//! The reference deployment of openfactory: what the binaries do, as a library, so that tests start the real thing.

pub mod attest;
pub mod cli;
pub mod write_once;
