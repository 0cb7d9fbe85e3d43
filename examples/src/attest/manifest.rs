//! `attest manifest`: what every file is, and whether it still is.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Take, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use openfactory_attest::manifest::{Compare, Difference, FileDigest, ManifestReadError, diff_digests};
use openfactory_attest::{Manifest, Work};
use serde_json::json;

use super::source::Within;
use super::target::Target;
use super::{CliError, output};
use crate::cli::Verdict;
use crate::progress;

/// A manifest is not larger than this: 2 GiB, far above what the most entries make.
const MAX_MANIFEST: u64 = 2 << 30;

/// `attest manifest ...`
#[derive(Debug, Subcommand)]
pub(crate) enum ManifestCommand {
    /// Hash every file of a directory or a squashfs image
    ///
    /// The JSON form has every inode with kind, permissions, owner, size, SHA-256, link target and time, and is
    /// canonical: `sha256sum` of the file is the manifest's digest. It has extended attributes too, as far as this process
    /// may see them: root sees all. The sha256sum form has the files only.
    #[command(after_help = "Examples:
  attest manifest create rootfs.squashfs -o manifest.json
  attest manifest create /srv/tree --format sha256sum -o SUMS
  cd /srv/tree && sha256sum --check SUMS")]
    Create {
        /// A directory, a squashfs image, or an ISO image with one in it (which are not mounted)
        path: PathBuf,
        #[command(flatten)]
        within: Within,
        /// The form to write
        #[arg(long, value_enum, default_value_t = Format::Json)]
        format: Format,
        /// Write to this file instead of stdout: all of it, or nothing
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        threads: Threads,
    },
    /// Compare a directory or a squashfs image with a manifest, and tell every difference
    ///
    /// Takes both forms. The sha256sum form says nothing but which files there are, and their content.
    #[command(after_help = "Examples:
  attest manifest verify manifest.json rootfs.squashfs
  attest manifest verify manifest.json /srv/tree --ignore-ownership --ignore-mtime --json

Exit status: 0 no difference, 1 differences (listed), 2 could not compare.")]
    Verify {
        /// A manifest in either form
        manifest: PathBuf,
        /// A directory, a squashfs image, or an ISO image with one in it (which are not mounted)
        path: PathBuf,
        #[command(flatten)]
        within: Within,
        /// Don't compare owner and group
        #[arg(long)]
        ignore_ownership: bool,
        /// Don't compare times of last modification
        #[arg(long)]
        ignore_mtime: bool,
        /// Don't compare extended attributes
        #[arg(long)]
        ignore_xattrs: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        threads: Threads,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Canonical JSON, every inode
    Json,
    /// For `sha256sum --check`, files only
    Sha256sum,
}

/// `--threads`, for whatever hashes.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Threads {
    /// Threads that hash; as many as there are cores if not given
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

impl Threads {
    pub(crate) fn work(self) -> Work<'static> {
        self.threads.map_or_else(Work::on_all_cores, Work::on_threads)
    }
}

impl ManifestCommand {
    pub(crate) fn run(self) -> Result<Verdict, CliError> {
        match self {
            Self::Create { path, within, format, output, threads } => {
                create(&path, &within, format, output.as_deref(), threads)
            }
            Self::Verify {
                manifest,
                path,
                within,
                ignore_ownership,
                ignore_mtime,
                ignore_xattrs,
                json,
                threads,
            } => {
                let compare = Compare::everything().ownership(!ignore_ownership).mtime(!ignore_mtime);
                let compare = compare.xattrs(!ignore_xattrs);
                let current = read_tree(&path, &within, threads)?;
                verify(&manifest, &current, &compare, json)
            }
        }
    }
}

fn create(
    path: &Path,
    within: &Within,
    format: Format,
    output: Option<&Path>,
    threads: Threads,
) -> Result<Verdict, CliError> {
    let target = output.map(|file| Target::new(file, [path])).transpose()?;
    let manifest = read_tree(path, within, threads)?;
    let write = |to: &mut dyn Write| match format {
        Format::Json => manifest.write_json(to),
        Format::Sha256sum => manifest.write_sha256sum(to),
    };
    match target {
        Some(target) => target.write_with(write)?,
        None => output::write_with(write)?,
    }
    Ok(Verdict::Good)
}

/// A manifest in either form.
enum Baseline {
    Everything(Manifest),
    Digests(Vec<FileDigest>),
}

fn verify(baseline: &Path, current: &Manifest, compare: &Compare, json: bool) -> Result<Verdict, CliError> {
    let baseline = read_baseline(baseline)?;
    let (differences, covers) = match &baseline {
        Baseline::Everything(baseline) => {
            let covers = if compare.xattrs && baseline.covers_xattrs() {
                "extended attributes included"
            } else {
                "all but extended attributes"
            };
            (baseline.diff(current, compare), covers)
        }
        Baseline::Digests(baseline) => (diff_digests(baseline, current), "content of regular files"),
    };
    if json {
        let matches = differences.is_empty();
        output::write_json(&json!({ "matches": matches, "covers": covers, "differences": differences }))?;
    } else if differences.is_empty() {
        let entries = current.entries().len();
        output::text(&format!("no difference in {entries} entries ({covers})\n"))?;
    } else {
        let text: String = differences.iter().map(line).collect();
        output::text(&text)?;
    }
    Ok(if differences.is_empty() { Verdict::Good } else { Verdict::Bad })
}

fn line(difference: &Difference) -> String {
    let Difference { path, kind, expected, found, .. } = difference;
    let what = match (expected, found) {
        (Some(expected), Some(found)) => format!("expected {expected}, found {found}"),
        (Some(expected), None) => format!("expected {expected}"),
        (None, Some(found)) => format!("found {found}"),
        (None, None) => String::new(),
    };
    format!("{path}: {}: {what}\n", kind.name())
}

fn read_baseline(path: &Path) -> Result<Baseline, CliError> {
    let cannot_read = |error| CliError::file("read", path, error);
    let mut file = open(path)?;
    if file.fill_buf().map_err(cannot_read)?.trim_ascii_start().starts_with(b"{") {
        return json_of(path, file).map(Baseline::Everything);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(cannot_read)?;
    let digests = Manifest::parse_sha256sum(&bytes);
    digests.map(Baseline::Digests).map_err(|error| no_manifest(path, error))
}

/// A manifest in JSON, read an entry after the other.
pub(super) fn read_json(path: &Path) -> Result<Manifest, CliError> {
    json_of(path, open(path)?)
}

fn json_of(path: &Path, from: impl Read) -> Result<Manifest, CliError> {
    Manifest::read_json(from).map_err(|error| match error {
        ManifestReadError::Read(error) => CliError::file("read", path, error),
        ManifestReadError::Parse(error) => no_manifest(path, error),
        error => no_manifest(path, error),
    })
}

fn no_manifest(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> CliError {
    CliError::because(format!("{} is no manifest", path.display()), error)
}

/// A manifest's file, if it is not larger than any.
fn open(path: &Path) -> Result<BufReader<Take<File>>, CliError> {
    let cannot_read = |error| CliError::file("read", path, error);
    let file = File::open(path).map_err(cannot_read)?;
    if file.metadata().map_err(cannot_read)?.len() > MAX_MANIFEST {
        return Err(CliError::new(format!("{} is larger than any manifest", path.display())));
    }
    // What grows meanwhile, or tells no size, is cut off there, and then no manifest.
    Ok(BufReader::with_capacity(64 * 1024, file.take(MAX_MANIFEST)))
}

/// The manifest of what is there: a directory, or else an image.
pub(super) fn read_tree(path: &Path, within: &Within, threads: Threads) -> Result<Manifest, CliError> {
    let cannot_read = |error| CliError::file("read", path, error);
    let bar = progress::Bytes::new("hashing");
    let tell = |done, total| bar.tell(done, total);
    let work = threads.work().telling(&tell);
    if path.metadata().map_err(cannot_read)?.is_dir() {
        return Manifest::of_directory(path, &work).map_err(|error| CliError::file("read", path, error));
    }
    let image = within.open(path)?;
    Manifest::of_squashfs(&image, &work).map_err(|error| CliError::file("read", path, error))
}
