//! Images of `mksquashfs` read by us, ours read by `unsquashfs`, and damaged ones.

use std::fs::{self, File};
use std::io::Cursor;
use std::path::Path;

use openfactory_attest::manifest::{Compare, EntryKind, Manifest, TreePath};
use openfactory_attest::squashfs::{self, Compression, Image, PackError, Packer, SquashfsError};
use openfactory_attest::{ReadAt, Work};
use proptest::prelude::*;

use crate::{tool, tree};

const COMPRESSIONS: [(&str, Compression); 4] = [
    ("gzip", Compression::Gzip),
    ("xz", Compression::Xz),
    ("lz4", Compression::Lz4),
    ("zstd", Compression::Zstd),
];

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn of_directory(directory: &Path) -> Manifest {
    Manifest::of_directory(directory, &Work::on_all_cores()).unwrap()
}

fn of_image(image: &dyn ReadAt) -> Manifest {
    Manifest::of_squashfs(image, &Work::on_all_cores()).unwrap()
}

/// Has `mksquashfs` pack `root` in `directory`. `None` if there is none.
fn mksquashfs(test: &str, directory: &Path, image: &str, options: &[&str]) -> Option<File> {
    let arguments = [&["root", image, "-noappend", "-no-progress", "-quiet"], options].concat();
    tool::succeed(test, directory, "mksquashfs", &arguments)?;
    Some(File::open(directory.join(image)).unwrap())
}

#[test]
fn an_image_says_what_the_directory_says() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    tree::fill(&root);
    let expected = of_directory(&root);
    for (name, compression) in COMPRESSIONS {
        for options in [&[][..], &["-b", "4096"], &["-b", "1M", "-no-fragments"], &["-always-use-fragments"]]
        {
            let test = "an image says what the directory says";
            let options = [&["-comp", name], options].concat();
            let Some(image) = mksquashfs(test, directory.path(), "image", &options) else { return };
            assert_eq!(Image::open(&image).unwrap().compression(), compression);
            assert_eq!(expected.diff(&of_image(&image), &Compare::everything()), [], "{options:?}");
        }
    }
}

#[test]
fn nothing_compressed_exports_and_devices() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    tree::fill(&root);
    let expected = of_directory(&root);
    let options = ["-noI", "-noD", "-noF", "-noX", "-no-exports", "-p", "null c 666 0 0 1 3"];
    let options = [&options[..], &["-p", "disk b 660 0 6 259 300"]].concat();
    let Some(image) = mksquashfs("nothing compressed", directory.path(), "image", &options) else { return };
    let manifest = of_image(&image);
    let kind = |name: &str| manifest.entry(&path(name)).unwrap().kind.clone();
    assert_eq!(kind("null"), EntryKind::CharDevice { major: 1, minor: 3 });
    assert_eq!(kind("disk"), EntryKind::BlockDevice { major: 259, minor: 300 });
    let added = expected.diff(&manifest, &Compare::everything().mtime(false));
    assert_eq!(added.len(), 2, "{added:?}");
}

#[test]
fn what_is_unpacked_is_what_was_packed() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    tree::fill(&root);
    let expected = of_directory(&root);
    let Some(image) = mksquashfs("unpacking", directory.path(), "image", &[]) else { return };
    let target = directory.path().join("unpacked");
    let extracted = squashfs::extract(&image, &target).unwrap();
    assert_eq!(extracted.skipped, []);
    assert_eq!(extracted.entries, expected.entries().len() as u64);
    assert_eq!(expected.diff(&of_directory(&target), &Compare::everything()), []);
    // A second time it is in the way, and stays as it is.
    squashfs::extract(&image, &target).unwrap_err();
    assert_eq!(expected.diff(&of_directory(&target), &Compare::everything()), []);
}

#[test]
fn unsquashfs_and_we_read_what_we_pack() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    tree::fill(&root);
    let expected = of_directory(&root);
    let content = Compare::content();
    for (name, compression) in COMPRESSIONS {
        let mut packer = Packer::new(compression);
        packer.add_tree(&root).unwrap();
        let mut image = Cursor::new(Vec::new());
        packer.write(&mut image).unwrap();
        let image = image.into_inner();
        let manifest = of_image(&image);
        assert_eq!(expected.diff(&manifest, &content), [], "{name}");
        assert!(manifest.entries().all(|entry| (entry.uid, entry.gid, entry.mtime) == (0, 0, 0)));

        let mut again = Cursor::new(Vec::new());
        packer.write(&mut again).unwrap();
        assert!(again.into_inner() == image, "{name} differs when packed again");

        fs::write(directory.path().join(name), &image).unwrap();
        let target = format!("by-unsquashfs-{name}");
        let arguments = ["-no-progress", "-quiet", "-d", &target, name];
        if tool::succeed("unsquashfs reads what we pack", directory.path(), "unsquashfs", &arguments)
            .is_some()
        {
            assert_eq!(expected.diff(&of_directory(&directory.path().join(target)), &content), [], "{name}");
        }
    }
}

#[test]
fn a_packer_takes_single_entries_and_refuses_clashes() {
    let mut packer = Packer::new(Compression::Zstd);
    packer.add_bytes(path("usr/share/doc/readme"), "hello\n", 0o644).unwrap();
    packer.add_symlink(path("bin"), Path::new("usr/bin")).unwrap();
    packer.add_directory(path("usr/bin"), 0o700).unwrap();
    let clash = |result: Result<(), PackError>| assert!(matches!(result, Err(PackError::Clash { .. })));
    clash(packer.add_bytes(path("usr"), "", 0o644));
    clash(packer.add_bytes(path("bin/x"), "", 0o644));
    clash(packer.add_bytes(TreePath::root(), "", 0o644));
    let mut image = Cursor::new(Vec::new());
    let len = packer.write(&mut image).unwrap();
    let image = image.into_inner();
    assert!(len <= image.len() as u64);
    let manifest = of_image(&image);
    let paths: Vec<_> = manifest.entries().map(|entry| entry.path.to_string()).collect();
    assert_eq!(
        paths,
        [".", "./bin", "./usr", "./usr/bin", "./usr/share", "./usr/share/doc", "./usr/share/doc/readme"]
    );

    let mut packer = Packer::new(Compression::Zstd);
    packer.add_file(path("gone"), Path::new("/nowhere/at/all"), 0o644).unwrap();
    let error = packer.write(&mut Cursor::new(Vec::new())).unwrap_err();
    let PackError::Write(source) = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    assert!(source.to_string().starts_with("/nowhere/at/all: "));
}

/// A small image with everything that a reader has to parse.
fn small(compression: Compression) -> Vec<u8> {
    let mut packer = Packer::new(compression);
    packer.add_bytes(path("etc/motd"), "hello\n", 0o644).unwrap();
    packer.add_bytes(path("bin/big"), crate::verity::noise(300_000), 0o755).unwrap();
    packer.add_bytes(path("bin/zeros"), vec![0; 300_000], 0o755).unwrap();
    packer.add_symlink(path("sbin"), Path::new("bin")).unwrap();
    let mut image = Cursor::new(Vec::new());
    packer.write(&mut image).unwrap();
    image.into_inner()
}

fn refused(image: &[u8]) -> SquashfsError {
    Manifest::of_squashfs(&image, &Work::on_all_cores()).unwrap_err()
}

#[test]
fn what_is_no_image_is_refused() {
    assert!(matches!(refused(&[]), SquashfsError::Magic));
    assert!(matches!(refused(&[0; 4096]), SquashfsError::Magic));
    let good = small(Compression::Gzip);
    let with = |at: usize, byte: u8| {
        let mut image = good.clone();
        image[at] = byte;
        refused(&image)
    };
    assert!(matches!(with(0, b's'), SquashfsError::Magic));
    assert!(matches!(with(28, 3), SquashfsError::Version { major: 3, minor: 0 }));
    for (id, name) in [(2, "lzma"), (3, "lzo"), (9, "number 9")] {
        let error = with(20, id);
        assert!(matches!(error, SquashfsError::UnsupportedCompression { .. }));
        assert!(error.to_string().contains(name), "{error}");
    }
    assert!(matches!(with(13, 0xff), SquashfsError::Superblock { field: "block size" }));
    assert!(matches!(with(22, 1), SquashfsError::Superblock { field: "block size" }));
    assert!(matches!(with(71, 0xff), SquashfsError::Superblock { field: "inode table" }));
    assert!(matches!(with(79, 0xff), SquashfsError::Superblock { field: "directory table" }));
    assert!(matches!(with(19, 0xff), SquashfsError::TooLarge { what: "fragments", .. }));
}

#[test]
fn a_cut_off_image_is_refused_wherever_it_is_cut() {
    let image = small(Compression::Zstd);
    let used = Image::open(&image).unwrap().bytes_used() as usize;
    for len in (0..96).chain((96..used).step_by(4999)).chain([used - 1]) {
        match refused(&image[..len]) {
            SquashfsError::Magic => assert!(len < 96),
            SquashfsError::Truncated { needs, has } => assert_eq!((needs, has), (used as u64, len as u64)),
            other => panic!("{len}: {other:?}"),
        }
    }
}

#[test]
fn damaged_content_is_refused_not_hashed() {
    let mut image = small(Compression::Zstd);
    // The blocks of zeros are the only compressed content: a frame is found by its magic number.
    let frame = image.windows(4).position(|bytes| bytes == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
    image[frame] ^= 1;
    assert!(matches!(refused(&image), SquashfsError::Corrupt { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is overwritten, reading ends, and ends in a manifest or an error.
    #[test]
    fn any_damage_ends_in_a_manifest_or_an_error(
        which in 0_usize..4,
        from_end in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        static IMAGES: std::sync::LazyLock<Vec<Vec<u8>>> =
            std::sync::LazyLock::new(|| COMPRESSIONS.iter().map(|&(_, compression)| small(compression)).collect());
        let mut image = IMAGES[which].clone();
        let used = Image::open(&image).unwrap().bytes_used() as usize;
        // What describes the content is at the end, behind it; the superblock is at the start.
        let (start, len) = if from_end { (used - 700, 700) } else { (0, 96) };
        for (at, byte) in damage {
            image[start + at.index(len)] = byte;
        }
        match Manifest::of_squashfs(&image, &Work::on_all_cores()) {
            Ok(manifest) => prop_assert!(manifest.entries().len() < 1000),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
