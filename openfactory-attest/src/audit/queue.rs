//! Group commit: whoever comes while one is writing waits, and then one of the waiting writes for all of them.
//!
//! Each caller sleeps on a seat of its own and is woken once, by whoever did its request: with many callers, waking all of
//! them to look would cost more than the writing. The next to write is told before those who are done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

/// Requests that are done together, and their answers.
pub(super) struct Queue<R, A> {
    state: Mutex<State<R, A>>,
}

struct State<R, A> {
    waiting: Vec<(R, Arc<Seat<A>>)>,
    leading: bool,
    broken: bool,
}

/// Where one caller waits.
struct Seat<A> {
    told: Mutex<Told<A>>,
    thread: Thread,
}

/// What a caller was told.
enum Told<A> {
    /// Nothing yet.
    Nothing,
    /// To do what is waiting, its own request included.
    Lead,
    /// Its answer, or that there will be none.
    Done(Option<A>),
}

impl<A> Seat<A> {
    fn of_this_thread() -> Arc<Self> {
        Arc::new(Self { told: Mutex::new(Told::Nothing), thread: std::thread::current() })
    }

    fn tell(&self, told: Told<A>) {
        *self.lock() = told;
        self.thread.unpark();
    }

    /// Waits until this thread is told something.
    fn wait(&self) -> Told<A> {
        loop {
            // Not within the `match`, which would hold the lock while this thread sleeps.
            let told = std::mem::replace(&mut *self.lock(), Told::Nothing);
            match told {
                Told::Nothing => std::thread::park(),
                told => return told,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Told<A>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R, A> Queue<R, A> {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State { waiting: Vec::new(), leading: false, broken: false }) }
    }

    /// Waits until this request was done, by this thread or another, and gives its answer. `perform` does what is
    /// waiting and answers each in turn; it never runs twice at once. `None` where a `perform` did not come back
    /// with as many answers.
    pub(super) fn submit(&self, request: R, perform: impl Fn(Vec<R>) -> Vec<A>) -> Option<A> {
        let seat = Seat::of_this_thread();
        let leads = {
            let mut state = self.lock();
            if state.broken {
                return None;
            }
            state.waiting.push((request, Arc::clone(&seat)));
            !std::mem::replace(&mut state.leading, true)
        };
        if !leads && let Told::Done(answer) = seat.wait() {
            return answer;
        }
        let (requests, seats) = std::mem::take(&mut self.lock().waiting).into_iter().unzip();
        // Whatever happens in `perform`, the others are not left waiting.
        let mut turn = Turn { queue: self, seats, answers: Vec::new() };
        turn.answers = perform(requests);
        drop(turn);
        match seat.wait() {
            Told::Done(answer) => answer,
            // Nobody is told twice.
            Told::Nothing | Told::Lead => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<R, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn of a leader. At its end all who took part are told, and who leads next, if anybody waits.
struct Turn<'q, R, A> {
    queue: &'q Queue<R, A>,
    seats: Vec<Arc<Seat<A>>>,
    answers: Vec<A>,
}

impl<R, A> Drop for Turn<'_, R, A> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.broken |= self.answers.len() != self.seats.len();
        let mut left_behind = Vec::new();
        match state.waiting.first() {
            Some(_) if state.broken => left_behind = std::mem::take(&mut state.waiting),
            Some((_, next)) => next.tell(Told::Lead),
            None => state.leading = false,
        }
        drop(state);
        let mut answers = self.answers.drain(..);
        for seat in self.seats.drain(..) {
            seat.tell(Told::Done(answers.next()));
        }
        for (_, seat) in left_behind {
            seat.tell(Told::Done(None));
        }
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
