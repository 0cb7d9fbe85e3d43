//! Hash types and algorithms against published root hashes: the rows of cryptsetup's `tests/verity-compat-test` that are
//! not of type 1 with SHA-256, and what `veritysetup` 2.6.1 gives for the same data with others. Data: 8 MiB of zeros.

use openfactory_attest::Sha256Digest;
use openfactory_attest::verity::{Algorithm, HashType};

use crate::verity::{format, params};

const SALT: &str = "e48da609055204e89ae53b655ca2216dd983cf3cb829f34f63a297d106d53e2d";

#[test]
fn other_hash_types_and_algorithms() {
    use Algorithm::{Sha1, Sha256, Sha512};
    use HashType::{ChromeOs, Normal};
    let zeros = vec![0; 8 * 1024 * 1024];
    for (block_size, hash_type, algorithm, salt, root, blocks) in [
        (
            4096,
            ChromeOs,
            Sha256,
            SALT,
            "cbbf4ebd004ef65e29b935bb635a39cf754d677f3fa10b0126da725bbdf10f7d",
            17,
        ),
        (1024, Normal, Sha1, SALT, "d0e9163ca8844aaa2e88fe5265a8c5d9ee494a99", 265),
        (1024, Normal, Sha1, "dadada", "73509e8e868be6b8ac939817a98a3d35121413b2", 265),
        (
            4096,
            Normal,
            Sha512,
            SALT,
            "f5424b5ee0fc8a526464e0fb772fe507ffe3881dce4665b6a3fefbe64549309cfd6aca49ff8d069e9bf82679f255ba49e1d6f19cb63deee9bfe6763d8ba66b66",
            33,
        ),
        (
            4096,
            ChromeOs,
            Sha512,
            SALT,
            "1f8b6db2db257e6d8586d3ed1f8d8cdd5648c91c2db3056b3a0aada1c10b187e9b17ddeb8d6d9872ed756ab1b53dfea8a0ff247a65ad5035745bc97ec146de6d",
            33,
        ),
        (1024, ChromeOs, Sha1, SALT, "3ee0cff53598578fd3dc16377a98a3480f2ae124", 265),
        (4096, ChromeOs, Sha1, SALT, "6c5db35e9c0ab10dbe22ba50209b14090c2434c0", 17),
        (4096, ChromeOs, Sha1, "-", "33af6327a146851961c5289010038e048ede8ee4", 17),
    ] {
        let params = params(block_size, salt).with_hash_type(hash_type).with_algorithm(algorithm);
        let (tree, _hash_device) = format(&zeros, &params);
        assert_eq!((tree.root_hash().to_string().as_str(), tree.hash_blocks()), (root, blocks));
    }
}

/// The whole hash file, superblock included.
#[test]
fn hash_files_of_other_types() {
    let zeros = vec![0; 8 * 1024 * 1024];
    for (params, file) in [
        (
            params(4096, SALT).with_hash_type(HashType::ChromeOs),
            "99a6e2e43fe1fb6ac7c09e8ab1f4a98a15612169e3aee0920df502a150d43d36",
        ),
        (
            params(1024, SALT).with_algorithm(Algorithm::Sha1),
            "20cd3c0092af4ad5ed0ee1cb375c3d5ec32763b584b5d6e56d80ccd6e78e2de8",
        ),
        (
            params(1024, "dadada").with_algorithm(Algorithm::Sha1),
            "423d020b2c6afaeb247e5f4b2937fb66d9bec06d7fa2691fc8990c62b7e64e00",
        ),
    ] {
        assert_eq!(Sha256Digest::of(&format(&zeros, &params).1).to_string(), file);
    }
}
