//! Decompresses blocks into buffers of a known size, whatever the blocks hold.

use flate2::{Decompress, FlushDecompress, Status};
use liblzma::stream::{Action, Status as XzStatus, Stream};

use super::error::SquashfsError;

/// How an image's blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// zlib streams; what `mksquashfs` does if not told otherwise.
    Gzip,
    /// xz streams.
    Xz,
    /// lz4 blocks.
    Lz4,
    /// Zstandard frames.
    Zstd,
}

impl Compression {
    pub(super) const fn from_id(id: u16) -> Result<Self, SquashfsError> {
        match id {
            1 => Ok(Self::Gzip),
            4 => Ok(Self::Xz),
            5 => Ok(Self::Lz4),
            6 => Ok(Self::Zstd),
            id => Err(SquashfsError::UnsupportedCompression { id }),
        }
    }
}

/// Memory that one xz stream may ask for: a dictionary is at most a block of 1 MiB.
const XZ_MEMORY: u64 = 32 * 1024 * 1024;

/// Fills `output` from the start and says how much of it; `None` if the input is damaged or does not fit.
pub(super) fn decompress(compression: Compression, input: &[u8], output: &mut [u8]) -> Option<usize> {
    match compression {
        Compression::Gzip => {
            let mut stream = Decompress::new(true);
            let status = stream.decompress(input, output, FlushDecompress::Finish).ok()?;
            (status == Status::StreamEnd).then_some(usize::try_from(stream.total_out()).ok()?)
        }
        Compression::Xz => {
            let mut stream = Stream::new_stream_decoder(XZ_MEMORY, 0).ok()?;
            let status = stream.process(input, output, Action::Finish).ok()?;
            (status == XzStatus::StreamEnd).then_some(usize::try_from(stream.total_out()).ok()?)
        }
        Compression::Lz4 => lz4_flex::block::decompress_into(input, output).ok(),
        Compression::Zstd => zstd::bulk::decompress_to_buffer(input, output).ok(),
    }
}
