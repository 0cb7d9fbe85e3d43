//! Damaged data, damaged trees, devices that end too soon or can't be read: every bad block is named.

use std::io;

use openfactory_attest::verity::{
    self, Device, Fault, Finding, Place, Superblock, SuperblockError, Tree, VerifyError, VerifyReport,
};
use openfactory_attest::{ReadAt, Work};
use proptest::prelude::*;

use crate::tool;
use crate::verity::{format, noise, params};

const BLOCKS: usize = 16_385;
const SALT: &str = "dadada";

fn check(image: &[u8], hash: &[u8], tree: &Tree) -> VerifyReport {
    verity::verify(&image, &hash, tree, &Work::on_all_cores()).unwrap()
}

fn told(report: &VerifyReport) -> Vec<(Place, u64, u64, Fault)> {
    let tell = |&Finding { place, first, last, fault, .. }: &Finding| (place, first, last, fault);
    report.findings().iter().map(tell).collect()
}

const fn level(level: usize) -> Place {
    Place::Tree { level }
}

#[test]
fn damaged_data_is_named_block_by_block() {
    let mut image = noise(BLOCKS * 4096);
    let (tree, hash) = format(&image, &params(4096, SALT));
    for block in [0, 128, 129, 130, BLOCKS - 1] {
        image[block * 4096 + block % 4096] ^= 0x80;
    }
    let report = check(&image, &hash, &tree);
    assert_eq!(
        told(&report),
        [
            (Place::Data, 0, 0, Fault::Mismatch),
            (Place::Data, 128, 130, Fault::Mismatch),
            (Place::Data, 16_384, 16_384, Fault::Mismatch),
        ]
    );
    assert_eq!(report.bad_data_blocks(), 5);
}

#[test]
fn nothing_below_a_damaged_hash_block_is_believed() {
    let image = noise(BLOCKS * 4096);
    let (tree, good) = format(&image, &params(4096, SALT));
    // On the device: superblock, level 2 (1 block), level 1 (2 blocks), level 0 (129 blocks).
    for (device_block, expected) in [
        (1, [(Place::Data, 0, 16_384, Fault::Unproven), (level(2), 0, 0, Fault::Mismatch)]),
        (2, [(Place::Data, 0, 16_383, Fault::Unproven), (level(1), 0, 0, Fault::Mismatch)]),
        (3, [(Place::Data, 16_384, 16_384, Fault::Unproven), (level(1), 1, 1, Fault::Mismatch)]),
        (4 + 5, [(Place::Data, 640, 767, Fault::Unproven), (level(0), 5, 5, Fault::Mismatch)]),
    ] {
        let mut hash = good.clone();
        hash[device_block * 4096 + 17] ^= 1;
        assert_eq!(told(&check(&image, &hash, &tree)), expected);
    }
    // Padding behind the last digest is hashed too.
    let mut hash = good;
    *hash.last_mut().unwrap() = 1;
    let expected = [(Place::Data, 16_384, 16_384, Fault::Unproven), (level(0), 128, 128, Fault::Mismatch)];
    assert_eq!(told(&check(&image, &hash, &tree)), expected);
}

#[test]
fn bad_hash_blocks_hide_nothing_beside_them() {
    let mut image = noise(BLOCKS * 4096);
    let (tree, mut hash) = format(&image, &params(4096, SALT));
    for block in [127, 128 * 2, 128 * 4 - 1, 128 * 6, 128 * 8] {
        image[block * 4096] ^= 1;
    }
    // Of the lowest level, which begins at block 4.
    for block in [0, 2, 4, 5] {
        hash[(4 + block) * 4096] ^= 1;
    }
    let expected = [
        (Place::Data, 0, 127, Fault::Unproven),
        (Place::Data, 256, 383, Fault::Unproven),
        (Place::Data, 511, 511, Fault::Mismatch),
        (Place::Data, 512, 767, Fault::Unproven),
        (Place::Data, 768, 768, Fault::Mismatch),
        (Place::Data, 1024, 1024, Fault::Mismatch),
        (level(0), 0, 0, Fault::Mismatch),
        (level(0), 2, 2, Fault::Mismatch),
        (level(0), 4, 5, Fault::Mismatch),
    ];
    assert_eq!(told(&check(&image, &hash, &tree)), expected);
}

#[test]
fn what_is_cut_off_is_missing() {
    let image = noise(300 * 4096);
    let (tree, hash) = format(&image, &params(4096, SALT));
    let cut = image[..200 * 4096 - 1].to_vec();
    assert_eq!(told(&check(&cut, &hash, &tree)), [(Place::Data, 199, 299, Fault::Missing)]);
    assert_eq!(told(&check(&[], &hash, &tree)), [(Place::Data, 0, 299, Fault::Missing)]);
    // Superblock, level 1, three blocks of level 0, of which the last is cut off.
    let cut = hash[..5 * 4096 - 1].to_vec();
    assert_eq!(
        told(&check(&image, &cut, &tree)),
        [(Place::Data, 256, 299, Fault::Unproven), (level(0), 2, 2, Fault::Missing)]
    );
    assert_eq!(
        told(&check(&image, &[], &tree)),
        [(Place::Data, 0, 299, Fault::Unproven), (level(1), 0, 0, Fault::Missing)]
    );
}

#[test]
fn a_single_block_has_no_tree() {
    let mut image = noise(4096);
    let (tree, hash) = format(&image, &params(4096, SALT));
    assert!(check(&image, &hash, &tree).is_intact());
    assert!(check(&image, &[], &tree).is_intact());
    image[4095] ^= 1;
    assert_eq!(told(&check(&image, &hash, &tree)), [(Place::Data, 0, 0, Fault::Mismatch)]);
}

/// A device with one sector that can't be read.
struct Failing<'a>(&'a [u8], u64);

impl ReadAt for Failing<'_> {
    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        if (offset..offset + buffer.len() as u64).contains(&self.1) {
            return Err(io::Error::other("bad sector"));
        }
        self.0.read_exact_at(buffer, offset)
    }
}

#[test]
fn what_can_not_be_read_is_not_called_bad() {
    let image = noise(3000 * 4096);
    let (tree, hash) = format(&image, &params(4096, SALT));
    let work = Work::on_all_cores();
    let error = verity::verify(&Failing(&image, 9_000_000), &hash, &tree, &work).unwrap_err();
    assert!(matches!(error, VerifyError::Read { device: Device::Data, .. }));
    let error = verity::verify(&image, &Failing(&hash, 5000), &tree, &work).unwrap_err();
    assert!(matches!(error, VerifyError::Read { device: Device::Hash, offset: 4096, .. }));
}

#[test]
fn foreign_superblocks_are_refused() {
    let (_, hash) = format(&noise(4096), &params(4096, SALT));
    assert!(Superblock::read(&hash).is_ok());
    assert!(matches!(Superblock::read(&noise(4096)), Err(SuperblockError::Signature)));
    assert!(matches!(Superblock::read(&hash[..100].to_vec()), Err(SuperblockError::Length { len: 100 })));

    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("image"), noise(8192)).unwrap();
    for (options, expected) in [
        (&["--hash=sha384"][..], SuperblockError::Algorithm.to_string()),
        (&["--no-superblock"], SuperblockError::Signature.to_string()),
    ] {
        let arguments = [&["format", "image", "hash"][..], options].concat();
        if tool::succeed("foreign superblocks", directory.path(), "veritysetup", &arguments).is_none() {
            return;
        }
        let theirs = std::fs::read(directory.path().join("hash")).unwrap();
        std::fs::remove_file(directory.path().join("hash")).unwrap();
        assert_eq!(Superblock::read(&theirs).unwrap_err().to_string(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any single flipped bit, in data or tree, is found; one behind both is nobody's business.
    #[test]
    fn any_flipped_bit_is_found(at in any::<prop::sample::Index>(), bit in 0_u8..8, in_tree in any::<bool>()) {
        let mut image = noise(40 * 512);
        let (tree, mut hash) = format(&image, &params(512, SALT));
        if in_tree {
            let at = 512 + at.index(hash.len() - 512);
            hash[at] ^= 1 << bit;
        } else {
            let at = at.index(image.len());
            image[at] ^= 1 << bit;
        }
        let report = check(&image, &hash, &tree);
        prop_assert_eq!((report.bad_data_blocks() > 0, report.bad_hash_blocks() > 0), (!in_tree, in_tree));
    }
}
