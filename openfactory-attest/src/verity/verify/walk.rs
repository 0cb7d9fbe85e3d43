//! The walk from the root down. One thread reads and proves hash blocks, the others compare data with them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::{io, thread};

use super::check::{Blocks, Job};
use super::report::{Fault, Finding, Place, VerifyReport};
use super::{Device, VerifyError};
use crate::read_at::ReadAt;
use crate::verity::hasher::Hasher;
use crate::verity::shape::Level;
use crate::verity::tree::Tree;
use crate::work::Work;

/// Jobs that may wait for one thread.
const WAITING: usize = 4;

/// Bytes of data that make a job long enough: each wakes a thread, and hash blocks are hashed several at a time.
const JOB_SIZE: u64 = 4 * 1024 * 1024;

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
            scope.spawn(move || walk.check(&jobs));
            queues.push(queue);
        }
        let mut queues = queues.iter().cycle();
        walk.start(&mut || queues.next());
    });
    let mut report = walk.outcome.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    report.merge();
    Ok(report)
}

/// Gives the thread whose turn it is.
type Turn<'a, 'q> = dyn FnMut() -> Option<&'q SyncSender<Job>> + 'a;

pub(super) struct Walk<'a> {
    pub(super) data: &'a dyn ReadAt,
    pub(super) hash: &'a dyn ReadAt,
    pub(super) data_size: u64,
    pub(super) hash_size: u64,
    pub(super) tree: &'a Tree,
    pub(super) hasher: Hasher,
    work: &'a Work<'a>,
    checked: AtomicU64,
    pub(super) stopped: AtomicBool,
    outcome: Mutex<Result<VerifyReport, VerifyError>>,
}

impl Walk<'_> {
    fn start(&self, turn: &mut Turn<'_, '_>) {
        let root = self.tree.root_hash();
        let job = |blocks| Job { blocks, first: 0, digests: root.as_bytes().to_vec() };
        match self.tree.shape().levels().len() {
            // A single data block: the root hash is its hash.
            0 => self.dispatch(job(Blocks::Data), turn),
            1 => self.dispatch(job(Blocks::Leaves), turn),
            levels => self.descend(levels - 1, 0, root.as_bytes(), turn),
        }
    }

    /// Proves one hash block above the lowest level and goes on with what it vouches for. At most some 60 levels deep.
    fn descend(&self, level: usize, index: u64, expected: &[u8], turn: &mut Turn<'_, '_>) {
        if self.stopped.load(Ordering::Relaxed) {
            return;
        }
        let (Some(here), Some(below)) = (self.level(level), level.checked_sub(1)) else { return };
        let block_size = self.tree.params().hash_block_size().bytes();
        let offset = (here.start + index) * block_size as u64;
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
        let children = index * per_block..self.level(below).map_or(0, |level| level.blocks);
        if below > 0 {
            for (child, digest) in children.zip(self.digests(&block)) {
                self.descend(below, child, digest, turn);
            }
            return;
        }
        let at_once = (JOB_SIZE / (per_block * u64::from(self.tree.params().data_block_size().get()))).max(1);
        let mut digests = self.digests(&block);
        for first in children.clone().take(per_block as usize).step_by(at_once as usize) {
            let count = at_once.min(children.end - first);
            let digests = digests.by_ref().take(count as usize).collect::<Vec<_>>().concat();
            self.dispatch(Job { blocks: Blocks::Leaves, first, digests }, turn);
        }
    }

    pub(super) fn level(&self, level: usize) -> Option<&Level> {
        self.tree.shape().levels().get(level)
    }

    /// The digests in a hash block, those of its padding included.
    pub(super) fn digests<'b>(&self, block: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
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
    pub(super) fn distrust(&self, level: usize, index: u64, fault: Fault) {
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

    pub(super) fn record<const N: usize>(&self, findings: [Finding; N]) {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(report) = outcome.as_mut() {
            findings.into_iter().for_each(|finding| report.add(finding));
        }
    }

    pub(super) fn stop(&self, device: Device, offset: u64, source: io::Error) {
        self.stopped.store(true, Ordering::Relaxed);
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        if outcome.is_ok() {
            *outcome = Err(VerifyError::Read { device, offset, source });
        }
    }

    pub(super) fn advance(&self, blocks: u64) {
        let block_size = u64::from(self.tree.params().data_block_size().get());
        let checked = self.checked.fetch_add(blocks, Ordering::Relaxed) + blocks;
        self.work.tell(checked * block_size, self.tree.data_size());
    }
}
