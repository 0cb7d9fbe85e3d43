//! Manifests of real directories, and `sha256sum` as the judge of their text form.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::{FileExt as _, symlink};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use openfactory_attest::manifest::{Compare, DifferenceKind, DirectoryError, EntryKind, Manifest, TreePath};
use openfactory_attest::{Sha256Digest, Work};

use crate::{tool, tree};

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

#[test]
fn a_directory_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    tree::fill(directory.path());
    let manifest = Manifest::of_directory(directory.path(), &Work::on_all_cores()).unwrap();
    let entry = |name: &str| manifest.entry(&path(name)).unwrap();
    assert_eq!(entry(".").kind, EntryKind::Directory);
    assert_eq!(entry("bin/1").mode, 0o4755);
    assert_eq!(entry("empty").mode, 0o1777);
    assert_eq!(entry("etc/pipe").kind, EntryKind::Fifo);
    assert_eq!(entry("etc/socket").kind, EntryKind::Socket);
    assert_eq!(entry("loop").kind, EntryKind::Symlink { target: b".".to_vec() });
    let zeros = EntryKind::File { size: 1_000_000, digest: Sha256Digest::of(&vec![0; 1_000_000]) };
    assert_eq!(entry("zeros").kind, zeros);
    // The first name in bytewise order is the one that the others refer to.
    assert_eq!(entry("aa-link").hard_link_to, None);
    assert_eq!(entry("bin/4").hard_link_to, Some(path("aa-link")));
    assert_eq!(entry("bin/zz-link").hard_link_to, Some(path("aa-link")));
    assert_eq!(entry("bin/4").kind, entry("aa-link").kind);
    let paths: Vec<_> = manifest.entries().map(|entry| entry.path).collect();
    assert!(paths.is_sorted());

    for threads in [1, 3, 8] {
        let work = Work::on_threads(NonZeroUsize::new(threads).unwrap());
        assert_eq!(Manifest::of_directory(directory.path(), &work).unwrap(), manifest);
    }
    let json = manifest.to_json().unwrap();
    assert_eq!(Manifest::parse_json(&json).unwrap(), manifest);
}

#[test]
fn sha256sum_accepts_the_text_form_and_the_json_digest() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    tree::fill(&root);
    let manifest = Manifest::of_directory(&root, &Work::on_all_cores()).unwrap();
    fs::write(directory.path().join("sums"), manifest.to_sha256sum()).unwrap();
    fs::write(directory.path().join("manifest.json"), manifest.to_json().unwrap()).unwrap();
    let test = "sha256sum accepts the text form";
    let Some(checked) = tool::succeed(test, &root, "sha256sum", &["--strict", "-c", "../sums"]) else {
        return;
    };
    assert_eq!(checked.lines().count(), manifest.files().count());
    let digest = tool::succeed(test, directory.path(), "sha256sum", &["manifest.json"]).unwrap();
    assert_eq!(digest, format!("{}  manifest.json\n", manifest.digest().unwrap()));

    fs::write(root.join("bin/3"), "other").unwrap();
    let output = tool::run(test, &root, "sha256sum", &["--quiet", "-c", "../sums"]).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "./bin/3: FAILED\n");
}

#[test]
fn what_sha256sum_writes_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    tree::fill(&root);
    let script = "find . -type f -print0 | xargs -0 sha256sum > ../sums";
    if tool::succeed("what sha256sum writes is read", &root, "sh", &["-c", script]).is_none() {
        return;
    }
    let baseline = Manifest::parse_sha256sum(&fs::read(directory.path().join("sums")).unwrap()).unwrap();
    let diff = || {
        let manifest = Manifest::of_directory(&root, &Work::on_all_cores()).unwrap();
        let differences = openfactory_attest::manifest::diff_digests(&baseline, &manifest);
        differences.into_iter().map(|found| (found.path.to_string(), found.kind)).collect::<Vec<_>>()
    };
    assert_eq!(diff(), []);
    fs::write(root.join("zeros"), "").unwrap();
    fs::write(root.join("new"), "").unwrap();
    fs::remove_file(root.join("bin/0")).unwrap();
    assert_eq!(
        diff(),
        [
            ("./bin/0".to_owned(), DifferenceKind::Removed),
            ("./new".to_owned(), DifferenceKind::Added),
            ("./zeros".to_owned(), DifferenceKind::Content),
        ]
    );
}

#[test]
fn a_real_change_is_found() {
    let directory = tempfile::tempdir().unwrap();
    tree::fill(directory.path());
    let baseline = Manifest::of_directory(directory.path(), &Work::on_all_cores()).unwrap();
    fs::remove_file(directory.path().join("etc/relative")).unwrap();
    symlink("../bin/2", directory.path().join("etc/relative")).unwrap();
    let now = Manifest::of_directory(directory.path(), &Work::on_all_cores()).unwrap();
    let found = baseline.diff(&now, &Compare::content());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, DifferenceKind::LinkTarget);
    assert_eq!(found[0].expected.as_deref(), Some("symlink to ../bin/1"));
}

/// Its length stays, and its time of modification is set back: that of the change is what tells.
#[test]
fn a_file_that_is_rewritten_while_it_is_read_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("database");
    fs::write(&file, vec![1; 32 << 20]).unwrap();
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let (stop, writing) = (AtomicBool::new(false), Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let file = fs::File::options().write(true).open(&file).unwrap();
            writing.wait();
            while !stop.load(Relaxed) {
                file.write_all_at(&[2], 0).unwrap();
                file.set_modified(modified).unwrap();
            }
        });
        writing.wait();
        let read = Manifest::of_directory(directory.path(), &Work::on_all_cores());
        stop.store(true, Relaxed);
        assert!(matches!(read, Err(DirectoryError::Changed { path: told }) if told == path("database")));
    });
    assert!(Manifest::of_directory(directory.path(), &Work::on_all_cores()).is_ok());
}

#[test]
fn no_link_is_followed_and_no_file_is_a_tree() {
    let directory = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "x").unwrap();
    symlink(outside.path(), directory.path().join("out")).unwrap();
    let manifest = Manifest::of_directory(directory.path(), &Work::on_all_cores()).unwrap();
    assert_eq!(manifest.entries().len(), 2);

    fs::write(directory.path().join("file"), "").unwrap();
    for name in ["file", "missing"] {
        let error = Manifest::of_directory(&directory.path().join(name), &Work::on_all_cores()).unwrap_err();
        assert!(matches!(error, DirectoryError::Io { action: "open", .. }), "{error:?}");
    }
}
