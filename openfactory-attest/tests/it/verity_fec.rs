//! Repairs by parity, and damage that is too much. That it is as `veritysetup` writes it, `verity_matrix` says.

use std::io::Cursor;
use std::path::Path;

use openfactory_attest::verity::fec::{self, FecArea, FecError, FecRoots, Repair};
use openfactory_attest::verity::{self, BlockSize, Device, Tree, VerifyReport};
use openfactory_attest::{Sha256Digest, Work};
use proptest::prelude::*;

use crate::verity::{format, noise, params};

const SALT: &str = "e48da609055204e89ae53b655ca2216dd983cf3cb829f34f63a297d106d53e2d";

fn roots(roots: u8) -> FecRoots {
    FecRoots::new(roots).unwrap()
}

fn encode(image: &[u8], hash: &[u8], tree: &Tree, with: FecRoots) -> Vec<u8> {
    let mut parity = Vec::new();
    fec::encode(&image, &hash, tree, with, &mut parity, &Work::on_all_cores()).unwrap();
    parity
}

/// Checks and repairs until nothing more can be done, as an operator would.
pub(crate) fn mend(
    image: &mut Vec<u8>,
    hash: &mut Vec<u8>,
    parity: &[u8],
    tree: &Tree,
    area: impl Into<FecArea>,
) -> (VerifyReport, Repair) {
    let (area, work) = (area.into(), Work::on_all_cores());
    let mut last = Repair::default();
    loop {
        let report = verity::verify(&*image, &*hash, tree, &work).unwrap();
        if report.is_intact() {
            return (report, last);
        }
        let mut patches = Vec::new();
        let mut patch = |device: Device, at: u64, bytes: &[u8]| {
            patches.push((device, at as usize, bytes.to_vec()));
            Ok(())
        };
        last = fec::repair(&*image, &*hash, &parity, tree, area, &report, &mut patch, &work).unwrap();
        if last.repaired_bytes() == 0 {
            return (report, last);
        }
        for (device, at, bytes) in patches {
            let target = if device == Device::Data { &mut *image } else { &mut *hash };
            target.resize(target.len().max(at + bytes.len()), 0);
            target[at..at + bytes.len()].copy_from_slice(&bytes);
        }
    }
}

#[test]
fn a_known_parity() {
    let image: Vec<u8> = (0..1_u32 << 20).flat_map(u32::to_le_bytes).collect();
    let (tree, hash) = format(&image, &params(4096, SALT));
    assert_eq!(
        tree.root_hash().to_string(),
        "7cf6ab750fd74f17cec3f3421ed1e982a9e77247291b671ddbddf70632aa1892"
    );
    let parity = encode(&image, &hash, &tree, roots(2));
    assert_eq!(parity.len(), 40_960);
    let expected = "a76ca76e41557224c223416f921269b7472c5b22b037b206dd54c00220eb17c5";
    assert_eq!(Sha256Digest::of(&parity).to_string(), expected);
}

fn small() -> (Vec<u8>, Vec<u8>, Tree) {
    let image = noise(600 * 512);
    let (tree, hash) = format(&image, &params(512, SALT));
    (image, hash, tree)
}

#[test]
fn whole_blocks_of_data_and_tree_come_back() {
    let (image, hash, tree) = small();
    for with in [2, 3, 8, 24] {
        let with = roots(with);
        let parity = encode(&image, &hash, &tree, with);
        // A run of neighbouring blocks, as a bad region of a disk: rounds times parity symbols of them.
        let rounds = parity.len() / 512 / usize::from(with.get());
        let run = rounds * usize::from(with.get());
        let (mut damaged, mut tree_damaged) = (image.clone(), hash.clone());
        damaged[100 * 512..(100 + run) * 512].fill(0xff);
        let (report, repair) = mend(&mut damaged, &mut tree_damaged, &parity, &tree, with);
        assert!(report.is_intact() && damaged == image, "{with:?}");
        assert_eq!(repair.beyond_repair(), 0);

        // A leaf of the tree: then nothing is known of 16 data blocks, but they are good.
        tree_damaged[30 * 512..31 * 512].fill(0);
        let (report, _) = mend(&mut damaged, &mut tree_damaged, &parity, &tree, with);
        assert!(report.is_intact() && tree_damaged == hash, "{with:?}");

        // The top of the tree.
        tree_damaged[512..1024].fill(0);
        let (report, _) = mend(&mut damaged, &mut tree_damaged, &parity, &tree, with);
        assert!(report.is_intact() && tree_damaged == hash, "{with:?}");
    }
}

#[test]
fn what_is_cut_off_comes_back() {
    let (image, hash, tree) = small();
    let parity = encode(&image, &hash, &tree, roots(24));
    let (mut damaged, mut tree_damaged) =
        (image[..590 * 512 + 100].to_vec(), hash[..hash.len() - 700].to_vec());
    let (report, _) = mend(&mut damaged, &mut tree_damaged, &parity, &tree, roots(24));
    assert!(report.is_intact());
    assert!(damaged == image && tree_damaged == hash);
}

#[test]
fn too_much_damage_is_told_and_what_is_good_is_not_touched() {
    let (image, hash, tree) = small();
    let parity = encode(&image, &hash, &tree, roots(2));
    let mut damaged = image.clone();
    damaged[100 * 512..140 * 512].fill(0);
    let mut same_hash = hash.clone();
    let (report, repair) = mend(&mut damaged, &mut same_hash, &parity, &tree, roots(2));
    assert!(!report.is_intact());
    assert!(repair.beyond_repair() > 0);
    assert!(same_hash == hash);
    let outside = |bytes: &[u8]| [&bytes[..100 * 512], &bytes[140 * 512..]].concat();
    assert!(outside(&damaged) == outside(&image));
}

#[test]
fn foreign_parity_is_refused() {
    let (image, hash, tree) = small();
    let report = VerifyReport::default();
    let work = Work::on_all_cores();
    let repair = |parity: &[u8], with: u8| {
        let mut patch = |_: Device, _: u64, _: &[u8]| Ok(());
        fec::repair(&image, &hash, &parity, &tree, roots(with), &report, &mut patch, &work)
    };
    let parity = encode(&image, &hash, &tree, roots(4));
    assert_eq!(repair(&parity, 4).unwrap(), Repair::default());
    let refused = repair(&parity, 2).unwrap_err();
    assert!(matches!(refused, FecError::ParitySize { size: 6144, expected: 3072 }), "{refused}");
    assert!(matches!(repair(&parity[..100], 4), Err(FecError::ParitySize { size: 100, .. })));
    for bad in [0, 1, 25, 255] {
        assert!(matches!(FecRoots::new(bad), Err(FecError::Roots { roots }) if roots == bad));
    }
    let unequal = params(512, SALT).with_hash_block_size(BlockSize::DEFAULT);
    let mut out = Cursor::new(Vec::new());
    let tree = verity::format(&image, None, &mut out, &unequal, &work).unwrap();
    let refused = fec::encode(&image, &out.into_inner(), &tree, roots(2), &mut Vec::new(), &work);
    assert!(matches!(refused, Err(FecError::BlockSizes)));
    assert!(!Path::new("ours").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Any bytes for parity: what is proved is not touched, and nothing is made up.
    #[test]
    fn any_parity_does_no_harm(noise in prop::collection::vec(any::<u8>(), 3072), at in any::<prop::sample::Index>()) {
        let (image, hash, tree) = small();
        let mut damaged = image.clone();
        let bad = at.index(600);
        damaged[bad * 512] ^= 1;
        let mut same_hash = hash.clone();
        mend(&mut damaged, &mut same_hash, &noise, &tree, roots(2));
        prop_assert!(same_hash == hash);
        let changed = (0..600).filter(|block| damaged[block * 512..][..512] != image[block * 512..][..512]);
        prop_assert!(changed.into_iter().all(|block| block == bad));
    }
}
