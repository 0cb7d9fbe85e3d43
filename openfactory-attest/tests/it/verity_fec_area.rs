//! Parity that is not in a file of its own from its first byte: as `veritysetup --fec-offset` has it.

use std::fs;

use openfactory_attest::Work;
use openfactory_attest::verity::fec::{self, FecArea, FecError, FecRoots};
use openfactory_attest::verity::{self, BlockSize, Device, Table};

use crate::tool;
use crate::verity::{format, noise, params};

const SALT: &str = "e48da609055204e89ae53b655ca2216dd983cf3cb829f34f63a297d106d53e2d";
const BLOCK: u64 = 1024;
const BLOCKS: u64 = 300;

fn roots() -> FecRoots {
    FecRoots::new(4).unwrap()
}

/// Which of the three files are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Together {
    Nothing,
    TreeAndParity,
    All,
}

#[test]
fn veritysetup_writes_the_same_area_and_takes_ours() {
    for (together, gap) in [
        (Together::Nothing, 5),
        (Together::TreeAndParity, 0),
        (Together::TreeAndParity, 3),
        (Together::All, 2),
    ] {
        let directory = tool::quick_directory();
        let directory = directory.path();
        let image = noise((BLOCKS * BLOCK) as usize);
        fs::write(directory.join("data"), &image).unwrap();
        let params = params(BLOCK as u32, SALT);
        let params = if together == Together::All { params.with_hash_offset(BLOCKS * BLOCK) } else { params };
        let tree = verity::root_hash(&image, Some(BLOCKS), &params, &Work::on_all_cores()).unwrap();
        let offset = if together == Together::Nothing { 0 } else { tree.hash_device_size() } + gap * BLOCK;
        let (hash_file, parity_file) = match together {
            Together::Nothing => ("hash", "parity"),
            Together::TreeAndParity => ("hash", "hash"),
            Together::All => ("data", "data"),
        };
        if together != Together::Nothing {
            // It reads what is between tree and parity, which has to be there.
            let there = fs::OpenOptions::new().create(true).append(true).open(directory.join(hash_file));
            there.unwrap().set_len(offset).unwrap();
        }
        let options = [
            format!("--data-block-size={BLOCK}"),
            format!("--hash-block-size={BLOCK}"),
            format!("--data-blocks={BLOCKS}"),
            format!("--hash-offset={}", params.hash_offset()),
            format!("--salt={SALT}"),
            "--fec-roots=4".to_owned(),
            format!("--fec-device={parity_file}"),
            format!("--fec-offset={offset}"),
        ];
        let run = |verb: &[&str]| {
            let arguments: Vec<&str> =
                verb.iter().copied().chain(options.iter().map(String::as_str)).collect();
            tool::run("area of parity", directory, "veritysetup", &arguments)
        };
        let Some(made) = run(&["format", "data", hash_file]) else { return };
        assert!(made.status.success(), "{together:?}: {made:?}");

        let area = match together {
            Together::Nothing => FecArea::at(roots(), offset),
            Together::TreeAndParity | Together::All => FecArea::behind_tree(roots(), offset),
        };
        let hash = fs::read(directory.join(hash_file)).unwrap();
        let theirs = fs::read(directory.join(parity_file)).unwrap();
        let mut ours = Vec::new();
        fec::encode(&image, &hash, &tree, area, &mut ours, &Work::on_all_cores()).unwrap();
        assert!(theirs[offset as usize..] == ours, "{together:?} {gap}");

        // Two wrong bytes of one code word: theirs bears that with ours in the place of its own.
        let mut whole = theirs.clone();
        whole[offset as usize..].copy_from_slice(&ours);
        fs::write(directory.join(parity_file), whole).unwrap();
        let mut damaged = fs::read(directory.join("data")).unwrap();
        damaged[7] ^= 1;
        damaged[7 + ours.len() / 4] ^= 1;
        fs::write(directory.join("data"), &damaged).unwrap();
        let verified = run(&["verify", "data", hash_file, &tree.root_hash().to_string()]).unwrap();
        assert!(verified.status.success(), "{together:?}: {verified:?}");

        let (hash, parity) =
            (fs::read(directory.join(hash_file)).unwrap(), fs::read(directory.join(parity_file)).unwrap());
        let report = verity::verify(&damaged, &hash, &tree, &Work::on_all_cores()).unwrap();
        assert!(!report.is_intact());
        let before = damaged.clone();
        let mut patch = |device: Device, at: u64, bytes: &[u8]| {
            assert_eq!(device, Device::Data);
            damaged[at as usize..][..bytes.len()].copy_from_slice(bytes);
            Ok(())
        };
        let work = Work::on_all_cores();
        let repair = fec::repair(&before, &hash, &parity, &tree, area, &report, &mut patch, &work).unwrap();
        assert_eq!((repair.repaired_bytes(), repair.beyond_repair()), (2, 0), "{together:?}");
        assert!(damaged[..image.len()] == image);

        // All that is covered is data, tree, and what is between tree and parity.
        let covered = area.covered_blocks(&tree, &hash).unwrap();
        let between = if together == Together::Nothing { 0 } else { gap };
        assert_eq!(covered, BLOCKS + tree.hash_blocks() + between);
        let table = Table::new(&tree, "/dev/a", "/dev/b").unwrap();
        let line = table.repaired_by("/dev/c", &area, covered).unwrap().to_string();
        let start = offset / BLOCK;
        let expected =
            format!(" 8 use_fec_from_device /dev/c fec_roots 4 fec_blocks {covered} fec_start {start}");
        assert!(line.ends_with(&expected), "{line}");
    }
}

#[test]
fn an_area_over_the_tree_or_within_a_block_is_refused() {
    let image = noise(64 * 512);
    let (tree, hash) = format(&image, &params(512, SALT));
    let end = tree.hash_device_size();
    let refused = |area: FecArea| {
        let error = fec::encode(&image, &hash, &tree, area, &mut Vec::new(), &Work::on_all_cores());
        matches!(error, Err(FecError::Offset { offset }) if offset == area.offset())
    };
    assert!(refused(FecArea::behind_tree(roots(), end - 512)));
    assert!(refused(FecArea::behind_tree(roots(), end + 1)));
    assert!(refused(FecArea::at(roots(), 100)));
    assert!(!refused(FecArea::behind_tree(roots(), end)));
    assert_eq!(BlockSize::new(512).unwrap(), tree.params().data_block_size());
}
