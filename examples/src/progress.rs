//! Progress bars: on stderr, and only if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often the bar moves when nothing is told.
const TICK: Duration = Duration::from_millis(120);

/// A bar for work that is counted in bytes. It goes away when it is dropped.
#[derive(Debug)]
pub struct Bytes(ProgressBar);

impl Bytes {
    /// A bar with a word or two before it, such as `hashing`.
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        // On anything but a terminal indicatif draws nothing.
        let bar = ProgressBar::new(0).with_message(what);
        let template = "{msg} {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// Moves the bar: bytes done, and bytes in all.
    pub fn tell(&self, done: u64, total: u64) {
        if self.0.length() != Some(total) {
            self.0.set_length(total);
        }
        self.0.set_position(done);
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
