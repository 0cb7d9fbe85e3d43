//! `attest verity` with every parameter, against `veritysetup`.

use std::fs;
use std::path::Path;

use crate::ran::{Ran, attest_words, tool};

fn attest(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Ran { status, stdout, stderr } = attest_words(directory, &[&["verity"][..], arguments].concat());
    (status, stdout, stderr)
}

/// `None`, out loud, where it is not installed.
fn veritysetup(directory: &Path, arguments: &[&str]) -> Option<(i32, String, String)> {
    let output = tool("attest verity", directory, "veritysetup", arguments)?;
    let Ran { status, stdout, stderr } = Ran::of(output);
    Some((status, stdout, stderr))
}

fn good(directory: &Path, arguments: &[&str]) -> String {
    let (status, stdout, stderr) = attest(directory, arguments);
    assert_eq!((status, stderr.as_str()), (0, ""), "{arguments:?}");
    stdout
}

fn root(stdout: &str) -> String {
    stdout.lines().find_map(|line| line.strip_prefix("Root hash:")).unwrap().trim().to_owned()
}

fn image(directory: &Path, name: &str, len: usize) {
    let bytes: Vec<u8> = (0..len as u32).map(|index| (index.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    fs::write(directory.join(name), bytes).unwrap();
}

#[test]
fn the_tree_may_be_behind_the_data() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    image(directory, "disk", 64 * 4096);
    let behind = ["--hash-offset", "262144", "--hash", "sha512", "--format", "0", "--salt", "dada"];
    let root = root(&good(directory, &[&["format", "disk", "disk"][..], &behind].concat()));
    assert_eq!(root.len(), 128);
    let verify = [&["verify", "disk", "disk", &root][..], &behind].concat();
    assert_eq!(good(directory, &verify), "intact: 64 data blocks, 1 hash blocks\n");
    let theirs = ["verify", "disk", "disk", &root, "--hash-offset=262144"];
    if let Some((status, _, stderr)) = veritysetup(directory, &theirs) {
        assert_eq!(status, 0, "{stderr}");
    }
    let table = good(directory, &["table", "disk", "disk", &root, "--hash-offset", "262144"]);
    assert_eq!(table, format!("0 512 verity 0 disk disk 4096 4096 64 65 sha512 {root} dada\n"));

    // Never over the data.
    let before = fs::read(directory.join("disk")).unwrap();
    let over = ["format", "disk", "disk", "--hash-offset", "8192", "--data-blocks", "3"];
    let (status, _, stderr) = attest(directory, &over);
    assert!(status == 2 && stderr.contains("3 data blocks of 4096 bytes reach beyond"), "{stderr}");
    let (status, _, stderr) = attest(directory, &["format", "disk", "disk", "--hash-offset", "262244"]);
    assert!(status == 2 && stderr.contains("--data-blocks"), "{stderr}");
    assert!(fs::read(directory.join("disk")).unwrap() == before);
}

#[test]
fn without_superblock_the_options_alone_count() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    image(directory, "image", 20 * 1024);
    let options = ["--no-superblock", "--hash", "sha1", "--salt", "00ff", "--data-block-size", "1024"];
    let root = root(&good(directory, &[&["format", "image", "hash"][..], &options].concat()));
    good(directory, &[&["verify", "image", "hash", &root][..], &options].concat());
    if let Some((status, _, stderr)) =
        veritysetup(directory, &[&["verify", "image", "hash", &root][..], &options].concat())
    {
        assert_eq!(status, 0, "{stderr}");
    }
    let table = good(directory, &[&["table", "/dev/a", "/dev/b", &root][..], &["--help"]].concat());
    assert!(table.contains("--on-corruption"));
    // Another salt than it was made with: nothing is proved.
    let other: Vec<&str> =
        options.iter().map(|option| if *option == "00ff" { "00fe" } else { option }).collect();
    let (status, stdout, _) = attest(directory, &[&["verify", "image", "hash", &root][..], &other].concat());
    assert_eq!((status, stdout.lines().count()), (1, 2), "{stdout}");
    // A root hash of another algorithm is no root hash of this tree.
    let sha256 = "0".repeat(64);
    let (status, _, stderr) =
        attest(directory, &[&["verify", "image", "hash", &sha256][..], &options].concat());
    assert!(status == 2 && stderr.contains("not as long"), "{stderr}");
}

#[test]
fn a_partial_block_is_refused_or_padded_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    image(directory, "image", 10_000);
    let (status, _, stderr) = attest(directory, &["format", "image", "hash"]);
    assert!(status == 2 && stderr.contains("no whole number of 4096-byte blocks"), "{stderr}");
    assert!(!directory.join("hash").exists());
    let root = root(&good(directory, &["format", "image", "hash", "--pad"]));
    let padded = fs::read(directory.join("image")).unwrap();
    assert!(padded.len() == 12_288 && padded[10_000..].iter().all(|&byte| byte == 0));
    assert_eq!(
        good(directory, &["verify", "image", "hash", &root]),
        "intact: 3 data blocks, 1 hash blocks\n"
    );
    if let Some((status, _, stderr)) = veritysetup(directory, &["verify", "image", "hash", &root]) {
        assert_eq!(status, 0, "{stderr}");
    }
}

#[test]
fn the_table_has_the_kernels_options() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    image(directory, "image", 8192);
    let root = root(&good(directory, &["format", "image", "hash", "--salt", "-"]));
    let options = ["--on-corruption", "restart", "--on-error", "panic", "--check-at-most-once"];
    let more = ["--ignore-zero-blocks", "--root-hash-signature-key", "image"];
    let table = good(directory, &[&["table", "image", "hash", &root][..], &options, &more].concat());
    let expected = "6 restart_on_corruption panic_on_error ignore_zero_blocks check_at_most_once \
                    root_hash_sig_key_desc image";
    assert_eq!(table, format!("0 16 verity 1 image hash 4096 4096 2 1 sha256 {root} - {expected}\n"));
}

#[test]
fn parity_may_be_behind_the_tree() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    image(directory, "disk", 300 * 4096);
    let before = fs::read(directory.join("disk")).unwrap();
    // Data up to 1228800, superblock and tree up to 1249280, then a free block.
    let at = ["--hash-offset", "1228800", "--fec-roots", "4", "--fec-offset", "1253376", "--fec", "disk"];
    let root = root(&good(directory, &[&["format", "disk", "disk"][..], &at].concat()));
    let whole = fs::read(directory.join("disk")).unwrap();
    assert!(whole.starts_with(&before));
    let mut damaged = whole.clone();
    damaged[5 * 4096..8 * 4096].fill(0);
    fs::write(directory.join("disk"), &damaged).unwrap();
    let device = ["--hash-offset=1228800", "--fec-roots=4", "--fec-offset=1253376", "--fec-device=disk"];
    let theirs = [&["verify", "disk", "disk", &root][..], &device].concat();
    if let Some((status, _, stderr)) = veritysetup(directory, &theirs) {
        assert_eq!(status, 0, "{stderr}");
    }
    good(directory, &[&["repair", "disk", "disk", &root][..], &at].concat());
    assert!(fs::read(directory.join("disk")).unwrap() == whole);

    let table = good(directory, &[&["table", "disk", "disk", &root][..], &at].concat());
    let expected = " 8 use_fec_from_device disk fec_roots 4 fec_blocks 305 fec_start 306\n";
    assert!(table.ends_with(expected), "{table}");
    let over = ["format", "disk", "disk", "--hash-offset", "1228800", "--fec", "disk", "--fec-offset"];
    for offset in ["4096", "1228800", "1253377"] {
        let (status, _, stderr) = attest(directory, &[&over[..], &[offset]].concat());
        assert_eq!(status, 2, "{stderr}");
    }
}

#[test]
fn a_root_hash_is_signed_as_openssl_checks_it() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    image(directory, "image.raw", 20 * 4096);
    let root = root(&good(directory, &["format", "image.raw", "image.verity"]));
    good(directory, &["key", "--out", "images.key", "--algorithm", "ecdsa-p256", "--name", "images"]);
    let with = ["--key", "images.key", "--certificate", "images.key.crt"];
    let sign = [&["sign", "image.raw", &root][..], &with, &["--partition", "image.sig", "--json"]].concat();
    let told: serde_json::Value = serde_json::from_str(&good(directory, &sign)).unwrap();
    assert_eq!(told["data_partition_uuid"].as_str().unwrap().replace('-', ""), root[..32]);
    assert_eq!(told["hash_partition_uuid"].as_str().unwrap().replace('-', ""), root[32..]);
    assert_eq!(fs::read_to_string(directory.join("image.roothash")).unwrap(), root);
    let partition = fs::read(directory.join("image.sig")).unwrap();
    let json = partition.split(|byte| *byte == 0).next().unwrap();
    let partition: serde_json::Value = serde_json::from_slice(json).unwrap();
    assert_eq!(partition["rootHash"], root);
    assert_eq!(partition["certificateFingerprint"], told["certificate_fingerprint"]);

    let checked = ["--signature", "image.roothash.p7s", "--certificate", "images.key.crt"];
    let verify = [&["verify", "image.raw", "image.verity", &root][..], &checked].concat();
    good(directory, &verify);
    let mut signature = fs::read(directory.join("image.roothash.p7s")).unwrap();
    let openssl = |expected: bool| {
        let arguments = "smime -verify -inform DER -in image.roothash.p7s -content image.roothash -binary \
                         -certfile images.key.crt -noverify -nointern";
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let test = "a_root_hash_is_signed_as_openssl_checks_it";
        if let Some(output) = tool(test, directory, "openssl", &arguments) {
            assert_eq!(output.status.success(), expected, "{output:?}");
        }
    };
    openssl(true);
    *signature.last_mut().unwrap() ^= 1;
    fs::write(directory.join("image.roothash.p7s"), &signature).unwrap();
    openssl(false);
    let (status, stdout, _) = attest(directory, &verify);
    assert_eq!(
        (status, stdout.as_str()),
        (1, "the root hash is not signed: the signature does not verify\n")
    );
    // Keys are not overwritten.
    let (status, _, stderr) = attest(directory, &["key", "--out", "images.key"]);
    assert!(status == 2 && stderr.contains("there already"), "{stderr}");
}

#[test]
fn damage_is_repaired_by_parity() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    image(directory, "image", 300 * 4096);
    let good_image = fs::read(directory.join("image")).unwrap();
    let format = ["format", "image", "hash", "--fec", "parity", "--fec-roots", "6"];
    let root = root(&good(directory, &format));
    let good_hash = fs::read(directory.join("hash")).unwrap();

    // Blocks of data, and one of the tree.
    let (mut bad_image, mut bad_hash) = (good_image.clone(), good_hash.clone());
    bad_image[10 * 4096..14 * 4096].fill(0xff);
    bad_hash[2 * 4096..3 * 4096].fill(0);
    fs::write(directory.join("image"), &bad_image).unwrap();
    fs::write(directory.join("hash"), &bad_hash).unwrap();
    assert_eq!(attest(directory, &["verify", "image", "hash", &root]).0, 1);

    let repair = ["repair", "image", "hash", &root, "--fec", "parity", "--fec-roots", "6"];
    let told = good(directory, &[&repair[..], &["-o", "copy"]].concat());
    assert!(told.ends_with("intact: 300 data blocks, 4 hash blocks\n"), "{told}");
    assert!(fs::read(directory.join("copy")).unwrap() == good_image);
    assert!(fs::read(directory.join("image")).unwrap() == bad_image);
    assert!(fs::read(directory.join("hash")).unwrap() == bad_hash);

    good(directory, &repair);
    assert!(fs::read(directory.join("image")).unwrap() == good_image);
    assert!(fs::read(directory.join("hash")).unwrap() == good_hash);

    // Too much: the copy does not appear, and the status says so.
    bad_image[20 * 4096..200 * 4096].fill(0);
    fs::write(directory.join("image"), &bad_image).unwrap();
    let (status, stdout, _) = attest(directory, &[&repair[..], &["-o", "none"]].concat());
    assert_eq!(status, 1);
    assert!(stdout.contains("beyond repair") && stdout.contains("do not match"), "{stdout}");
    assert!(!directory.join("none").exists());
    let (status, _, stderr) = attest(directory, &[&repair[..6], &["--fec-roots", "5"]].concat());
    assert!(status == 2 && stderr.contains("the parity has"), "{stderr}");
}

#[test]
fn digests_of_files_as_fsverity_prints_them() {
    let directory = tempfile::tempdir().unwrap();
    image(directory.path(), "image", 70_000);
    image(directory.path(), "empty", 0);
    let directory = directory.path();
    let ours = |arguments: &[&str]| {
        let Ran { status, stdout, stderr } =
            attest_words(directory, &[&["fsverity", "digest"][..], arguments].concat());
        (status, stdout, stderr)
    };
    let arguments = ["image", "empty", "--hash-alg=sha512", "--block-size=1024", "--salt=abcd"];
    let (status, stdout, stderr) = ours(&arguments);
    assert_eq!((status, stdout.lines().count()), (0, 2), "{stderr}");
    let test = "digests_of_files_as_fsverity_prints_them";
    if let Some(theirs) = tool(test, directory, "fsverity", &[&["digest"][..], &arguments].concat()) {
        let theirs = Ran::of(theirs);
        assert_eq!((theirs.status, theirs.stdout), (0, stdout));
    }
    for (bad, why) in [
        (&["missing"][..], "cannot read missing"),
        (&["image", "--block-size", "1000"], "block of 1000 bytes"),
        (&["image", "--salt", "x"], "hex digits"),
        (&["."], "cannot read ."),
    ] {
        let (status, stdout, stderr) = ours(bad);
        assert!(status == 2 && stdout.is_empty() && stderr.contains(why), "{stderr}");
    }
}
