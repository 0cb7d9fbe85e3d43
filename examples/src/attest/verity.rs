//! `attest verity`: hash trees as `veritysetup` makes them, and what is wrong with one.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use openfactory_attest::verity::{self, Params, RootHash, Superblock, Table, Tree};
use serde_json::json;

use super::manifest::Threads;
use super::target::Target;
use super::{CliError, output};
use crate::cli::Verdict;
use crate::progress;

mod parameters;
mod told;

use parameters::Parameters;

/// `attest verity ...`
#[derive(Debug, Subcommand)]
pub(crate) enum VerityCommand {
    /// Write the hash tree of an image and print its root hash
    ///
    /// The bytes are those of `veritysetup format` with the same salt and UUID (hash type 1, SHA-256). HASH appears
    /// complete or not at all; a file of that name is replaced.
    #[command(after_help = "Examples:
  attest verity format rootfs.squashfs rootfs.verity
  attest verity format rootfs.squashfs rootfs.verity --salt - --uuid a60c98d2-ae9b-4865-bfcb-b4e3ace11033
  veritysetup verify rootfs.squashfs rootfs.verity ROOT_HASH")]
    Format {
        /// The image
        data: PathBuf,
        /// The file to write: superblock and hash tree
        hash: PathBuf,
        #[command(flatten)]
        parameters: Parameters,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        threads: Threads,
    },
    /// Check an image against its hash tree and root hash, and name every bad block
    ///
    /// Parameters are read from HASH's superblock, which nothing authenticates. Those given as options must be the
    /// same: give all that a signed document holds.
    #[command(
        after_help = "Exit status: 0 intact, 1 damaged (every bad block is listed), 2 could not check."
    )]
    Verify {
        /// The image
        data: PathBuf,
        /// The file with superblock and hash tree
        hash: PathBuf,
        /// The root hash, 64 hex digits, from a source that you trust
        root: RootHash,
        #[command(flatten)]
        parameters: Parameters,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        threads: Threads,
    },
    /// Print the device-mapper table line that activates the image in the kernel
    #[command(after_help = "Example:
  dmsetup create rootfs --readonly --table \"$(attest verity table /dev/loop0 /dev/loop1 ROOT_HASH)\"

Nothing is checked here: the kernel checks each block when it is read.")]
    Table {
        /// The device with the image: the line has it as given
        data: PathBuf,
        /// The device with superblock and hash tree; its superblock is read
        hash: PathBuf,
        /// The root hash, 64 hex digits, from a source that you trust
        root: RootHash,
        #[command(flatten)]
        parameters: Parameters,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl VerityCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Format { data, hash, parameters, json, threads } => {
                format(&data, &hash, &parameters, json, threads)
            }
            Self::Verify { data, hash, root, parameters, json, threads } => {
                verify(&data, &hash, root, &parameters, json, threads)
            }
            Self::Table { data, hash, root, parameters, json } => {
                table(&data, &hash, root, &parameters, json)
            }
        }
    }
}

fn format(
    data: &Path,
    hash: &Path,
    parameters: &Parameters,
    json: bool,
    threads: Threads,
) -> Result<Verdict, CliError> {
    let image = open(data)?;
    let target = Target::new(hash, [data])?;
    let params = parameters.for_format()?;
    let mut part = target.begin()?;
    let tree = write_tree(&image, data, (part.file(), hash), &params, parameters.data_blocks, threads)?;
    part.commit().map_err(|error| CliError::file("put into place", hash, error))?;
    if json {
        output::write_json(&told::tree_json(&tree))?;
    } else {
        output::write(told::labels(&tree, hash).as_bytes())?;
    }
    Ok(Verdict::Good)
}

fn write_tree(
    image: &File,
    data: &Path,
    (part, hash): (&mut File, &Path),
    params: &Params,
    data_blocks: Option<u64>,
    threads: Threads,
) -> Result<Tree, CliError> {
    let mut out = BufWriter::new(part);
    let bar = progress::Bytes::new("hashing");
    let tell = |done, total| bar.tell(done, total);
    let work = threads.work().telling(&tell);
    let tree = verity::format(image, data_blocks, &mut out, params, &work)
        .map_err(|error| CliError::file("format", data, error))?;
    out.flush().map_err(|error| CliError::file("write", hash, error))?;
    Ok(tree)
}

fn verify(
    data: &Path,
    hash: &Path,
    root: RootHash,
    parameters: &Parameters,
    json: bool,
    threads: Threads,
) -> Result<Verdict, CliError> {
    let (image, hash_file) = (open(data)?, open(hash)?);
    let superblock = read_superblock(&hash_file, hash)?;
    let tree = Tree::claimed_by(&superblock, root);
    let disagreements = parameters.disagreements(&superblock);
    let bar = progress::Bytes::new("checking");
    let tell = |done, total| bar.tell(done, total);
    let report = verity::verify(&image, &hash_file, &tree, &threads.work().telling(&tell))
        .map_err(|error| CliError::file("check", data, error))?;
    drop(bar);
    let good = report.is_intact() && disagreements.is_empty();
    if json {
        output::write_json(&told::report_json(&tree, &report, &disagreements))?;
    } else if good {
        let (data_blocks, hash_blocks) = (tree.data_blocks(), tree.hash_blocks());
        output::write(format!("intact: {data_blocks} data blocks, {hash_blocks} hash blocks\n").as_bytes())?;
    } else {
        let mut text: String = disagreements.iter().map(|line| format!("{line}\n")).collect();
        text.extend(report.findings().iter().map(|finding| format!("{finding}\n")));
        if report.omitted() > 0 {
            text.push_str(&format!("and {} more findings\n", report.omitted()));
        }
        output::write(text.as_bytes())?;
    }
    Ok(if good { Verdict::Good } else { Verdict::Bad })
}

fn table(
    data: &Path,
    hash: &Path,
    root: RootHash,
    parameters: &Parameters,
    json: bool,
) -> Result<Verdict, CliError> {
    let superblock = read_superblock(&open(hash)?, hash)?;
    if let Some(disagreement) = parameters.disagreements(&superblock).first() {
        return Err(CliError::new(format!("{}: {disagreement}", hash.display())));
    }
    let name = |path: &Path| {
        let not_text = || CliError::new(format!("{} can't stand in a table", path.display()));
        path.to_str().map(str::to_owned).ok_or_else(not_text)
    };
    let table = Table::new(&Tree::claimed_by(&superblock, root), &name(data)?, &name(hash)?)
        .map_err(|error| CliError::because("cannot make a table", error))?;
    if json {
        output::write_json(&json!({ "table": table.to_string() }))?;
    } else {
        output::write(format!("{table}\n").as_bytes())?;
    }
    Ok(Verdict::Good)
}

fn open(path: &Path) -> Result<File, CliError> {
    File::open(path).map_err(|error| CliError::file("read", path, error))
}

fn read_superblock(file: &File, path: &Path) -> Result<Superblock, CliError> {
    Superblock::read(file).map_err(|error| CliError::file("use the hash tree in", path, error))
}
