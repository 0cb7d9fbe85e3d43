//! Volume descriptors: from block 16 on, until one that ends them.

use super::directory::Record;
use super::error::{IsoError, IsoPart};
use super::{BLOCK, names};
use crate::read_at::ReadAt;

/// The block of the first.
const FIRST: u64 = 16;

/// Descriptors that are looked at; images have three or four.
const MAX: u64 = 64;

const PRIMARY: u8 = 1;
const END: u8 = 255;

/// What the primary descriptor says.
#[derive(Clone, Debug)]
pub(super) struct Volume {
    pub(super) root: Record,
    /// Bytes before Rock Ridge's in each record; `None` without Rock Ridge.
    pub(super) skip: Option<usize>,
}

impl Volume {
    pub(super) fn read(device: &dyn ReadAt) -> Result<Self, IsoError> {
        let size = device.size().map_err(|source| IsoError::Read { offset: 0, source })?;
        for number in 0..MAX {
            let offset = (FIRST + number) * BLOCK;
            if offset + BLOCK > size {
                break;
            }
            let mut block = [0; BLOCK as usize];
            device.read_exact_at(&mut block, offset).map_err(|source| IsoError::Read { offset, source })?;
            let [kind, magic @ ..] = &block;
            if !magic.starts_with(b"CD001") {
                break;
            }
            match *kind {
                PRIMARY => return Self::parse(device, &block, offset),
                END => return Err(IsoError::Unsupported { what: "no primary volume" }),
                _ => {}
            }
        }
        Err(IsoError::Magic)
    }

    fn parse(device: &dyn ReadAt, block: &[u8], offset: u64) -> Result<Self, IsoError> {
        if block.get(128..130) != Some(&(BLOCK as u16).to_le_bytes()) {
            return Err(IsoError::Unsupported { what: "blocks of another size than 2048 bytes" });
        }
        let corrupt = IsoError::corrupt(IsoPart::Volume, offset);
        let Some(root) = block.get(156..190).and_then(Record::parse) else { return Err(corrupt) };
        if !root.is_directory() {
            return Err(corrupt);
        }
        let skip = names::skip(device, &root)?;
        Ok(Self { root, skip })
    }
}
