//! Group commit: whoever comes while one is writing waits, and then one of the waiting writes for all of them.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Requests that are done together, and their answers.
pub(super) struct Queue<R, A> {
    state: Mutex<State<R, A>>,
    turn: Condvar,
}

struct State<R, A> {
    waiting: Vec<(u64, R)>,
    answers: HashMap<u64, A>,
    next: u64,
    leading: bool,
    broken: bool,
}

impl<R, A> Queue<R, A> {
    pub(super) fn new() -> Self {
        let state =
            State { waiting: Vec::new(), answers: HashMap::new(), next: 0, leading: false, broken: false };
        Self { state: Mutex::new(state), turn: Condvar::new() }
    }

    /// Waits until this request was done, by this thread or another, and gives its answer. `perform` does what is
    /// waiting and answers each in turn; it never runs twice at once. `None` where a `perform` did not come back
    /// with as many answers.
    pub(super) fn submit(&self, request: R, perform: impl Fn(Vec<R>) -> Vec<A>) -> Option<A> {
        let mut state = self.lock();
        let ticket = state.next;
        state.next += 1;
        state.waiting.push((ticket, request));
        loop {
            if let Some(answer) = state.answers.remove(&ticket) {
                return Some(answer);
            }
            if state.broken {
                return None;
            }
            if state.leading {
                state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.leading = true;
            let (tickets, requests): (Vec<_>, Vec<_>) =
                std::mem::take(&mut state.waiting).into_iter().unzip();
            drop(state);
            // Whatever happens in `perform`, the others are not left waiting.
            let guard = Leading { queue: self };
            let answers = perform(requests);
            state = self.lock();
            state.broken |= answers.len() != tickets.len();
            state.answers.extend(tickets.into_iter().zip(answers));
            state.leading = false;
            std::mem::forget(guard);
            self.turn.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<R, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Leading<'q, R, A> {
    queue: &'q Queue<R, A>,
}

impl<R, A> Drop for Leading<'_, R, A> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.leading = false;
        state.broken = true;
        drop(state);
        self.queue.turn.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn everyone_gets_the_own_answer_and_many_share_one_turn() {
        let queue = Queue::new();
        let turns = AtomicUsize::new(0);
        let perform = |requests: Vec<usize>| {
            turns.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(std::time::Duration::from_millis(5));
            requests.into_iter().map(|request| request * 2).collect()
        };
        std::thread::scope(|scope| {
            for request in 0..32 {
                let (queue, perform) = (&queue, &perform);
                scope.spawn(move || assert_eq!(queue.submit(request, perform), Some(request * 2)));
            }
        });
        assert!(turns.load(Ordering::Relaxed) < 32);
    }

    #[test]
    fn nobody_waits_for_one_who_is_gone() {
        let queue: Queue<u8, u8> = Queue::new();
        std::thread::scope(|scope| {
            let gone = scope.spawn(|| queue.submit(1, |_| panic!("gone")));
            assert!(gone.join().is_err());
        });
        assert_eq!(queue.submit(2, |requests| requests), None);
    }
}
