//! One graceful stop for everything in a process: Ctrl-C and SIGTERM become a token that tasks wait on.

use std::future::Future;
use std::io;

use tokio::sync::watch;

/// A stop that may be asked for once, seen by every clone.
///
/// ```
/// use openfactory_examples::shutdown::Shutdown;
///
/// let stop = Shutdown::new();
/// let seen_by_a_task = stop.clone();
/// assert!(!seen_by_a_task.is_triggered());
/// stop.trigger();
/// assert!(seen_by_a_task.is_triggered());
/// ```
#[derive(Clone, Debug)]
pub struct Shutdown {
    state: watch::Sender<bool>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// A stop that nobody has asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self { state: watch::Sender::new(false) }
    }

    /// A stop that Ctrl-C (SIGINT) or SIGTERM asks for. A second signal ends the process at once.
    ///
    /// Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// When the signal handlers can't be installed.
    pub fn on_signal() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let stop = Self::new();
        let to_trigger = stop.clone();
        tokio::spawn(async move {
            for first in [true, false] {
                let number = tokio::select! {
                    _ = interrupt.recv() => 2,
                    _ = terminate.recv() => 15,
                };
                if first {
                    tracing::info!(signal = number, "stopping; a second signal stops without waiting");
                    to_trigger.trigger();
                } else {
                    std::process::exit(128 + number);
                }
            }
        });
        Ok(stop)
    }

    /// Asks for the stop. Asking again changes nothing.
    pub fn trigger(&self) {
        self.state.send_replace(true);
    }

    /// Whether the stop was asked for.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        *self.state.borrow()
    }

    /// Waits until the stop is asked for; returns at once when it already was. Cancel-safe.
    pub fn triggered(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut seen = self.state.subscribe();
        // The sender is kept by the future itself, so that waiting can't end because everyone else let go.
        let kept = self.state.clone();
        async move {
            if seen.wait_for(|stop| *stop).await.is_err() {
                tracing::debug!("the stop token went away");
            }
            drop(kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Shutdown;

    #[tokio::test]
    async fn a_waiter_wakes_when_any_clone_triggers() {
        let stop = Shutdown::new();
        let waiting = tokio::spawn(stop.triggered());
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        stop.clone().trigger();
        waiting.await.unwrap();
        stop.triggered().await;
    }
}
