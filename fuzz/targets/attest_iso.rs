//! ISO images that others made: a file within, which can be read to its end, or a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::ReadAt as _;
use openfactory_attest::iso9660::Iso;
use openfactory_attest::manifest::TreePath;

/// Where the first volume descriptor is. What is before it is nobody's: it is not part of the input.
const FIRST: usize = 16 * 2048;

fuzz_target!(|input: &[u8]| {
    let image = [&vec![0; FIRST], input].concat();
    let deep = TreePath::new("live/filesystem.squashfs").expect("a path");
    for found in
        [Iso::open(&image).and_then(Iso::squashfs), Iso::open(&image).and_then(|iso| iso.file(&deep))]
    {
        let Ok(file) = found else { continue };
        // Pieces may overlap, so that a file may be larger than its image.
        let len = file.size().expect("a size").min(1 << 20);
        let mut bytes = vec![0; usize::try_from(len).expect("small")];
        file.read_exact_at(&mut bytes, 0).expect("bytes within the image");
    }
});
