//! How a message of prefix, block and suffix falls into the 64-byte chunks that SHA-256 takes.
//!
//! Most chunks lie wholly within the block and are read where they are. The first may begin with the end of the
//! prefix, the last have the suffix and FIPS 180-4's padding: these are copied together.

/// What SHA-256 takes at once.
pub(super) const CHUNK: usize = 64;

/// One chunk.
pub(super) type Chunk = [u8; CHUNK];

/// A prefix as far as it fills chunks, what is left of it, and a suffix.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    rest: Vec<u8>,
    suffix: Vec<u8>,
    prefix_len: usize,
}

/// The chunks of one message that had to be copied together, with room that is used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Edges {
    head: Vec<u8>,
    tail: Vec<u8>,
}

/// One message after the prefix's full chunks: these three, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) head: &'a [Chunk],
    pub(super) body: &'a [Chunk],
    pub(super) tail: &'a [Chunk],
}

impl Frame {
    /// The frame, and the prefix's full chunks, which are the same for all messages.
    pub(super) fn new<'a>(prefix: &'a [u8], suffix: &[u8]) -> (Self, &'a [Chunk]) {
        let (chunks, rest) = prefix.as_chunks();
        let frame = Self { rest: rest.to_vec(), suffix: suffix.to_vec(), prefix_len: prefix.len() };
        (frame, chunks)
    }

    /// The message with this block. How many chunks each part has depends on the block's length only.
    pub(super) fn message<'a>(&self, block: &'a [u8], edges: &'a mut Edges) -> Message<'a> {
        let Edges { head, tail } = edges;
        head.clear();
        tail.clear();
        let mut within = block;
        if !self.rest.is_empty() {
            match block.split_at_checked(CHUNK - self.rest.len()) {
                Some((fills, others)) => {
                    head.extend(&self.rest);
                    head.extend(fills);
                    within = others;
                }
                None => {
                    tail.extend(&self.rest);
                    tail.extend(block);
                    within = &[];
                }
            }
        }
        let (body, left) = within.as_chunks();
        tail.extend(left);
        tail.extend(&self.suffix);
        tail.push(0x80);
        tail.resize((tail.len() + size_of::<u64>()).next_multiple_of(CHUNK) - size_of::<u64>(), 0);
        let bits = (self.prefix_len + block.len() + self.suffix.len()) as u64 * 8;
        tail.extend(bits.to_be_bytes());
        Message { head: head.as_chunks().0, body, tail: tail.as_chunks().0 }
    }
}
