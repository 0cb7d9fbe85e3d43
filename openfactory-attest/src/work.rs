//! How much of the machine a long piece of work may use, and who hears how far it is.

use std::fmt;
use std::num::NonZeroUsize;

/// Threads to use and a listener for progress: what every long-running function of this crate takes.
///
/// ```
/// use openfactory_attest::Work;
///
/// let work = Work::on_threads(2.try_into()?);
/// assert_eq!(work.threads().get(), 2);
/// # Ok::<(), std::num::TryFromIntError>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct Work<'a> {
    threads: Option<NonZeroUsize>,
    progress: Option<&'a Listener<'a>>,
}

/// What is told of progress: bytes done, and bytes in all.
type Listener<'a> = dyn Fn(u64, u64) + Sync + 'a;

impl<'a> Work<'a> {
    /// More threads than this are not started, whatever is asked for.
    pub const MAX_THREADS: usize = 256;

    /// As many threads as this process may run at once, and no listener.
    #[must_use]
    pub fn on_all_cores() -> Self {
        Self::default()
    }

    /// That many threads, and no listener.
    #[must_use]
    pub fn on_threads(threads: NonZeroUsize) -> Self {
        Self { threads: Some(threads), progress: None }
    }

    /// Calls the listener, from whichever thread, with bytes done and bytes in all.
    #[must_use]
    pub fn telling(self, listener: &'a Listener<'a>) -> Self {
        Self { progress: Some(listener), ..self }
    }

    /// How many threads will be used.
    #[must_use]
    pub fn threads(&self) -> NonZeroUsize {
        let asked = match self.threads {
            Some(threads) => threads,
            None => std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        };
        NonZeroUsize::new(asked.get().min(Self::MAX_THREADS)).unwrap_or(NonZeroUsize::MIN)
    }

    /// Runs it on each of the threads, and gives back what they came to, or the first that failed. A panic goes on in this
    /// thread.
    pub(crate) fn on_each_thread<T: Send, E: Send>(
        &self,
        run: impl Fn() -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads().get()).map(|_| scope.spawn(&run)).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        })
    }

    pub(crate) fn tell(&self, done: u64, total: u64) {
        if let Some(listener) = self.progress {
            listener(done, total);
        }
    }
}

impl fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// What is made of a file's content, a part at a time.
#[cfg(any(feature = "sbom", feature = "squashfs"))]
pub(crate) trait ContentHasher: Send {
    type Digest: Send;

    fn update(&mut self, bytes: &[u8]);

    fn finish(self) -> Self::Digest;
}

#[cfg(feature = "squashfs")]
impl ContentHasher for crate::digest::Sha256 {
    type Digest = crate::digest::Sha256Digest;

    fn update(&mut self, bytes: &[u8]) {
        Self::update(self, bytes);
    }

    fn finish(self) -> Self::Digest {
        self.digest()
    }
}
