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
        let began = Stamp::from(clock.now());
        let tried = attempt().await?;
        let now = Stamp::from(clock.now());
        if !tried.leased.is_empty() || now >= deadline {
            return Ok(tried.leased);
        }
        if tried.next.is_some_and(|next| began < next && next <= now) {
            // Its time came while the try was under way, which may have been too early for it.
            continue;
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test]
    async fn a_time_that_comes_while_a_try_is_under_way_leads_to_another_try() {
        let clock = ManualClock::at(UNIX_EPOCH);
        let next = Stamp::from(clock.now()).plus(Duration::from_secs(1));
        let (tries, changed) = (Cell::new(0), Notify::new());
        let attempt = || async {
            tries.set(tries.get() + 1);
            if tries.get() == 1 {
                // It has looked already when the time comes.
                clock.advance(Duration::from_secs(1));
            } else {
                clock.advance(Duration::from_secs(100));
            }
            Ok(Try { leased: Vec::new(), next: Some(next) })
        };
        let waited = for_some(&clock, &changed, Duration::from_secs(60), attempt);
        let leased = tokio::time::timeout(Duration::from_secs(20), waited).await;
        assert!(leased.expect("it slept over the time that had come").unwrap().is_empty());
        assert_eq!(tries.get(), 2);
    }
}
