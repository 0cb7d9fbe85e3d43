//! Hash trees against published vectors and against `veritysetup`.

use std::fs::File;
use std::io::{BufWriter, Cursor, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;

use openfactory_attest::verity::{self, BlockSize, FormatError, Params, RootHash, Tree};
use openfactory_attest::{Sha256Digest, Work};

use crate::tool;

const SALT: &str = "e48da609055204e89ae53b655ca2216dd983cf3cb829f34f63a297d106d53e2d";
const UUID: &str = "a60c98d2-ae9b-4865-bfcb-b4e3ace11033";

pub(crate) fn params(block_size: u32, salt: &str) -> Params {
    let block_size = BlockSize::new(block_size).unwrap();
    Params::new(UUID.parse().unwrap())
        .with_data_block_size(block_size)
        .with_hash_block_size(block_size)
        .with_salt(salt.parse().unwrap())
}

pub(crate) fn format(image: &[u8], params: &Params) -> (Tree, Vec<u8>) {
    let mut hash_device = Cursor::new(Vec::new());
    let tree = verity::format(&image, None, &mut hash_device, params, &Work::on_all_cores()).unwrap();
    let hash_device = hash_device.into_inner();
    assert_eq!(hash_device.len() as u64, tree.hash_device_size());
    let root_only = verity::root_hash(&image, None, params, &Work::on_threads(NonZeroUsize::MIN)).unwrap();
    assert_eq!(root_only, tree);
    (tree, hash_device)
}

/// Bytes that do not repeat within a block, and are the same everywhere.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// The SHA-256, type 1 rows of cryptsetup's `tests/verity-compat-test`, with the digest of the whole hash file as
/// `veritysetup` 2.6.1 writes it.
#[test]
fn vectors_of_cryptsetup() {
    let zeros = vec![0; 8 * 1024 * 1024];
    for (block_size, salt, root, blocks, file) in [
        (
            512,
            SALT,
            "9de18652fe74edfb9b805aaed72ae2aa48f94333f1ba5c452ac33b1c39325174",
            1093,
            "a47f4dc3c13faee6d9f335187612d0811ea0c2eef388c698336fcf52e21be30a",
        ),
        (
            1024,
            SALT,
            "54d92778750495d1f80832b486ebd007617d746271511bbf0e295e143da2b3df",
            265,
            "8cbd89ede39bad3e9a37e875e1fe0cd3e4cbd968a16ee467fcdeaf41e0cbeb6a",
        ),
        (
            4096,
            SALT,
            "e522df0f97da4febb882ac40f30b37dc0b444bf6df418929463fa25280f09d5c",
            17,
            "db730d27dc563cf8ecb6f4a76a59a4fb48375cccb975733c07a75378e253c985",
        ),
        (
            4096,
            "-",
            "ef29c902d87350f1da4bfa536e16cebc162a909bf89abe448b81ec500d4fb9bf",
            17,
            "b10284f4d7e00e16accb5d01f8f6c875c1f1a37b7b756e3e0157ab579879a9b0",
        ),
    ] {
        let (tree, hash_device) = format(&zeros, &params(block_size, salt));
        assert_eq!(tree.root_hash().to_string(), root);
        assert_eq!(tree.hash_blocks(), blocks);
        assert_eq!(Sha256Digest::of(&hash_device).to_string(), file);
    }
}

/// Values that `veritysetup` 2.6.1 and an independent implementation agreed on.
#[test]
fn vectors_at_level_edges_and_with_unequal_block_sizes() {
    for (blocks, root, tree_blocks) in [
        (1, "6c14ed2d41cb5590edee916ae19a97bf68fe6b178a6086276a37700f1cc5d727", 0),
        (2, "c2c209afeb9d2ffff709604feab2ac64f87daa53b18faef41788f957510370a4", 1),
        (128, "d9df0b934096e78af62317143aa4255c652198af1874e2221e1b5a036becf2b5", 1),
        (129, "972f53ee9846957311243f1f427554697e6a0d1ae43ce1f79c88b6ac80045170", 3),
        (16_384, "a23a9ae3904eed101f81abe5b04c2f81dee840f3a7ff36299f62b17c7a088ba0", 129),
        (16_385, "6d3e2e8907917fd2eacb49882bd3b0c7a413ab5bcfef0114bd63bc1e5f05b64b", 132),
    ] {
        let (tree, _) = format(&vec![0; blocks * 4096], &params(4096, SALT));
        assert_eq!((tree.root_hash().to_string(), tree.hash_blocks()), (root.to_owned(), tree_blocks));
    }
    for (data, hash, root) in [
        (1024, 4096, "005397fe4771e2b09db72962e3a13a293933c9008e453f32480723859ba84ab1"),
        (4096, 1024, "b6abebc5000807a25f99d1870415d1f74dbf6d750070eba63caa18e503e69b82"),
    ] {
        let params = params(data, SALT).with_hash_block_size(BlockSize::new(hash).unwrap());
        let (tree, _) = format(&vec![0; 8 * 1024 * 1024], &params);
        assert_eq!(tree.root_hash().to_string(), root);
    }
    let counters: Vec<u8> = (0..1_048_576_u32).flat_map(u32::to_le_bytes).collect();
    let (tree, hash_device) = format(&counters, &params(4096, SALT));
    assert_eq!(
        tree.root_hash().to_string(),
        "7cf6ab750fd74f17cec3f3421ed1e982a9e77247291b671ddbddf70632aa1892"
    );
    assert_eq!(
        Sha256Digest::of(&hash_device).to_string(),
        "8c9fc99b10c3b0ca1046cc836ce590bef105c7adfa03de112cfff7b6bf0f0244"
    );
}

/// Formats a file with both, and has each other's result verified.
fn same_as_veritysetup(
    test: &str,
    directory: &Path,
    image: &str,
    data_block: u32,
    hash_block: u32,
    salt: &str,
) {
    let (theirs, ours) = (format!("{image}.theirs"), format!("{image}.ours"));
    let (data_option, hash_option) =
        (format!("--data-block-size={data_block}"), format!("--hash-block-size={hash_block}"));
    let (salt_option, uuid_option) = (format!("--salt={salt}"), format!("--uuid={UUID}"));
    let options = [&data_option, &hash_option, &salt_option, &uuid_option].map(String::as_str);
    let arguments = [&["format", image, &theirs][..], &options].concat();
    if tool::succeed(test, directory, "veritysetup", &arguments).is_none() {
        return;
    }
    let params = params(data_block, salt).with_hash_block_size(BlockSize::new(hash_block).unwrap());
    let data = File::open(directory.join(image)).unwrap();
    let mut out = BufWriter::new(File::create(directory.join(&ours)).unwrap());
    let tree = verity::format(&data, None, &mut out, &params, &Work::on_all_cores()).unwrap();
    out.flush().unwrap();
    let expected = std::fs::read(directory.join(&theirs)).unwrap();
    let written = std::fs::read(directory.join(&ours)).unwrap();
    assert!(expected == written, "{image}: {} and {} bytes", expected.len(), written.len());

    let root = tree.root_hash().to_string();
    tool::succeed(test, directory, "veritysetup", &["verify", image, &ours, &root]);
    let hash = File::open(directory.join(&theirs)).unwrap();
    assert!(verity::verify(&data, &hash, &tree, &Work::on_all_cores()).unwrap().is_intact());
    // `veritysetup` leaves what is there between superblock and tree: the next run must find no file.
    std::fs::remove_file(directory.join(&theirs)).unwrap();
}

#[test]
fn same_bytes_as_veritysetup_at_every_level_edge() {
    let directory = tempfile::tempdir().unwrap();
    let noise = noise(16_385 * 4096);
    for blocks in [1, 2, 3, 127, 128, 129, 255, 256, 257, 16_383, 16_384, 16_385] {
        let image = format!("{blocks}.img");
        std::fs::write(directory.path().join(&image), &noise[..blocks * 4096]).unwrap();
        same_as_veritysetup("level edges", directory.path(), &image, 4096, 4096, SALT);
    }
}

#[test]
fn same_bytes_as_veritysetup_for_other_block_sizes_and_salts() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("image"), noise(3 * 524_288)).unwrap();
    let long_salt = "0123456789abcdef".repeat(32);
    for (data, hash, salt) in [
        (512, 512, "-"),
        (512, 4096, "00"),
        (4096, 512, SALT),
        (1024, 65_536, &long_salt),
        (524_288, 512, "dadada"),
        (8192, 524_288, SALT),
    ] {
        same_as_veritysetup("block sizes", directory.path(), "image", data, hash, salt);
    }
}

/// Images as Debian's `mksquashfs` makes them, padded to whole blocks by itself.
#[test]
fn same_bytes_as_veritysetup_for_squashfs_images() {
    let directory = tempfile::tempdir().unwrap();
    for (index, len) in [0, 1, 4096, 130_000, 600_000, 2_500_000, 8_000_000].into_iter().enumerate() {
        let tree = directory.path().join(format!("tree{index}"));
        std::fs::create_dir(&tree).unwrap();
        std::fs::write(tree.join("noise"), noise(len)).unwrap();
        let (tree, image) = (format!("tree{index}"), format!("{index}.squashfs"));
        let arguments = [&tree, &image, "-quiet", "-no-progress"];
        if tool::succeed("squashfs images", directory.path(), "mksquashfs", &arguments).is_none() {
            return;
        }
        same_as_veritysetup("squashfs images", directory.path(), &image, 4096, 4096, SALT);
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let image = noise(700 * 4096);
    let trees = (1..9).map(|threads| {
        let mut hash_device = Cursor::new(Vec::new());
        let work = Work::on_threads(NonZeroUsize::new(threads).unwrap());
        let tree = verity::format(&image, None, &mut hash_device, &params(4096, SALT), &work).unwrap();
        (tree, hash_device.into_inner())
    });
    let trees: Vec<_> = trees.collect();
    assert!(trees.iter().all(|tree| *tree == trees[0]));
}

#[test]
fn a_part_of_the_data_as_veritysetup_does() {
    let directory = tempfile::tempdir().unwrap();
    let image = noise(10 * 4096 + 100);
    std::fs::write(directory.path().join("image"), &image).unwrap();
    let (salt, uuid) = (format!("--salt={SALT}"), format!("--uuid={UUID}"));
    let arguments = ["format", "image", "hash", "--data-blocks=7", &salt, &uuid];
    let mut hash_device = Cursor::new(Vec::new());
    let tree = verity::format(&image, Some(7), &mut hash_device, &params(4096, SALT), &Work::on_all_cores());
    assert_eq!(tree.unwrap().data_blocks(), 7);
    if tool::succeed("part of the data", directory.path(), "veritysetup", &arguments).is_some() {
        assert!(std::fs::read(directory.path().join("hash")).unwrap() == hash_device.into_inner());
    }
}

#[test]
fn data_that_can_not_be_covered_is_refused() {
    let refused = |len: usize, blocks| {
        verity::root_hash(&vec![0; len], blocks, &params(4096, "-"), &Work::on_all_cores()).unwrap_err()
    };
    assert!(matches!(refused(0, None), FormatError::Empty));
    assert!(matches!(refused(8192, Some(0)), FormatError::Empty));
    assert!(matches!(refused(10_000, None), FormatError::PartialBlock { size: 10_000, block_size: 4096 }));
    assert!(matches!(refused(10_000, Some(3)), FormatError::TooShort { blocks: 3, has: 2 }));
}

#[test]
fn progress_ends_at_everything() {
    let told = std::sync::Mutex::new(Vec::new());
    let listener = |done, total| told.lock().unwrap().push((done, total));
    let image = noise(600 * 4096);
    let work = Work::on_threads(NonZeroUsize::new(2).unwrap()).telling(&listener);
    let (tree, hash_device) = format(&image, &params(4096, SALT));
    verity::verify(&image, &hash_device, &tree, &work).unwrap();
    verity::root_hash(&image, None, &params(4096, SALT), &work).unwrap();
    let told = told.into_inner().unwrap();
    let total = image.len() as u64;
    assert_eq!(told.iter().filter(|told| **told == (total, total)).count(), 2);
    assert!(told.iter().all(|&(done, of)| done <= of && of == total));
}

#[test]
fn a_wrong_root_hash_vouches_for_nothing() {
    let image = noise(300 * 4096);
    let (tree, hash_device) = format(&image, &params(4096, SALT));
    let other = RootHash::new(Sha256Digest::of(b"other"));
    let tree = Tree::new(tree.params().clone(), tree.data_blocks(), other).unwrap();
    let report = verity::verify(&image, &hash_device, &tree, &Work::on_all_cores()).unwrap();
    assert_eq!((report.bad_hash_blocks(), report.unproven_data_blocks()), (1, 300));
}
