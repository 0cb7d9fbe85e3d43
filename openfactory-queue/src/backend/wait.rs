//! Waiting for the first message: the same loop for every embedded backend.

use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::error::Error;
use crate::lease::Leased;
use crate::stamp::Stamp;

/// What one try to lease has brought.
pub(crate) struct Try {
    pub(crate) leased: Vec<Leased>,
    /// When something may become ready by itself: a delay, a lapse, the end of a pause.
    pub(crate) next: Option<Stamp>,
}

/// Tries at once, then whenever `changed` tells or time alone may have made something ready, until `wait` is over.
pub(crate) async fn for_some<A, F>(
    clock: &dyn Clock,
    changed: &Notify,
    wait: Duration,
    mut attempt: A,
) -> Result<Vec<Leased>, Error>
where
    A: FnMut() -> F,
    F: Future<Output = Result<Try, Error>>,
{
    let deadline = Stamp::from(clock.now()).plus(wait);
    loop {
        // Registered before the try, so that a change between try and wait is not missed.
        let change = changed.notified();
        tokio::pin!(change);
        change.as_mut().enable();
        let tried = attempt().await?;
        let now = Stamp::from(clock.now());
        if !tried.leased.is_empty() || now >= deadline {
            return Ok(tried.leased);
        }
        let until = tried.next.map_or(deadline, |next| next.min(deadline));
        // Never a spin: what is overdue but not taken is paused, or left to the next sweep.
        let pause = until.since(now).max(Duration::from_millis(1));
        tokio::select! {
            () = change => {}
            () = clock.sleep(pause) => {}
        }
    }
}
