//! Images made here, good and bad. Those that others made are in `tests/it/iso9660.rs`.

use proptest::prelude::*;

use super::*;

/// A record: where, how long, flags, name, and what stands behind it.
fn record(block: u32, len: u32, flags: u8, name: &[u8], system_use: &[u8]) -> Vec<u8> {
    let mut record = vec![0; 33];
    record[2..6].copy_from_slice(&block.to_le_bytes());
    record[10..14].copy_from_slice(&len.to_le_bytes());
    record[25] = flags;
    record[32] = name.len() as u8;
    record.extend(name);
    if name.len().is_multiple_of(2) {
        record.push(0);
    }
    record.extend(system_use);
    if !record.len().is_multiple_of(2) {
        record.push(0);
    }
    record[0] = record.len() as u8;
    record
}

fn entry(signature: &[u8; 2], rest: &[u8]) -> Vec<u8> {
    [&signature[..], &[4 + rest.len() as u8, 1], rest].concat()
}

fn name(flags: u8, name: &[u8]) -> Vec<u8> {
    entry(b"NM", &[&[flags], name].concat())
}

/// Blocks 16 and 17: the descriptors; 18: the root; 19: `live`; 20: continuations; from 21 on: content.
fn image(root: &[Vec<u8>], live: &[Vec<u8>], rock_ridge: bool) -> Vec<u8> {
    let mut image = vec![0; 30 * 2048];
    let mut put = |block: usize, bytes: &[u8]| {
        image[block * 2048..][..bytes.len()].copy_from_slice(bytes);
    };
    let mut primary = vec![0; 2048];
    primary[..7].copy_from_slice(b"\x01CD001\x01");
    primary[128..130].copy_from_slice(&2048_u16.to_le_bytes());
    primary[156..190].copy_from_slice(&record(18, 2048, 2, &[0], b""));
    put(16, &primary);
    put(17, b"\xffCD001\x01");
    let own = if rock_ridge { entry(b"SP", &[0xbe, 0xef, 0]) } else { Vec::new() };
    let head = [record(18, 2048, 2, &[0], &own), record(18, 2048, 2, &[1], b"")].concat();
    put(18, &[head.clone(), root.concat()].concat());
    put(19, &[head, live.concat()].concat());
    put(20, &[name(1, b"tem"), name(0, b".squashfs")].concat());
    put(21, b"hello");
    put(22, b", world");
    image
}

fn live() -> Vec<u8> {
    record(19, 2048, 2, b"LIVE", &name(0, b"live"))
}

/// `live/filesystem.squashfs`, whose name goes on in block 20.
fn squashfs() -> Vec<u8> {
    let length = [name(1, b"x"), name(0, b"x")].concat().len() as u32 - 2 + 3 + 9;
    let number = |number: u32| [number.to_le_bytes(), number.to_be_bytes()].concat();
    let more = entry(b"CE", &[number(20), number(0), number(length)].concat());
    record(21, 5, 0, b"FILESYST.SQU;1", &[name(1, b"filesys"), more].concat())
}

fn read(image: &[u8], path: &str) -> Result<Vec<u8>, IsoError> {
    let file = Iso::open(image)?.file(&TreePath::new(path).unwrap())?;
    let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    Ok(bytes)
}

#[test]
fn names_are_rock_ridges_where_there_are_any() {
    let with = image(&[live()], &[squashfs()], true);
    assert_eq!(read(&with, "live/filesystem.squashfs").unwrap(), b"hello");
    let found = Iso::open(&with).unwrap().squashfs().unwrap();
    assert_eq!(
        (found.path().to_string(), found.size().unwrap()),
        ("./live/filesystem.squashfs".to_owned(), 5)
    );
    assert!(matches!(read(&with, "live/filesyst.squ"), Err(IsoError::NotFound { .. })));
    let without = image(&[live()], &[squashfs(), record(21, 1, 0, b"A.;1", b"")], false);
    assert_eq!(read(&without, "live/filesyst.squ").unwrap(), b"hello");
    assert_eq!(read(&without, "LIVE/a").unwrap(), b"h");
    assert!(matches!(Iso::open(&without).unwrap().squashfs(), Err(IsoError::NoSquashfs)));
}

#[test]
fn large_files_are_in_several_pieces() {
    let pieces = [record(21, 5, 0x80, b"BIG;1", &name(0, b"big")), record(22, 7, 0, b"BIG;1", b"")];
    let image = image(&pieces, &[], true);
    let file = Iso::open(&image).unwrap().file(&TreePath::new("big").unwrap()).unwrap();
    let mut bytes = [0; 6];
    file.read_exact_at(&mut bytes, 3).unwrap();
    assert_eq!((&bytes, file.size().unwrap()), (b"lo, wo", 12));
    for (len, offset) in [(6, 7), (1, 12), (1, u64::MAX)] {
        let error = file.read_exact_at(&mut vec![0; len], offset).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
    let open_end = image_of(&[record(21, 5, 0x80, b"BIG;1", &name(0, b"big"))]);
    assert!(matches!(read(&open_end, "big"), Err(IsoError::Corrupt { part: IsoPart::Directory, .. })));
}

fn image_of(root: &[Vec<u8>]) -> Vec<u8> {
    image(root, &[], true)
}

#[test]
fn what_is_no_file_is_none() {
    let link = [name(0, b"link"), entry(b"SL", &[0, 0, 1, b'x'])].concat();
    let device = [name(0, b"device"), entry(b"PX", &[0, 0x20, 0, 0])].concat();
    let squeezed = [name(0, b"squeezed"), entry(b"ZF", b"pz")].concat();
    let mut interleaved = record(21, 5, 0, b"I;1", &name(0, b"interleaved"));
    interleaved[26] = 1;
    let image = image_of(&[
        live(),
        record(0, 0, 0, b"L;1", &link),
        record(0, 0, 0, b"D;1", &device),
        record(21, 5, 0, b"Z;1", &squeezed),
        interleaved,
        record(21, 5, 0, b"F;1", &[name(0, b"f"), entry(b"PX", &[0, 0x80, 0, 0])].concat()),
    ]);
    for path in ["live", "link", "device", "squeezed", "interleaved"] {
        assert!(matches!(read(&image, path), Err(IsoError::NotAFile { .. })), "{path}");
    }
    for path in ["f/x", "live/x", "x"] {
        assert!(matches!(read(&image, path), Err(IsoError::NotFound { .. })), "{path}");
    }
    assert_eq!(read(&image, "f").unwrap(), b"hello");
}

#[test]
fn two_live_systems_are_one_too_many() {
    let casper = record(19, 2048, 2, b"CASPER", &name(0, b"casper"));
    let image = image(&[live(), casper], &[squashfs()], true);
    assert!(matches!(Iso::open(&image).unwrap().squashfs(), Err(IsoError::Ambiguous)));
}

#[test]
fn what_is_not_an_image_is_refused() {
    let good = image(&[live()], &[squashfs()], true);
    assert!(Iso::is_one(&good).unwrap() && !Iso::is_one(&b"hsqs".to_vec()).unwrap());
    let broken = |at: usize, bytes: &[u8]| {
        let mut image = good.clone();
        image[at..at + bytes.len()].copy_from_slice(bytes);
        read(&image, "live/filesystem.squashfs").unwrap_err()
    };
    let (primary, root) = (16 * 2048, 18 * 2048);
    assert!(matches!(Iso::open(&Vec::<u8>::new()), Err(IsoError::Magic)));
    assert!(matches!(broken(primary + 1, b"CD002"), IsoError::Magic));
    assert!(matches!(broken(primary, &[255]), IsoError::Unsupported { .. }));
    assert!(matches!(broken(primary + 128, &[0, 2]), IsoError::Unsupported { .. }));
    assert!(matches!(broken(primary + 156 + 25, &[0]), IsoError::Corrupt { part: IsoPart::Volume, .. }));
    assert!(matches!(broken(primary + 156 + 10, &[0xff; 4]), IsoError::TooLarge { .. }));
    assert!(matches!(broken(primary + 156 + 2, &[0xff; 4]), IsoError::Corrupt { .. }));
    // The first record after the two of the directory itself.
    let first = root + usize::from(good[root]) + 34;
    assert!(matches!(broken(first, &[20]), IsoError::Corrupt { part: IsoPart::Directory, .. }));
    assert!(matches!(broken(first + 32, &[200]), IsoError::Corrupt { part: IsoPart::Directory, .. }));
    // Its name's entry is longer than the record.
    assert!(matches!(broken(first + 33 + 5 + 2, &[99]), IsoError::Corrupt { part: IsoPart::SystemUse, .. }));
    // The content is behind the end.
    let mut cut = good.clone();
    cut.truncate(21 * 2048 + 4);
    assert!(matches!(
        read(&cut, "live/filesystem.squashfs"),
        Err(IsoError::Corrupt { part: IsoPart::Content, .. })
    ));
    // A continuation that leads to itself.
    let mut circle = good;
    let number = |number: u32| [number.to_le_bytes(), number.to_be_bytes()].concat();
    let more = entry(b"CE", &[number(20), number(0), number(28)].concat());
    circle[20 * 2048..][..28].copy_from_slice(&more);
    let error = read(&circle, "live/filesystem.squashfs").unwrap_err();
    assert!(matches!(error, IsoError::Corrupt { part: IsoPart::SystemUse, .. }));
}

proptest! {
    /// Whatever bytes stand in descriptors and directories, the end is a file within the image or an error.
    #[test]
    fn any_bytes_end_in_a_file_or_an_error(
        changes in prop::collection::vec((16_usize * 2048..21 * 2048, any::<u8>()), 0..12),
    ) {
        let mut image = image(&[live()], &[squashfs()], true);
        for (at, byte) in changes {
            image[at] = byte;
        }
        if let Ok(file) = Iso::open(&image).and_then(Iso::squashfs) {
            let len = file.size().unwrap();
            prop_assert!(len <= image.len() as u64);
            file.read_exact_at(&mut vec![0; usize::try_from(len).unwrap()], 0).unwrap();
        }
    }
}
