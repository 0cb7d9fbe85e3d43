use std::num::NonZeroUsize;

use proptest::prelude::*;
use sha2::Digest as _;

use super::{Engine, Lanes};
use crate::digest::Sha256Digest;

fn engines() -> impl Iterator<Item = Engine> {
    Engine::ALL.into_iter().filter(|engine| engine.is_available())
}

/// Bytes of which no two blocks are the same.
fn bytes(len: usize) -> Vec<u8> {
    (0..len as u32)
        .flat_map(|index| (index.wrapping_mul(0x9e37_79b9) >> 16).to_le_bytes())
        .take(len)
        .collect()
}

fn expected(prefix: &[u8], blocks: &[u8], block_size: usize, suffix: &[u8]) -> Vec<Sha256Digest> {
    let message = |block: &[u8]| [prefix, block, suffix].concat();
    let digest = |block| Sha256Digest::from_bytes(sha2::Sha256::digest(message(block)).into());
    blocks.chunks(block_size).map(digest).collect()
}

#[track_caller]
fn assert_same(engine: Engine, prefix: &[u8], blocks: &[u8], block_size: usize, suffix: &[u8]) {
    let lanes = Lanes::on(engine, prefix, suffix).unwrap();
    assert_eq!(lanes.engine(), engine);
    let mut digests = Vec::new();
    lanes.hash_blocks(blocks, NonZeroUsize::new(block_size).unwrap(), &mut digests);
    let expected = expected(prefix, blocks, block_size, suffix);
    assert!(
        digests == expected,
        "{engine:?}: {} before {} bytes in blocks of {block_size}, {} after",
        prefix.len(),
        blocks.len(),
        suffix.len(),
    );
    assert!(blocks.chunks(block_size).map(|block| lanes.hash(block)).eq(expected));
}

#[test]
fn fips_180_4_examples() {
    for engine in engines() {
        let digest = Lanes::on(engine, b"a", b"c").unwrap().hash(b"b");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let digest = Lanes::on(engine, b"", b"").unwrap().hash(b"");
        assert_eq!(digest.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}

#[test]
fn every_length_around_the_edges_of_chunks() {
    let all = bytes(17 * 4200);
    for engine in engines() {
        for block_size in (1..200).chain([255, 256, 257, 511, 512, 513, 4095, 4096, 4097]) {
            for prefix in [0, 1, 31, 32, 55, 56, 63, 64, 65, 256] {
                assert_same(engine, &all[..prefix], &all[1..1 + 16 * block_size], block_size, b"");
            }
        }
    }
}

#[test]
fn every_length_of_prefix_and_suffix() {
    let all = bytes(5 * 512);
    for engine in engines() {
        for len in 0..=256 {
            assert_same(engine, &all[..len], &all, 512, b"");
            assert_same(engine, b"", &all, 512, &all[..len]);
            assert_same(engine, &all[..256 - len], &all[..7 * 33], 33, &all[..len]);
        }
    }
}

#[test]
fn every_count_of_blocks_and_a_short_one_at_the_end() {
    let all = bytes(34 * 1024);
    for engine in engines() {
        for count in (0..=9).chain([15, 16, 17, 20, 33]) {
            for more in [0, 1, 100, 1023] {
                assert_same(engine, b"salt", &all[..count * 1024 + more], 1024, b"");
            }
        }
    }
}

#[test]
fn the_fastest_engine_is_taken_and_one_that_is_not_there_is_not() {
    let fastest = engines().next().unwrap();
    assert_eq!(Lanes::new(b"", b"").engine(), fastest);
    for engine in Engine::ALL {
        assert_eq!(Lanes::on(engine, b"", b"").is_some(), engine.is_available());
    }
    assert!(Engine::Portable.is_available());
    #[cfg(target_arch = "x86_64")]
    {
        assert_eq!(Engine::ShaNi.is_available(), is_x86_feature_detected!("sha"));
        assert_eq!(Engine::Avx512.is_available(), is_x86_feature_detected!("avx512bw"));
    }
}

proptest! {
    #[test]
    fn any_message_has_the_digest_that_sha2_gives(
        prefix in prop::collection::vec(any::<u8>(), 0..=256),
        suffix in prop::collection::vec(any::<u8>(), 0..=256),
        blocks in prop::collection::vec(any::<u8>(), 0..5000),
        block_size in 1_usize..1500,
    ) {
        for engine in engines() {
            assert_same(engine, &prefix, &blocks, block_size, &suffix);
        }
    }
}
