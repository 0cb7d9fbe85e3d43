//! `attest verity` and `attest manifest` as an operator runs them: output, exit status, files.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::ran::{attest_words, pack, tool};

const SALT: &str = "e48da609055204e89ae53b655ca2216dd983cf3cb829f34f63a297d106d53e2d";
const UUID: &str = "a60c98d2-ae9b-4865-bfcb-b4e3ace11033";

/// A directory with a squashfs image, whole blocks long, and the tree that is in it.
fn fixture() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/motd"), "hello\n").unwrap();
    fs::write(root.join("data"), (0..600_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>()).unwrap();
    pack(&root, &directory.path().join("image"));
    directory
}

fn format(directory: &Path) -> String {
    let ran = attest_words(directory, &["verity", "format", "image", "hash", "--salt", SALT, "--uuid", UUID]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let root = ran.stdout.lines().find_map(|line| line.strip_prefix("Root hash:")).unwrap();
    root.trim().to_owned()
}

#[test]
fn formats_verifies_and_finds_a_flipped_bit() {
    let fixture = fixture();
    let directory = fixture.path();
    let root = format(directory);
    let good = attest_words(directory, &["verity", "verify", "image", "hash", &root]);
    assert_eq!(good.status, 0);
    assert!(good.stdout.starts_with("intact: "), "{}", good.stdout);

    let mut image = fs::read(directory.join("image")).unwrap();
    image[4096 * 3 + 5] ^= 1;
    fs::write(directory.join("image"), image).unwrap();
    let bad = attest_words(directory, &["verity", "verify", "image", "hash", &root]);
    assert_eq!((bad.status, bad.stdout.as_str()), (1, "data block 3 does not match its hash\n"));
    let bad = attest_words(directory, &["verity", "verify", "image", "hash", &root, "--json"]);
    assert_eq!(bad.status, 1);
    let report = bad.json();
    assert_eq!(report["intact"], false);
    assert_eq!(report["bad_data_blocks"], 1);
    assert_eq!(report["findings"][0]["first"], 3);
    assert_eq!(report["findings"][0]["fault"], "mismatch");
}

#[test]
fn prints_what_veritysetup_prints() {
    let fixture = fixture();
    let directory = fixture.path();
    let arguments = ["verity", "format", "image", "hash", "--salt", SALT, "--uuid", UUID];
    let ours = attest_words(directory, &arguments).stdout;
    let theirs = ["format", "image", "theirs", &format!("--salt={SALT}"), &format!("--uuid={UUID}")];
    let Some(theirs) = tool("prints_what_veritysetup_prints", directory, "veritysetup", &theirs) else {
        return;
    };
    assert_eq!(String::from_utf8(theirs.stdout).unwrap().replace("theirs", "hash"), ours);
    assert!(fs::read(directory.join("theirs")).unwrap() == fs::read(directory.join("hash")).unwrap());
}

#[test]
fn what_nobody_chose_is_random() {
    let fixture = fixture();
    let formatted: Vec<Value> = ["one", "two"]
        .map(|hash| attest_words(fixture.path(), &["verity", "format", "image", hash, "--json"]).json())
        .into();
    for field in ["salt", "uuid", "root_hash"] {
        assert_ne!(formatted[0][field], formatted[1][field], "{field}");
    }
    assert_eq!(formatted[0]["salt"].as_str().unwrap().len(), 64);
    let plain =
        attest_words(fixture.path(), &["verity", "format", "image", "three", "--salt", "-", "--json"]).json();
    assert_eq!(plain["salt"], "-");
}

#[test]
fn the_table_line() {
    let fixture = fixture();
    let root = format(fixture.path());
    let blocks = fs::metadata(fixture.path().join("image")).unwrap().len() / 4096;
    let table = attest_words(fixture.path(), &["verity", "table", "image", "hash", &root]);
    let expected =
        format!("0 {} verity 1 image hash 4096 4096 {blocks} 1 sha256 {root} {SALT}\n", blocks * 8);
    assert_eq!((table.status, table.stdout), (0, expected));
}

#[test]
fn parameters_that_are_given_must_be_the_superblocks() {
    let fixture = fixture();
    let root = format(fixture.path());
    let verify = ["verity", "verify", "image", "hash", &root];
    let same = [&verify[..], &["--salt", SALT, "--uuid", UUID, "--data-block-size", "4096"]].concat();
    assert_eq!(attest_words(fixture.path(), &same).status, 0);
    let other = attest_words(fixture.path(), &[&verify[..], &["--salt", "00"]].concat());
    assert_eq!(other.status, 1);
    assert_eq!(other.stdout, format!("the superblock's salt is {SALT}, not 00\n"));
    let table =
        attest_words(fixture.path(), &["verity", "table", "image", "hash", &root, "--data-blocks", "1"]);
    assert_eq!((table.status, table.stdout.as_str()), (2, ""));
}

#[test]
fn what_can_not_be_checked_is_told_apart_from_what_is_bad() {
    let fixture = fixture();
    let directory = fixture.path();
    let root = format(directory);
    let refused = |arguments: &[&str], reason: &str| {
        let ran = attest_words(directory, arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    };
    refused(&["verity", "verify", "missing", "hash", &root], "error: cannot read missing\n  because: ");
    refused(&["verity", "verify", "image", "image", &root], "no verity superblock");
    refused(&["verity", "verify", "image", "hash", "abc"], "64 hex digits");
    refused(&["verity", "format", "image", "x", "--data-block-size", "1000"], "power of two");
    refused(&["verity", "format", "image", "x", "--salt", "xyz"], "hex");
    refused(&["verity", "format", "image", "image"], "which is read");
    refused(&["verity", "format", "image", "root"], "no regular file");
    refused(&["verity", "format", "root", "new"], "it is a directory");
    refused(&["manifest", "create", "missing"], "cannot read missing");
    refused(&["manifest", "create", "hash"], "no squashfs image");
    refused(&["manifest", "verify", "image", "root"], "image is no manifest");
    refused(&["manifest", "verify", "missing", "root"], "cannot read missing");
    refused(&["verity", "nonsense"], "unrecognized subcommand");
}

#[test]
fn a_failed_format_leaves_nothing_and_spoils_nothing() {
    let fixture = fixture();
    let directory = fixture.path();
    format(directory);
    let before = fs::read(directory.join("hash")).unwrap();
    let mut odd = fs::read(directory.join("image")).unwrap();
    odd.push(0);
    fs::write(directory.join("odd"), odd).unwrap();
    let ran = attest_words(directory, &["verity", "format", "odd", "hash"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("pad the image"), "{}", ran.stderr);
    assert_eq!(fs::read(directory.join("hash")).unwrap(), before);
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["hash", "image", "odd", "root"]);
}

#[test]
fn a_cut_off_hash_tree_is_bad() {
    let fixture = fixture();
    let root = format(fixture.path());
    let hash = fs::read(fixture.path().join("hash")).unwrap();
    fs::write(fixture.path().join("hash"), &hash[..hash.len() - 1]).unwrap();
    let ran = attest_words(fixture.path(), &["verity", "verify", "image", "hash", &root]);
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains("level 0 hash block 3 is missing\n"), "{}", ran.stdout);
}

#[test]
fn manifests_of_image_and_directory_agree() {
    let fixture = fixture();
    let directory = fixture.path();
    let created = attest_words(directory, &["manifest", "create", "image", "-o", "manifest.json"]);
    assert_eq!((created.status, created.stdout.as_str(), created.stderr.as_str()), (0, "", ""));
    let printed = attest_words(directory, &["manifest", "create", "image"]).stdout;
    assert_eq!(fs::read_to_string(directory.join("manifest.json")).unwrap(), printed);

    let verify = ["manifest", "verify", "manifest.json", "root", "--ignore-ownership", "--ignore-mtime"];
    let good = attest_words(directory, &verify);
    assert_eq!(good.stdout, "no difference in 4 entries (extended attributes included)\n");
    assert_eq!(good.status, 0);
    let without = attest_words(directory, &[&verify[..], &["--ignore-xattrs"]].concat());
    assert_eq!(without.stdout, "no difference in 4 entries (all but extended attributes)\n");
    assert_eq!(attest_words(directory, &["manifest", "verify", "manifest.json", "image"]).status, 0);
    let times = attest_words(directory, &verify[..4]);
    assert_eq!(times.status, 1);
    assert!(times.stdout.contains("./etc/motd: mtime: expected 0, found "), "{}", times.stdout);

    fs::write(directory.join("root/etc/motd"), "HELLO\n").unwrap();
    fs::write(directory.join("root/etc/new"), "").unwrap();
    let bad = attest_words(directory, &verify);
    assert_eq!(bad.status, 1);
    let lines: Vec<_> = bad.stdout.lines().collect();
    assert!(lines[0].starts_with("./etc/motd: content: expected file of 6 bytes"), "{lines:?}");
    assert!(lines[1].starts_with("./etc/new: added: found file of 0 bytes"), "{lines:?}");
    assert_eq!(lines.len(), 2);
    let report = attest_words(directory, &[&verify[..], &["--json"]].concat()).json();
    assert_eq!(report["matches"], false);
    assert_eq!(report["differences"][0]["path"], "etc/motd");
    assert_eq!(report["differences"][0]["kind"], "content");
}

#[test]
fn the_text_form_is_verified_too() {
    let fixture = fixture();
    let directory = fixture.path();
    let sums = ["manifest", "create", "root", "--format", "sha256sum", "-o", "sums"];
    assert_eq!(attest_words(directory, &sums).status, 0);
    let good = attest_words(directory, &["manifest", "verify", "sums", "image"]);
    assert_eq!(
        (good.status, good.stdout.as_str()),
        (0, "no difference in 4 entries (content of regular files)\n")
    );
    fs::remove_file(directory.join("root/data")).unwrap();
    let bad = attest_words(directory, &["manifest", "verify", "sums", "root"]);
    assert_eq!(bad.status, 1);
    assert!(bad.stdout.starts_with("./data: removed: "), "{}", bad.stdout);
}

#[test]
fn a_damaged_image_is_not_called_different() {
    let fixture = fixture();
    let directory = fixture.path();
    assert_eq!(attest_words(directory, &["manifest", "create", "image", "-o", "manifest.json"]).status, 0);
    let image = fs::read(directory.join("image")).unwrap();
    fs::write(directory.join("image"), &image[..image.len() / 2]).unwrap();
    let ran = attest_words(directory, &["manifest", "verify", "manifest.json", "image"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("the image is cut off"), "{}", ran.stderr);
}

#[test]
fn help_and_version_answer() {
    let fixture = fixture();
    for arguments in
        [&["--help"][..], &["--version"], &["verity", "format", "--help"], &["manifest", "--help"]]
    {
        let ran = attest_words(fixture.path(), arguments);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    }
}
