//! The walk from the root down. One thread reads and proves hash blocks, the others compare data with them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::{io, thread};

use super::report::{Fault, Finding, Place, VerifyReport};
use super::{Device, VerifyError};
use crate::read_at::ReadAt;
use crate::verity::hasher::Hasher;
use crate::verity::tree::Tree;
use crate::work::Work;

/// Jobs that may wait for one thread.
const WAITING: usize = 4;

/// Bytes of data that are read at once.
const READ_SIZE: u64 = 1024 * 1024;

pub(super) fn verify(
    data: &dyn ReadAt,
    hash: &dyn ReadAt,
    tree: &Tree,
    work: &Work<'_>,
) -> Result<VerifyReport, VerifyError> {
    let size = |device: Device, from: &dyn ReadAt| {
        from.size().map_err(|source| VerifyError::Read { device, offset: 0, source })
    };
    let walk = Walk {
        data,
        hash,
        data_size: size(Device::Data, data)?,
        hash_size: size(Device::Hash, hash)?,
        tree,
        hasher: Hasher::new(tree.params()),
        work,
        checked: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
        outcome: Mutex::new(Ok(VerifyReport::default())),
    };
    thread::scope(|scope| {
        let (mut queues, walk) = (Vec::new(), &walk);
        for _thread in 0..work.threads().get() {
            let (queue, jobs) = sync_channel(WAITING);
            scope.spawn(move || walk.check_data(&jobs));
            queues.push(queue);
        }
        let mut queues = queues.iter().cycle();
        walk.start(&mut || queues.next());
    });
    let mut report = walk.outcome.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    report.merge();
    Ok(report)
}

/// Data blocks to compare with digests that are proved; these follow right upon each other.
struct Job {
    first: u64,
    digests: Vec<u8>,
}

/// What a thread keeps from job to job.
#[derive(Default)]
struct Room {
    bytes: Vec<u8>,
    digests: Vec<u8>,
}

/// Gives the thread whose turn it is.
type Turn<'a, 'q> = dyn FnMut() -> Option<&'q SyncSender<Job>> + 'a;

struct Walk<'a> {
    data: &'a dyn ReadAt,
    hash: &'a dyn ReadAt,
    data_size: u64,
    hash_size: u64,
    tree: &'a Tree,
    hasher: Hasher,
    work: &'a Work<'a>,
    checked: AtomicU64,
    stopped: AtomicBool,
    outcome: Mutex<Result<VerifyReport, VerifyError>>,
}

impl Walk<'_> {
    fn start(&self, turn: &mut Turn<'_, '_>) {
        let root = self.tree.root_hash();
        match self.tree.shape().levels().len().checked_sub(1) {
            Some(top) => self.descend(top, 0, root.as_bytes(), turn),
            // A single data block: the root hash is its hash.
            None => self.dispatch(Job { first: 0, digests: root.as_bytes().to_vec() }, turn),
        }
    }

    /// Proves one hash block and goes on with what it vouches for. At most some 60 levels deep.
    fn descend(&self, level: usize, index: u64, expected: &[u8], turn: &mut Turn<'_, '_>) {
        if self.stopped.load(Ordering::Relaxed) {
            return;
        }
        let Some(start) = self.tree.shape().levels().get(level).map(|level| level.start) else { return };
        let block_size = self.tree.params().hash_block_size().bytes();
        let offset = (start + index) * block_size as u64;
        if offset + block_size as u64 > self.hash_size {
            return self.distrust(level, index, Fault::Missing);
        }
        let mut block = vec![0; block_size];
        if let Err(source) = self.hash.read_exact_at(&mut block, offset) {
            return self.stop(Device::Hash, offset, source);
        }
        let mut found = Vec::new();
        self.hasher.hash(&block, &mut found);
        if found != expected {
            return self.distrust(level, index, Fault::Mismatch);
        }
        let per_block = self.tree.params().digests_per_block() as u64;
        let first = index * per_block;
        let Some(below) = level.checked_sub(1) else {
            let blocks = (self.tree.data_blocks() - first).min(per_block);
            let digests = self.digests(&block).take(blocks as usize).flatten().copied().collect();
            return self.dispatch(Job { first, digests }, turn);
        };
        let blocks_below = self.tree.shape().levels().get(below).map_or(0, |level| level.blocks);
        for (child, digest) in (first..blocks_below).zip(self.digests(&block)) {
            self.descend(below, child, digest, turn);
        }
    }

    /// The digests in a hash block, those of its padding included.
    fn digests<'b>(&self, block: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
        let params = self.tree.params();
        let digest_len = params.algorithm().digest_len();
        let slots = block.chunks(params.slot_len()).take(params.digests_per_block());
        slots.filter_map(move |slot| slot.get(..digest_len))
    }

    fn dispatch(&self, job: Job, turn: &mut Turn<'_, '_>) {
        if let Some(queue) = turn() {
            // A queue hangs up only if its thread panicked; the scope passes that on.
            if queue.send(job).is_err() {
                self.stopped.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Records a bad hash block, and that nothing is known of the data below it.
    fn distrust(&self, level: usize, index: u64, fault: Fault) {
        let per_block = self.tree.params().digests_per_block() as u64;
        // The top level's blocks may reach beyond the data, and beyond what a number can hold.
        let covers = (0..=level).fold(1_u64, |blocks, _level| blocks.saturating_mul(per_block));
        let first = index.saturating_mul(covers);
        let last = first.saturating_add(covers).min(self.tree.data_blocks()) - 1;
        self.record([
            Finding { place: Place::Tree { level }, first: index, last: index, fault },
            Finding { place: Place::Data, first, last, fault: Fault::Unproven },
        ]);
        self.advance(last - first + 1);
    }

    fn check_data(&self, jobs: &Receiver<Job>) {
        let mut room = Room::default();
        while let Ok(job) = jobs.recv() {
            // After an error the queue is emptied all the same, so that the walking thread never waits for room.
            if !self.stopped.load(Ordering::Relaxed) {
                self.check(&job, &mut room);
            }
        }
    }

    fn check(&self, job: &Job, Room { bytes, digests: found }: &mut Room) {
        let size = self.tree.params().data_block_size();
        let block_size = u64::from(size.get());
        let at_once = (READ_SIZE / block_size).max(1);
        let there = self.data_size / block_size;
        let digest_len = self.tree.params().algorithm().digest_len();
        let end = job.first + (job.digests.len() / digest_len) as u64;
        let mut expected = job.digests.chunks_exact(digest_len);
        let mut block = job.first;
        while block < end.min(there) {
            let blocks = at_once.min(end.min(there) - block);
            bytes.resize((blocks * block_size) as usize, 0);
            if let Err(source) = self.data.read_exact_at(bytes, block * block_size) {
                return self.stop(Device::Data, block * block_size, source);
            }
            found.clear();
            self.hasher.hash_blocks(bytes, size.non_zero(), found);
            for (found, expected) in found.chunks_exact(digest_len).zip(&mut expected) {
                if found != expected {
                    let fault = Fault::Mismatch;
                    self.record([Finding { place: Place::Data, first: block, last: block, fault }]);
                }
                block += 1;
            }
        }
        if block < end {
            let fault = Fault::Missing;
            self.record([Finding { place: Place::Data, first: block, last: end - 1, fault }]);
        }
        self.advance(end - job.first);
    }

    fn record<const N: usize>(&self, findings: [Finding; N]) {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(report) = outcome.as_mut() {
            findings.into_iter().for_each(|finding| report.add(finding));
        }
    }

    fn stop(&self, device: Device, offset: u64, source: io::Error) {
        self.stopped.store(true, Ordering::Relaxed);
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        if outcome.is_ok() {
            *outcome = Err(VerifyError::Read { device, offset, source });
        }
    }

    fn advance(&self, blocks: u64) {
        let block_size = u64::from(self.tree.params().data_block_size().get());
        let checked = self.checked.fetch_add(blocks, Ordering::Relaxed) + blocks;
        self.work.tell(checked * block_size, self.tree.data_size());
    }
}
