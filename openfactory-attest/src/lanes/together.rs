//! Several messages of one length through the same instructions, side by side.

use std::array;
use std::num::NonZeroUsize;

use super::message::{Chunk, Edges, Frame, Message};
use crate::digest::Sha256Digest;

/// The eight words between two chunks.
pub(super) type State = [u32; 8];

/// FIPS 180-4, section 5.3.3.
pub(super) const INITIAL: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Prefix and suffix of messages, and the state after the prefix's full chunks.
#[derive(Clone, Debug)]
pub(super) struct Affixes {
    frame: Frame,
    prefixed: State,
}

impl Affixes {
    /// `compress` takes chunks into a state.
    pub(super) fn new(prefix: &[u8], suffix: &[u8], compress: impl FnOnce(State, &[Chunk]) -> State) -> Self {
        let (frame, chunks) = Frame::new(prefix, suffix);
        Self { frame, prefixed: compress(INITIAL, chunks) }
    }

    /// Hashes blocks of one length. `compress` takes the chunks of each message into its state.
    pub(super) fn hash<const N: usize>(
        &self,
        blocks: [&[u8]; N],
        edges: &mut [Edges; N],
        compress: impl Fn(&mut [State; N], [&[Chunk]; N]),
    ) -> [Sha256Digest; N] {
        let mut edges = edges.iter_mut();
        let messages = blocks.map(|block| edges.next().map(|edges| self.frame.message(block, edges)));
        let part = |of: fn(Message<'_>) -> &[Chunk]| messages.map(|message| message.map_or(&[][..], of));
        let mut states = [self.prefixed; N];
        compress(&mut states, part(|message| message.head));
        compress(&mut states, part(|message| message.body));
        compress(&mut states, part(|message| message.tail));
        states.map(|state| {
            let mut digest = [0; Sha256Digest::LEN];
            for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
                *bytes = word.to_be_bytes();
            }
            Sha256Digest::from_bytes(digest)
        })
    }

    /// Hashes blocks N at a time, as long as there are N of full length; gives back the others.
    pub(super) fn hash_groups<'b, const N: usize>(
        &self,
        blocks: &'b [u8],
        block_size: NonZeroUsize,
        digests: &mut Vec<Sha256Digest>,
        compress: impl Fn(&mut [State; N], [&[Chunk]; N]),
    ) -> &'b [u8] {
        let mut edges: [Edges; N] = array::from_fn(|_lane| Edges::default());
        // Neither factor is zero, so neither is the product.
        let mut groups = blocks.chunks_exact(block_size.get().saturating_mul(N));
        for group in &mut groups {
            let mut each = group.chunks_exact(block_size.get());
            let lanes: [&[u8]; N] = array::from_fn(|_lane| each.next().unwrap_or_default());
            digests.extend(self.hash(lanes, &mut edges, &compress));
        }
        groups.remainder()
    }
}
