//! Many threads hash consecutive pieces of a device, one thread takes the results in order. Memory is bounded.
//!
//! Thread *t* of *n* takes pieces *t*, *t + n*, *t + 2n* ... and puts its results into a short channel of its own;
//! the taker goes round the channels. A thread that is ahead waits for the taker.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::mpsc::sync_channel;
use std::thread;

/// Results that a thread may be ahead of the taker.
const AHEAD: usize = 4;

/// Does `work` on each piece of `0..pieces`, on many threads, and gives the results to `take` in order.
///
/// `work` also gets a buffer that its thread keeps from piece to piece. Stops at the first error, of `work` or of
/// `take`.
pub(super) fn in_order<T: Send, E: Send>(
    pieces: u64,
    threads: NonZeroUsize,
    work: impl Fn(u64, &mut Vec<u8>) -> Result<T, E> + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let threads = threads.get().min(usize::try_from(pieces).unwrap_or(usize::MAX)).max(1);
    thread::scope(|scope| {
        let work = &work;
        let channels: Vec<_> = (0..threads)
            .map(|first| {
                let (results, channel) = sync_channel(AHEAD);
                scope.spawn(move || {
                    let mut buffer = Vec::new();
                    for piece in (first as u64..pieces).step_by(threads) {
                        let result = work(piece, &mut buffer);
                        let failed = result.is_err();
                        // An error here says that the taker has stopped: there is nobody left to work for.
                        if results.send(result).is_err() || failed {
                            return;
                        }
                    }
                });
                channel
            })
            .collect();
        for channel in channels.iter().cycle().take(usize::try_from(pieces).unwrap_or(usize::MAX)) {
            match channel.recv() {
                Ok(result) => take(result?)?,
                // The thread panicked; the scope passes that on when it is left.
                Err(_hung_up) => break,
            }
        }
        Ok(())
    })
}

/// Cuts `blocks` into pieces of about four mebibytes: how many pieces, and which blocks a piece has.
///
/// Each piece wakes the taker, which then takes a processor from those who hash.
pub(super) struct Pieces {
    blocks: u64,
    per_piece: u64,
}

impl Pieces {
    const BYTES: u64 = 4 * 1024 * 1024;

    pub(super) fn of(blocks: u64, block_size: usize) -> Self {
        Self { blocks, per_piece: (Self::BYTES / block_size as u64).max(1) }
    }

    pub(super) const fn count(&self) -> u64 {
        self.blocks.div_ceil(self.per_piece)
    }

    pub(super) fn blocks(&self, piece: u64) -> Range<u64> {
        let start = piece * self.per_piece;
        start..(start + self.per_piece).min(self.blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        for threads in 1..6 {
            let mut seen = Vec::new();
            let threads = NonZeroUsize::new(threads).unwrap();
            in_order::<_, ()>(
                100,
                threads,
                |piece, _| Ok(piece * 2),
                |value| {
                    seen.push(value);
                    Ok(())
                },
            )
            .unwrap();
            assert_eq!(seen, (0..100).map(|piece| piece * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_error_ends_it() {
        let threads = NonZeroUsize::new(3).unwrap();
        let failing = |piece, _: &mut Vec<u8>| if piece == 50 { Err(piece) } else { Ok(()) };
        assert_eq!(in_order(1_000_000_000, threads, failing, |()| Ok(())), Err(50));
        assert_eq!(
            in_order(
                1_000_000_000,
                threads,
                |piece, _| Ok(piece),
                |piece| if piece == 9 { Err(9) } else { Ok(()) }
            ),
            Err(9)
        );
        assert_eq!(in_order(0, threads, |_, _| Err::<(), _>(1), |()| Ok(())), Ok(()));
    }

    #[test]
    fn pieces_cover_all_blocks_once() {
        for (blocks, block_size) in [(1, 4096), (255, 4096), (256, 4096), (257, 4096), (5, 524_288)] {
            let pieces = Pieces::of(blocks, block_size);
            let all: Vec<u64> = (0..pieces.count()).flat_map(|piece| pieces.blocks(piece)).collect();
            assert_eq!(all, (0..blocks).collect::<Vec<_>>());
        }
    }
}
