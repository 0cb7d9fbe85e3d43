//! Both pages in a browser: Chromium without a window, driven by ChromeDriver, against the real servers over TLS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod browser;
mod injection;
mod keyboard;
mod looks;
mod story;
#[path = "../router/world.rs"]
#[allow(dead_code, reason = "shared with the router's tests, which use all of it")]
mod world;
