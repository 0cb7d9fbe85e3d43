//! Tells the story: lines on stdout for a person, a spinner on stderr while something is waited for.

use std::fmt::Display;
use std::future::Future;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::error::DemoError;

/// How often something that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// The longest that one thing is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who tells the story.
#[derive(Debug)]
pub(crate) struct Narrator {
    silent: bool,
    begun: Instant,
    chapters: AtomicUsize,
}

impl Narrator {
    /// One that tells it, or with `silent` only listens.
    pub(crate) fn new(silent: bool) -> Self {
        Self { silent, begun: Instant::now(), chapters: AtomicUsize::new(0) }
    }

    /// Seconds since the story began.
    pub(crate) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Begins a chapter.
    pub(crate) fn chapter(&self, title: &str) -> Result<(), DemoError> {
        let number = self.chapters.fetch_add(1, Ordering::Relaxed) + 1;
        self.write(format_args!("\n[{:5.1} s] {number}. {title}\n", self.seconds()))
    }

    /// Tells one thing.
    pub(crate) fn say(&self, what: impl Display) -> Result<(), DemoError> {
        self.write(format_args!("    {what}\n"))
    }

    /// Tells a table or a summary as it stands.
    pub(crate) fn show(&self, text: &str) -> Result<(), DemoError> {
        self.write(format_args!("{text}"))
    }

    fn write(&self, text: std::fmt::Arguments<'_>) -> Result<(), DemoError> {
        if self.silent {
            return Ok(());
        }
        match io::stdout().lock().write_fmt(text) {
            // Whoever reads may close the pipe; the story goes on all the same.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(DemoError::new(format!("could not write to stdout: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Looks again and again until `look` finds something.
    pub(crate) async fn wait_for<T, F>(&self, what: &str, mut look: impl FnMut() -> F) -> Result<T, DemoError>
    where
        F: Future<Output = Result<Option<T>, DemoError>>,
    {
        let _spinner = Spinner::new(what);
        let end = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < end {
            match look().await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => last = None,
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(LOOK).await;
        }
        let seconds = PATIENCE.as_secs();
        Err(match last {
            Some(error) => error,
            None => {
                DemoError::new(format!("waited {seconds} s for {what}, in vain; RUST_LOG=info tells more"))
            }
        })
    }
}

/// Turns while something is waited for; on anything but a terminal nothing is drawn.
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    pub(crate) fn new(what: &str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(format!("waiting for {what}"));
        if let Ok(style) = ProgressStyle::with_template("    {spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
