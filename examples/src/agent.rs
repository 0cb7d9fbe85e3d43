//! The agent: looks whether a device still is what was built, and reports it, signed.

pub mod config;
