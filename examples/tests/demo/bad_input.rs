//! Images that are none, and a directory that can't be used: a reason, exit status 2, nothing half-written.

use std::fs;
use std::path::Path;

use crate::image;
use crate::kill::demo;

/// Runs the demo on `image`, which must be refused; gives what it says.
fn refused(image: &Path, data_dir: &Path) -> String {
    let output = demo(image, data_dir).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty(), "only the result goes to stdout");
    assert!(stderr.starts_with("error: "), "{stderr}");
    stderr
}

#[test]
fn an_image_that_is_missing_foreign_or_cut_off_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let missing = refused(&at("none.squashfs"), &at("a"));
    assert!(missing.contains("none.squashfs"), "{missing}");

    fs::write(at("foreign"), vec![b'x'; 8192]).unwrap();
    let foreign = refused(&at("foreign"), &at("b"));
    assert!(foreign.contains("squashfs"), "{foreign}");

    let whole = fs::read(image::pack(folder.path())).unwrap();
    fs::write(at("cut-off"), &whole[..whole.len() / 2 / 4096 * 4096]).unwrap();
    let cut_off = refused(&at("cut-off"), &at("c"));
    assert!(cut_off.contains("cut-off"), "{cut_off}");
    for left in ["a", "b", "c"] {
        assert!(!at(left).exists(), "nothing is begun with an image that is none");
    }
}

#[test]
fn a_data_directory_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let image = image::pack(folder.path());
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let said = refused(&image, &file);
    assert!(said.contains("file"), "{said}");
}

#[test]
fn a_data_directory_with_the_story_of_another_image_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let image = image::pack(folder.path());
    let data_dir = folder.path().join("data");
    crate::kill::tell(&image, &data_dir);
    let other = folder.path().join("other.squashfs");
    let mut bytes = fs::read(&image).unwrap();
    bytes.extend([0; 4096]);
    fs::write(&other, bytes).unwrap();
    let said = refused(&other, &data_dir);
    assert!(said.contains("another image") && said.contains("--data-dir"), "{said}");
    crate::kill::tell(&image, &data_dir);
}
