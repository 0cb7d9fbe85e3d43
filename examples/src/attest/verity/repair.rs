//! `attest verity repair`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use openfactory_attest::verity::fec::{self, FecArea, Repair};
use openfactory_attest::verity::{self, Device, RootHash, Tree, VerifyReport};

use super::fec::{Parity, same};
use super::open;
use super::parameters::Parameters;
use crate::attest::manifest::Threads;
use crate::attest::target::Target;
use crate::attest::{CliError, output};
use crate::cli::Verdict;

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 intact again, 1 still damaged, 2 could not be tried.

With -o FILE a repaired copy of the image is written, if all of it is proved then; DATA and HASH are left alone. Without, \
both are repaired in place. Blocks that the root hash proves are never changed.")]
pub(crate) struct RepairArgs {
    /// The image
    data: PathBuf,
    /// The file with superblock and hash tree
    hash: PathBuf,
    /// The root hash in hex, from a source that you trust
    root: RootHash,
    /// The parity, as `attest verity format --fec` or `veritysetup format --fec-device` writes it
    #[arg(long, value_name = "FILE")]
    fec: PathBuf,
    #[command(flatten)]
    at: Parity,
    /// Write a repaired copy of the image
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    parameters: Parameters,
    #[command(flatten)]
    threads: Threads,
}

/// What can be read and written, and where repaired bytes go.
struct Mending<'a> {
    data: &'a File,
    hash: &'a File,
    parity: &'a File,
    tree: &'a Tree,
    area: FecArea,
}

struct Mended {
    report: VerifyReport,
    bytes: u64,
    last: Repair,
}

impl RepairArgs {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let (image, hash_file, parity) = (open(&self.data)?, open(&self.hash)?, open(&self.fec)?);
        let (tree, disagreements) =
            self.parameters.for_tree((&self.data, &image), (&self.hash, &hash_file), self.root)?;
        if let Some(disagreement) = disagreements.first() {
            return Err(CliError::new(format!("{}: {disagreement}", self.hash.display())));
        }
        let area =
            self.at.area(&parity, &hash_file).map_err(|error| CliError::file("read", &self.fec, error))?;
        let mended = match &self.output {
            None => {
                let (data, hash) = (writable(&self.data)?, writable(&self.hash)?);
                self.mend(&Mending { data: &data, hash: &hash, parity: &parity, tree: &tree, area })?
            }
            Some(path) => self.mend_copy(path, (&image, &hash_file, &parity), &tree, area)?,
        };
        let mut text = format!("{} bytes repaired\n", mended.bytes);
        let intact = mended.report.is_intact();
        if intact {
            let (data_blocks, hash_blocks) = (tree.data_blocks(), tree.hash_blocks());
            text.push_str(&format!("intact: {data_blocks} data blocks, {hash_blocks} hash blocks\n"));
        } else {
            text.push_str(&format!("{} code words are beyond repair\n", mended.last.beyond_repair()));
            text.extend(mended.report.findings().iter().map(|finding| format!("{finding}\n")));
        }
        output::text(&text)?;
        Ok(if intact { Verdict::Good } else { Verdict::Bad })
    }

    /// Repairs copies; the image's gets its name if all of it is proved.
    fn mend_copy(
        &self,
        path: &Path,
        (image, hash_file, parity): (&File, &File, &File),
        tree: &Tree,
        area: FecArea,
    ) -> Result<Mended, CliError> {
        let target = Target::new(path, [self.data.as_path(), &self.hash, &self.fec])?;
        let mut part = target.begin()?;
        let cannot_copy = |error| CliError::file("copy to", path, error);
        let copy = |mut from: &File, to: &mut File| io::copy(&mut from, to).map_err(cannot_copy);
        copy(image, part.file())?;
        let hash = if same(image, hash_file).map_err(cannot_copy)? {
            part.file().try_clone().map_err(cannot_copy)?
        } else {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let mut hash = tempfile::tempfile_in(directory.unwrap_or(Path::new("."))).map_err(cannot_copy)?;
            copy(hash_file, &mut hash)?;
            hash
        };
        let mended = self.mend(&Mending { data: part.file(), hash: &hash, parity, tree, area })?;
        if mended.report.is_intact() {
            part.commit().map_err(|error| CliError::file("put into place", path, error))?;
        }
        Ok(mended)
    }

    /// Checks and repairs, until all is good or nothing more comes of it: a repaired tree proves more data.
    fn mend(&self, mending: &Mending<'_>) -> Result<Mended, CliError> {
        let Mending { data, hash, parity, tree, area } = *mending;
        let work = self.threads.work();
        let (mut bytes, mut last) = (0, Repair::default());
        loop {
            let report = verity::verify(data, hash, tree, &work)
                .map_err(|error| CliError::file("check", &self.data, error))?;
            if report.is_intact() {
                return Ok(Mended { report, bytes, last });
            }
            let mut patch = |device: Device, at: u64, bytes: &[u8]| match device {
                Device::Data => data.write_all_at(bytes, at),
                Device::Hash => hash.write_all_at(bytes, at),
            };
            last = fec::repair(data, hash, parity, tree, area, &report, &mut patch, &work)
                .map_err(|error| CliError::file("repair", &self.data, error))?;
            bytes += last.repaired_bytes();
            if last.repaired_bytes() == 0 {
                return Ok(Mended { report, bytes, last });
            }
            [data, hash]
                .into_iter()
                .try_for_each(File::sync_all)
                .map_err(|error| CliError::file("write", &self.data, error))?;
        }
    }
}

fn writable(path: &Path) -> Result<File, CliError> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    file.map_err(|error| CliError::file("write", path, error))
}
