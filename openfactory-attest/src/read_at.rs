//! Where images are read from: a file, a block device, or memory.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileTypeExt as _;

/// Bytes that are copied at once.
const COPY_SIZE: u64 = 1 << 20;

/// Something of a known size that many threads read from at once.
pub trait ReadAt: Sync {
    /// Size in bytes.
    ///
    /// # Errors
    /// The device's own.
    fn size(&self) -> io::Result<u64>;

    /// Fills the buffer with the bytes from `offset` on.
    ///
    /// # Errors
    /// The device's own; [`io::ErrorKind::UnexpectedEof`] if it ends before the buffer is full.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all bytes, a MiB at a time.
    ///
    /// # Errors
    /// The device's own, or the target's.
    fn copy_to(&self, target: &mut dyn Write) -> io::Result<()> {
        let (size, mut buffer, mut at) = (self.size()?, Vec::new(), 0);
        while at < size {
            buffer.resize(usize::try_from((size - at).min(COPY_SIZE)).unwrap_or_default(), 0);
            self.read_exact_at(&mut buffer, at)?;
            target.write_all(&buffer)?;
            at += buffer.len() as u64;
        }
        Ok(())
    }
}

impl ReadAt for File {
    fn size(&self) -> io::Result<u64> {
        let metadata = self.metadata()?;
        if metadata.is_file() {
            return Ok(metadata.len());
        }
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        if !metadata.file_type().is_block_device() {
            let reason = "it is neither a regular file nor a block device";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        // A block device has no length of its own; its end can be sought. Nothing here reads by file position.
        let mut device = self;
        device.seek(SeekFrom::End(0))
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, offset)
    }
}

impl ReadAt for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = start.checked_add(buffer.len()).and_then(|end| self.get(start..end));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> io::Result<u64> {
        self.as_slice().size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        ReadAt::read_exact_at(self.as_slice(), buffer, offset)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn size(&self) -> io::Result<u64> {
        (**self).size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        (**self).read_exact_at(buffer, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_size_is_told_as_what_it_is() {
        let size = |path: &str| File::open(path).unwrap().size().map_err(|error| error.kind());
        assert_eq!(size("/"), Err(io::ErrorKind::IsADirectory));
        assert_eq!(size("/dev/null"), Err(io::ErrorKind::InvalidInput));
        assert!(size("/proc/self/exe").is_ok_and(|size| size > 0));
    }

    #[test]
    fn memory_is_read_within_its_bounds() {
        let bytes = b"0123456789";
        let device: &dyn ReadAt = &bytes.as_slice();
        let mut buffer = [0; 4];
        device.read_exact_at(&mut buffer, 6).unwrap();
        assert_eq!((&buffer, device.size().unwrap()), (b"6789", 10));
        for offset in [7, 11, u64::MAX] {
            let error = device.read_exact_at(&mut buffer, offset).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
