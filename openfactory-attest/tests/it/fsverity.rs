//! fs-verity digests against published vectors, and against `fsverity digest`.

use std::fs;
use std::io::{self, Read};

use openfactory_attest::fsverity::{Algorithm, FsVerity, FsVerityError};

use crate::tool;
use crate::verity::noise;
use crate::verity_matrix::{Draw, seed};

/// The content of fsverity-utils' `programs/test_compute_digest.c`.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|index| ((index % 11) + (index % 439) + (index % 1103)) as u8).collect()
}

/// The rows of that file's table.
#[test]
fn vectors_of_fsverity_utils() {
    use Algorithm::{Sha256, Sha512};
    for (algorithm, block_size, salt, len, digest) in [
        (Sha256, 4096, "", 1_000_000, "48df0c462329cd879661bd05b39aa81b05cc16afd27a7196a559da83531d39d9"),
        (Sha256, 4096, "", 100_000, "f2096a36c5cdca4fa33ee8852833150bb324992e5417a9d571f1bffff73b9efc"),
        (Sha256, 4096, "", 4096, "6ac39979016e3ddf3d39fff6cb984f7c118acdf1852919f5c100c4b142c1818e"),
        (Sha256, 4096, "", 1, "b803429503d95915829b29fdbc8bbad142f3abfd11b1cadf5526582e685c0551"),
        (Sha256, 4096, "", 0, "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95"),
        (Sha256, 4096, "abcd", 1_000_000, "917900b0d299454aa304d5debc6f39e4af7b5abe33bdbc568d5d8f1e5c4d8652"),
        (
            Sha256,
            4096,
            "0123456789:;<=>?@ABCDEFGHIJKLMNO",
            1_000_000,
            "bc2d70324c048c220a2cb190832140863eb268e680427939e5d467bea5ec5ad9",
        ),
        (Sha256, 1024, "", 1_000_000, "e9df927c14fcb961d5f51c666d8ae4c14fe4ff98a374c733e898d00c9e74a8e3"),
        (Sha256, 512, "", 1_000_000, "0393ee3dfd4a28966e2af4e07cfa5b032c30da5bb8e8ef63b9a55bf963262334"),
        (Sha256, 65_536, "", 1_000_000, "f3b6418f26d4d0e74728193bae76f15cb4bb2ce9777448d76bd8138b69ec61c2"),
        (
            Sha512,
            4096,
            "abcd",
            1_000_000,
            "8425c6d0c94f84ed904c12936845fbb7af9953753789712dcc3be142db3d4b6b47a399ad52aa609256ce29a960bf4bb0e595ec386ca58c06519d546dc5b197bb",
        ),
    ] {
        let found = FsVerity::with(algorithm, block_size, salt.as_bytes()).unwrap().digest(&content(len)[..]);
        assert_eq!(found.unwrap().to_string(), format!("{algorithm}:{digest}"));
    }
    let zeros = FsVerity::with(Sha256, 1024, b"").unwrap().digest(&[0; 100_000][..]).unwrap();
    let expected = "sha256:09cbbaeed2a04c2da242c10e1568d96f358a16aa1ebe8cf0286120c13c9366d1";
    assert_eq!(zeros.to_string(), expected);
}

#[test]
fn same_digests_as_fsverity_for_any_parameters() {
    let directory = tempfile::tempdir().unwrap();
    let mut draw = Draw(seed());
    for _number in 0..60 {
        let algorithm = draw.one_of([Algorithm::Sha256, Algorithm::Sha512]);
        let block_size = 128_usize << draw.below(14);
        let any = draw.below(600_000);
        let len = draw.one_of([0, 1, block_size as u64, 2 * block_size as u64 + 1, any]) as usize;
        let salt: Vec<u8> = (0..draw.below(33)).map(|_| draw.below(256) as u8).collect();
        let bytes = noise(len);
        fs::write(directory.path().join("file"), &bytes).unwrap();
        let hex: String = salt.iter().map(|byte| format!("{byte:02x}")).collect();
        let (algorithm_option, block_option, salt_option) = (
            format!("--hash-alg={algorithm}"),
            format!("--block-size={block_size}"),
            format!("--salt={hex}"),
        );
        let mut arguments = vec!["digest", "file", &algorithm_option, &block_option];
        if !salt.is_empty() {
            arguments.push(&salt_option);
        }
        let Some(theirs) = tool::succeed("fs-verity digests", directory.path(), "fsverity", &arguments)
        else {
            return;
        };
        let ours = FsVerity::with(algorithm, block_size, &salt).unwrap().digest(&bytes[..]).unwrap();
        assert_eq!(format!("{ours} file\n"), theirs, "{arguments:?} of {len} bytes");
    }
}

/// A reader that gives little at a time, and is interrupted.
struct Trickle<'a>(&'a [u8], bool);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = buffer.len().min(7777);
        self.0.read(&mut buffer[..len])
    }
}

#[test]
fn how_the_bytes_come_makes_no_difference() {
    let bytes = noise(2_500_000);
    let expected = FsVerity::new().digest(&bytes[..]).unwrap();
    assert_eq!(FsVerity::new().digest(Trickle(&bytes, false)).unwrap(), expected);
    assert_ne!(FsVerity::new().digest(&bytes[1..]).unwrap(), expected);
}

#[test]
fn parameters_that_can_not_be_are_refused() {
    let with = |algorithm, block_size, salt: usize| FsVerity::with(algorithm, block_size, &vec![0; salt]);
    assert!(with(Algorithm::Sha256, 64, 32).is_ok());
    for (algorithm, bytes, least) in [
        (Algorithm::Sha256, 32, 64),
        (Algorithm::Sha512, 64, 128),
        (Algorithm::Sha256, 1000, 64),
        (Algorithm::Sha256, 2 << 20, 64),
    ] {
        assert_eq!(with(algorithm, bytes, 0), Err(FsVerityError::BlockSize { bytes, least }));
    }
    assert_eq!(with(Algorithm::Sha256, 4096, 33), Err(FsVerityError::Salt { len: 33 }));
}
