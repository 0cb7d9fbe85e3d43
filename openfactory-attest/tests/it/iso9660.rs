//! ISO images that `xorriso` made: what is found in them is what `xorriso` takes out of them.

use std::fs;
use std::fs::File;
use std::io::Cursor;
use std::os::unix::fs::symlink;
use std::path::Path;

use openfactory_attest::iso9660::{Iso, IsoError};
use openfactory_attest::manifest::TreePath;
use openfactory_attest::squashfs::{Compression, Packer};
use openfactory_attest::{Manifest, ReadAt as _, Sha256Digest, Work};

use crate::tool;

/// A tree as a live system's image has it, with a squashfs of some files.
fn tree() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/motd"), "hello\n").unwrap();
    fs::write(root.join("random"), (0..300_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    let mut packer = Packer::new(Compression::Zstd);
    packer.add_tree(&root).unwrap();
    let mut image = Cursor::new(Vec::new());
    packer.write(&mut image).unwrap();
    let iso = directory.path().join("iso");
    fs::create_dir_all(iso.join("live")).unwrap();
    fs::write(iso.join("live/filesystem.squashfs"), image.into_inner()).unwrap();
    symlink("filesystem.squashfs", iso.join("live/link")).unwrap();
    // A name that does not fit into a record, and a directory of several blocks.
    let long = "n".repeat(240);
    fs::create_dir_all(iso.join("many").join(&long)).unwrap();
    fs::write(iso.join("many").join(&long).join("File.With.Dots"), "found\n").unwrap();
    for number in 0..200 {
        fs::write(iso.join(format!("many/a file with a name of some length {number}")), number.to_string())
            .unwrap();
    }
    directory
}

/// Makes an image of the tree; `None` if xorriso is not here.
fn make(test: &str, directory: &Path, how: &[&str]) -> Option<File> {
    let mut arguments = vec!["-as", "mkisofs", "-quiet"];
    arguments.extend(how);
    arguments.extend(["-o", "image.iso", "iso"]);
    let _file = fs::remove_file(directory.join("image.iso"));
    tool::succeed(test, directory, "xorriso", &arguments)?;
    Some(File::open(directory.join("image.iso")).unwrap())
}

fn read(image: &File, path: &str) -> Result<Vec<u8>, IsoError> {
    let file = Iso::open(image)?.file(&TreePath::new(path).unwrap())?;
    let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    Ok(bytes)
}

#[test]
fn the_squashfs_within_is_read_in_place() {
    let test = "the_squashfs_within_is_read_in_place";
    let directory = tree();
    let path = directory.path();
    let Some(image) = make(test, path, &["-R"]) else { return };
    let extract = ["-osirrox", "on", "-indev", "image.iso", "-extract", "/live/filesystem.squashfs", "out"];
    tool::succeed(test, path, "xorriso", &extract).unwrap();
    let taken = fs::read(path.join("out")).unwrap();
    assert_eq!(read(&image, "live/filesystem.squashfs").unwrap(), taken);

    let found = Iso::open(&image).unwrap().squashfs().unwrap();
    let work = Work::on_all_cores();
    let manifest = Manifest::of_squashfs(&found, &work).unwrap();
    assert_eq!(manifest, Manifest::of_squashfs(&taken, &work).unwrap());
    let motd = manifest.files().find(|(path, ..)| path.to_string() == "./etc/motd").unwrap();
    assert_eq!(motd.2, Sha256Digest::of(b"hello\n"));
}

#[test]
fn every_file_is_found_by_its_name() {
    let test = "every_file_is_found_by_its_name";
    let directory = tree();
    for how in [&["-R"][..], &["-R", "-J"], &["-R", "-iso-level", "4"]] {
        let Some(image) = make(test, directory.path(), how) else { return };
        for number in 0..200 {
            let name = format!("many/a file with a name of some length {number}");
            assert_eq!(read(&image, &name).unwrap(), number.to_string().as_bytes());
        }
        let deep = format!("many/{}/File.With.Dots", "n".repeat(240));
        assert_eq!(read(&image, &deep).unwrap(), b"found\n");
        assert!(matches!(read(&image, "live/link"), Err(IsoError::NotAFile { .. })));
        assert!(matches!(read(&image, "live"), Err(IsoError::NotAFile { .. })));
        assert!(matches!(read(&image, "live/nothing"), Err(IsoError::NotFound { .. })));
    }
    // Without Rock Ridge, names are short and in capitals; asked for, they may be in small letters.
    let image = make(test, directory.path(), &["--norock"]).unwrap();
    let whole = fs::read(directory.path().join("iso/live/filesystem.squashfs")).unwrap();
    assert_eq!(read(&image, "live/filesyst.squ").unwrap(), whole);
}
