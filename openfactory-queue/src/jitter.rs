//! The randomness seam: where a backoff gets its random part from.

use std::fmt;

use rand::RngExt;

/// Gives the fraction of a delay that is waited.
pub trait Jitter: fmt::Debug + Send + Sync + 'static {
    /// A number from 0 (inclusive) to 1 (exclusive, or 1 for a fixed full delay).
    fn fraction(&self) -> f64;
}

/// Uniformly random: full jitter.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomJitter;

impl Jitter for RandomJitter {
    fn fraction(&self) -> f64 {
        rand::rng().random::<f64>()
    }
}

/// Always the same fraction, clamped to 0..=1: for tests.
#[derive(Clone, Copy, Debug)]
pub struct FixedJitter(pub f64);

impl Jitter for FixedJitter {
    fn fraction(&self) -> f64 {
        if self.0.is_nan() { 0.0 } else { self.0.clamp(0.0, 1.0) }
    }
}
