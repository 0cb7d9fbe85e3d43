//! Measurements, side by side with what a user would pick instead.
//!
//! The programs are in `src/bin`; here is what several of them need.

mod exit;
mod median;
mod memory;

pub use exit::exit;
pub use median::{median, median_time};
pub use memory::{Memory, kibibytes};
