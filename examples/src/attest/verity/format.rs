//! `attest verity format`.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use openfactory_attest::verity::fec;
use openfactory_attest::verity::{self, Params, Tree};

use super::fec::{Parity, same};
use super::parameters::Parameters;
use super::{open, told};
use crate::attest::manifest::Threads;
use crate::attest::target::Target;
use crate::attest::{CliError, output};
use crate::cli::Verdict;
use crate::progress;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  attest verity format rootfs.squashfs rootfs.verity
  attest verity format rootfs.squashfs rootfs.verity --salt - --uuid a60c98d2-ae9b-4865-bfcb-b4e3ace11033
  attest verity format disk.img disk.img --data-blocks 2048 --hash-offset 8388608
  veritysetup verify rootfs.squashfs rootfs.verity ROOT_HASH")]
pub(crate) struct FormatArgs {
    /// The image
    data: PathBuf,
    /// The file to write: superblock and hash tree
    hash: PathBuf,
    #[command(flatten)]
    parameters: Parameters,
    /// First make the image longer, by zeros up to a whole data block
    #[arg(long, conflicts_with = "data_blocks")]
    pad: bool,
    /// Also write parity to FILE, by which `attest verity repair` and the kernel repair damaged blocks
    #[arg(long, value_name = "FILE")]
    fec: Option<PathBuf>,
    #[command(flatten)]
    parity: Parity,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

impl FormatArgs {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        let image = open(&self.data)?;
        let params = self.parameters.for_format()?;
        if self.pad {
            pad(&image, &self.data, params.data_block_size().get())?;
        }
        let tree = if params.hash_offset() > 0 {
            self.write_into(&image, &params)?
        } else {
            let target = Target::new(&self.hash, [self.data.as_path()])?;
            let mut part = target.begin()?;
            let tree = self.write_tree(&image, part.file(), &params, self.parameters.data_blocks)?;
            part.commit().map_err(|error| CliError::file("put into place", &self.hash, error))?;
            tree
        };
        if let Some(path) = &self.fec {
            self.write_parity(&image, &tree, path)?;
        }
        if self.json {
            output::write_json(&told::tree_json(&tree))?;
        } else {
            output::text(&told::labels(&tree, &self.hash))?;
        }
        Ok(Verdict::Good)
    }

    /// Writes at an offset of a file that may be there already, and may be the image.
    fn write_into(&self, image: &File, params: &Params) -> Result<Tree, CliError> {
        let cannot_write = |error| CliError::file("write", &self.hash, error);
        let mut file = open_beside_others(&self.hash).map_err(cannot_write)?;
        let data_blocks = if same(image, &file).map_err(cannot_write)? {
            Some(self.blocks_before_tree(params)?)
        } else {
            self.parameters.data_blocks
        };
        let tree = self.write_tree(image, &mut file, params, data_blocks)?;
        file.sync_all().map_err(cannot_write)?;
        Ok(tree)
    }

    fn write_parity(&self, image: &File, tree: &Tree, path: &Path) -> Result<(), CliError> {
        if self.parity.offset() > 0 {
            return self.write_parity_into(image, tree, path);
        }
        let target = Target::new(path, [self.data.as_path(), &self.hash])?;
        let hash_file = open(&self.hash)?;
        let mut part = target.begin()?;
        self.encode(image, &hash_file, tree, path, part.file())?;
        part.commit().map_err(|error| CliError::file("put into place", path, error))
    }

    /// Writes at an offset of a file that may be there already, and may be the one with the tree.
    fn write_parity_into(&self, image: &File, tree: &Tree, path: &Path) -> Result<(), CliError> {
        let cannot_write = |error| CliError::file("write", path, error);
        let mut file = open_beside_others(path).map_err(cannot_write)?;
        let hash_file = open(&self.hash)?;
        let on_data = same(&file, image).map_err(cannot_write)?;
        if on_data && self.parity.offset() < tree.data_size() {
            return Err(CliError::new(format!(
                "parity at byte {} would be written over the data, which ends at {}",
                self.parity.offset(),
                tree.data_size()
            )));
        }
        file.seek(SeekFrom::Start(self.parity.offset())).map_err(cannot_write)?;
        self.encode(image, &hash_file, tree, path, &mut file)?;
        file.sync_all().map_err(cannot_write)
    }

    fn encode(
        &self,
        image: &File,
        hash_file: &File,
        tree: &Tree,
        path: &Path,
        out: &mut File,
    ) -> Result<(), CliError> {
        let area = self.parity.area(out, hash_file).map_err(|error| CliError::file("write", path, error))?;
        let mut out = BufWriter::new(out);
        let bar = progress::Bytes::new("writing parity");
        let tell = |done, total| bar.tell(done, total);
        let work = self.threads.work().telling(&tell);
        fec::encode(image, hash_file, tree, area, &mut out, &work)
            .map_err(|error| CliError::file("make parity for", &self.data, error))?;
        out.flush().map_err(|error| CliError::file("write", path, error))
    }

    /// How many blocks of the image to cover if the tree is behind them in the same file.
    fn blocks_before_tree(&self, params: &Params) -> Result<u64, CliError> {
        let (offset, size) = (params.hash_offset(), u64::from(params.data_block_size().get()));
        match self.parameters.data_blocks {
            Some(blocks) if blocks.saturating_mul(size) > offset => Err(CliError::new(format!(
                "{blocks} data blocks of {size} bytes reach beyond the hash area at {offset} of the same file"
            ))),
            Some(blocks) => Ok(blocks),
            None if offset % size == 0 => Ok(offset / size),
            None => Err(CliError::new(format!(
                "say with --data-blocks how many blocks of {size} bytes before the hash area at {offset} are data"
            ))),
        }
    }

    fn write_tree<W: Write + Seek>(
        &self,
        image: &File,
        out: &mut W,
        params: &Params,
        data_blocks: Option<u64>,
    ) -> Result<Tree, CliError> {
        let mut out = BufWriter::new(out);
        let bar = progress::Bytes::new("hashing");
        let tell = |done, total| bar.tell(done, total);
        let work = self.threads.work().telling(&tell);
        let tree = verity::format(image, data_blocks, &mut out, params, &work)
            .map_err(|error| CliError::file("format", &self.data, error))?;
        out.flush().map_err(|error| CliError::file("write", &self.hash, error))?;
        Ok(tree)
    }
}

/// Opens a file that is written at an offset, and keeps what else is in it.
fn open_beside_others(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn pad(image: &File, path: &Path, block: u32) -> Result<(), CliError> {
    let cannot_pad = |error| CliError::file("pad", path, error);
    let len = image.metadata().map_err(cannot_pad)?.len();
    let padded = len.next_multiple_of(u64::from(block));
    if padded == len {
        return Ok(());
    }
    let file = OpenOptions::new().write(true).open(path).map_err(cannot_pad)?;
    file.set_len(padded).and_then(|()| file.sync_all()).map_err(cannot_pad)
}
