//! Trees that are made while the image is being written: the same as those that are made afterwards.

use std::fs::{self, OpenOptions};
use std::io::{self, Cursor, Seek, SeekFrom, Write};

use openfactory_attest::Work;
use openfactory_attest::verity::{self, Algorithm, BlockSize, FormatError, HashType, ImageWriter, Params};

use crate::verity::{noise, params};

const SALT: &str = "dadada";

fn same(image: &[u8], parts: usize, params: &Params) {
    let mut expected = Cursor::new(Vec::new());
    let tree = verity::format(&image, None, &mut expected, params, &Work::on_all_cores()).unwrap();
    let mut writer = ImageWriter::new(Vec::new(), Cursor::new(Vec::new()), params.clone()).unwrap();
    image.chunks(parts).for_each(|part| writer.write_all(part).unwrap());
    writer.flush().unwrap();
    let (found, written, hash_device) = writer.finish().unwrap();
    assert!(written == image);
    assert_eq!(found, tree);
    assert!(hash_device.into_inner() == expected.into_inner(), "{} bytes, {params:?}", image.len());
}

#[test]
fn at_every_level_edge() {
    let noise = noise(4097 * 512);
    let params = params(512, SALT);
    for blocks in [1, 2, 15, 16, 17, 255, 256, 257, 4095, 4096, 4097] {
        same(&noise[..blocks * 512], 100_000, &params);
    }
}

#[test]
fn with_any_parameters_and_however_it_is_written() {
    let noise = noise(3 * 1024 * 1024);
    let block = |bytes| BlockSize::new(bytes).unwrap();
    let sha1 = params(1024, SALT).with_algorithm(Algorithm::Sha1).with_hash_type(HashType::ChromeOs);
    for params in [
        params(4096, SALT),
        sha1.clone(),
        sha1.with_hash_type(HashType::Normal),
        params(4096, "-").with_algorithm(Algorithm::Sha512).with_hash_block_size(block(1024)),
        params(512, SALT).with_hash_block_size(block(65_536)),
        params(4096, SALT).with_hash_offset(1536),
        params(4096, SALT).with_hash_offset(8192).without_superblock(),
    ] {
        for parts in [777, 4096, 1_000_000, 10_000_000] {
            same(&noise, parts, &params);
        }
    }
}

#[test]
fn into_a_file_that_has_something_before_the_tree() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("disk");
    let image = noise(300 * 4096);
    fs::write(&path, &image).unwrap();
    let params = params(4096, SALT).with_hash_offset(image.len() as u64);
    let mut options = OpenOptions::new();
    let disk = options.read(true).write(true).open(&path).unwrap();
    let mut writer = ImageWriter::new(io::sink(), disk, params.clone()).unwrap();
    writer.write_all(&image).unwrap();
    let (tree, _, _) = writer.finish().unwrap();
    let disk = fs::read(&path).unwrap();
    assert!(disk.starts_with(&image));
    assert!(verity::verify(&disk, &disk, &tree, &Work::on_all_cores()).unwrap().is_intact());
}

#[test]
fn a_partial_block_is_refused_or_padded_on_request() {
    let writer = || {
        let mut writer = ImageWriter::new(Vec::new(), Cursor::new(Vec::new()), params(4096, SALT)).unwrap();
        writer.write_all(&noise(10_000)).unwrap();
        writer
    };
    let refused = writer().finish().unwrap_err();
    assert!(matches!(refused, FormatError::PartialBlock { size: 10_000, block_size: 4096 }));
    let (tree, image, hash_device) = writer().finish_padded().unwrap();
    assert_eq!((tree.data_blocks(), image.len()), (3, 12_288));
    assert!(
        verity::verify(&image, &hash_device.into_inner(), &tree, &Work::on_all_cores()).unwrap().is_intact()
    );

    let empty = ImageWriter::new(Vec::new(), Cursor::new(Vec::new()), params(4096, SALT)).unwrap();
    assert!(matches!(empty.finish(), Err(FormatError::Empty)));
    let misplaced = params(4096, SALT).with_hash_offset(7);
    let misplaced = ImageWriter::new(Vec::new(), Cursor::new(Vec::new()), misplaced);
    assert!(matches!(misplaced, Err(FormatError::Tree(_))));
}

/// A device that is full after some bytes.
#[derive(Debug)]
struct Full(Cursor<Vec<u8>>, usize);

impl io::Read for Full {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.position() as usize + bytes.len() > self.1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Full {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn after_an_error_nothing_can_be_finished() {
    let params = params(512, SALT);
    let mut writer =
        ImageWriter::new(Vec::new(), Full(Cursor::new(Vec::new()), 100_000), params.clone()).unwrap();
    let noise = noise(64 * 1024 * 1024);
    let error = writer.write_all(&noise).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(matches!(writer.finish(), Err(FormatError::Write(_))));
    let mut late = ImageWriter::new(Vec::new(), Full(Cursor::new(Vec::new()), 100_000), params).unwrap();
    late.write_all(&noise[..2 * 1024 * 1024]).unwrap();
    assert!(matches!(late.finish(), Err(FormatError::Write(_))));
}
