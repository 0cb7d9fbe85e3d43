//! Where parity is, on the command line.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use clap::Args;
use openfactory_attest::verity::fec::{FecArea, FecRoots};

/// How much parity there is, and where it begins.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Parity {
    /// Parity symbols of each code word, 2 to 24: for each, one part in about 250 of the image
    #[arg(long, value_name = "N", value_parser = fec_roots, default_value = "2", requires = "fec")]
    fec_roots: FecRoots,
    /// The byte of the parity's file at which it begins. Where that is the file with the hash tree: behind the tree
    #[arg(long, value_name = "BYTES", default_value_t = 0, hide_default_value = true, requires = "fec")]
    fec_offset: u64,
}

fn fec_roots(text: &str) -> Result<FecRoots, String> {
    let roots = text.parse().map_err(|_not_a_number| format!("{text} is not 2 to 24"))?;
    FecRoots::new(roots).map_err(|error| error.to_string())
}

impl Parity {
    /// The area in this file.
    pub(super) fn area(self, parity: &File, hash: &File) -> io::Result<FecArea> {
        Ok(if same(parity, hash)? {
            FecArea::behind_tree(self.fec_roots, self.fec_offset)
        } else {
            FecArea::at(self.fec_roots, self.fec_offset)
        })
    }

    pub(super) const fn offset(self) -> u64 {
        self.fec_offset
    }
}

/// Whether two open files are one.
pub(super) fn same(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}
