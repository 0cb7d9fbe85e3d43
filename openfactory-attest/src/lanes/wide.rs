//! Sixteen blocks at a time through AVX-512; what is left over goes to another engine.

use std::num::NonZeroUsize;

use super::avx512::{Avx512, LANES};
use super::interleaved::Interleaved;
use super::portable::Portable;
use super::sha_ni::ShaNi;
use super::together::Affixes;
use crate::digest::Sha256Digest;

#[derive(Clone, Debug)]
pub(super) struct Wide {
    instructions: Avx512,
    affixes: Affixes,
    few: Few,
}

/// For fewer than sixteen.
#[derive(Clone, Debug)]
enum Few {
    Interleaved(Interleaved),
    Portable(Portable),
}

impl Wide {
    pub(super) fn new(instructions: Avx512, prefix: &[u8], suffix: &[u8]) -> Self {
        let affixes = Affixes::new(prefix, suffix, |state, chunks| {
            let mut states = [state; LANES];
            instructions.compress(&mut states, [chunks; LANES]);
            let [state, ..] = states;
            state
        });
        let few = match ShaNi::detect() {
            Some(instructions) => Few::Interleaved(Interleaved::new(instructions, prefix, suffix)),
            None => Few::Portable(Portable::new(prefix, suffix)),
        };
        Self { instructions, affixes, few }
    }

    pub(super) fn hash(&self, block: &[u8]) -> Sha256Digest {
        match &self.few {
            Few::Interleaved(engine) => engine.hash(block),
            Few::Portable(engine) => engine.hash(block),
        }
    }

    pub(super) fn hash_blocks(
        &self,
        blocks: &[u8],
        block_size: NonZeroUsize,
        digests: &mut Vec<Sha256Digest>,
    ) {
        let rest = self.affixes.hash_groups::<LANES>(blocks, block_size, digests, |states, messages| {
            self.instructions.compress(states, messages);
        });
        match &self.few {
            Few::Interleaved(engine) => engine.hash_blocks(rest, block_size, digests),
            Few::Portable(engine) => {
                digests.extend(rest.chunks(block_size.get()).map(|block| engine.hash(block)));
            }
        }
    }
}
