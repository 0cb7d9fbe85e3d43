//! What the threads do: hash blocks of the lowest level are proved, data is compared with what they say.

use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use super::Device;
use super::report::{Fault, Finding, Place};
use super::walk::Walk;

/// Bytes of data that are read at once.
const READ_SIZE: u64 = 1024 * 1024;

/// Blocks to compare with digests that are proved; these follow right upon each other.
pub(super) struct Job {
    pub(super) blocks: Blocks,
    pub(super) first: u64,
    pub(super) digests: Vec<u8>,
}

/// Blocks of what.
pub(super) enum Blocks {
    /// The data.
    Data,
    /// The lowest level of the tree, and with each of its blocks the data that it vouches for.
    Leaves,
}

/// What a thread keeps from job to job.
#[derive(Default)]
struct Room {
    bytes: Vec<u8>,
    digests: Vec<u8>,
}

impl Walk<'_> {
    pub(super) fn check(&self, jobs: &Receiver<Job>) {
        let (mut for_leaves, mut for_data) = (Room::default(), Room::default());
        while let Ok(Job { blocks, first, digests }) = jobs.recv() {
            // After an error the queue is emptied all the same, so that the walking thread never waits for room.
            if !self.stopped.load(Ordering::Relaxed) {
                match blocks {
                    Blocks::Data => self.check_data(first, &digests, &mut for_data),
                    Blocks::Leaves => self.check_leaves(first, &digests, &mut for_leaves, &mut for_data),
                }
            }
        }
    }

    /// Proves hash blocks of the lowest level, several at a time, and compares the data below those that are good.
    fn check_leaves(&self, first: u64, expected: &[u8], room: &mut Room, for_data: &mut Room) {
        let params = self.tree.params();
        let (size, digest_len) = (params.hash_block_size(), params.algorithm().digest_len());
        let per_block = params.digests_per_block() as u64;
        let expected = expected.chunks_exact(digest_len);
        let start = self.level(0).map_or(0, |level| level.start) + first;
        let there = (self.hash_size / u64::from(size.get())).saturating_sub(start).min(expected.len() as u64);
        let offset = start * u64::from(size.get());
        room.bytes.resize(there as usize * size.bytes(), 0);
        if let Err(source) = self.hash.read_exact_at(&mut room.bytes, offset) {
            return self.stop(Device::Hash, offset, source);
        }
        room.digests.clear();
        self.hasher.hash_blocks(&room.bytes, size.non_zero(), &mut room.digests);
        let mut blocks = room.bytes.chunks_exact(size.bytes()).zip(room.digests.chunks_exact(digest_len));
        let (mut proved, mut below) = (Vec::new(), first * per_block);
        for (index, expected) in (first..).zip(expected) {
            let block = blocks.next();
            if let Some((block, _)) = block.filter(|(_, found)| *found == expected) {
                self.digests(block).for_each(|digest| proved.extend_from_slice(digest));
                continue;
            }
            self.check_data(below, &proved, for_data);
            proved.clear();
            below = (index + 1) * per_block;
            self.distrust(0, index, if block.is_some() { Fault::Mismatch } else { Fault::Missing });
        }
        self.check_data(below, &proved, for_data);
    }

    /// Compares data blocks with their digests, of which there may be more than blocks: those of padding.
    fn check_data(&self, first: u64, expected: &[u8], Room { bytes, digests: found }: &mut Room) {
        let size = self.tree.params().data_block_size();
        let block_size = u64::from(size.get());
        let at_once = (READ_SIZE / block_size).max(1);
        let there = self.data_size / block_size;
        let digest_len = self.tree.params().algorithm().digest_len();
        let end = self.tree.data_blocks().min(first + (expected.len() / digest_len) as u64);
        let mut expected = expected.chunks_exact(digest_len);
        let mut block = first;
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
        self.advance(end.saturating_sub(first));
    }
}
