//! Kills a queue's process, and cuts its disk's power, again and again, and has the journals judged.
//!
//! Exit status: 0 every promise was kept and the calibration has lost data, 1 not, 2 could not be done.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that reports to the terminal")]

use std::error::Error;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Args, Parser, Subcommand};

mod backend;
mod child;
mod disk;
mod lives;
mod process;
mod resume;
mod work;

use backend::Backend;
use disk::Disk;
use lives::{Fault, Plan};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Kill a queue's process, and cut its disk's power, again and again.
#[derive(Debug, Parser)]
#[command(name = "torture", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Torture the queue.
    Queue(Options),
    /// What the tortured process runs.
    #[command(hide = true)]
    Live(child::Options),
}

#[derive(Debug, Args)]
struct Options {
    /// The backend.
    #[arg(long, value_enum, default_value_t = Backend::Sqlite)]
    backend: Backend,
    /// How often the process is killed by SIGKILL, or its server.
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// How often the disk loses power: a loop device with ext4, which needs root.
    #[arg(long, default_value_t = 30)]
    cuts: u32,
    /// How many messages are published by all lives that are killed together, about.
    #[arg(long, default_value_t = 100_000)]
    messages: u64,
    /// Where files are made.
    #[arg(long, value_name = "DIRECTORY", default_value_os_t = std::env::temp_dir())]
    dir: PathBuf,
    /// Let nothing be skipped.
    #[arg(long, env = "OPENFACTORY_STRICT", value_parser = clap::builder::FalseyValueParser::new())]
    strict: bool,
    /// When to strike is drawn from this number.
    #[arg(long)]
    seed: Option<u64>,
}

/// So many cuts show whether a cut loses what was not synced.
const CALIBRATION: u32 = 10;

/// So many messages a life publishes before the power is cut, about.
const A_CUT: u64 = 200;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Task::Queue(options) => torture(&options),
        Task::Live(options) => child::run(&options).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn torture(options: &Options) -> Result<bool> {
    if let Some(reason) = options.backend.missing() {
        println!("SKIPPED: torture: {reason}");
        return Ok(!options.strict);
    }
    let seed = options.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    let directory = tempfile::tempdir_in(&options.dir)?;
    // A server's user passes through.
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o711))?;
    let mut good = true;
    if options.kills > 0 {
        let place = directory.path().join("kills");
        std::fs::create_dir(&place)?;
        let each = options.messages / u64::from(options.kills);
        let (backend, faults) = (options.backend, options.kills);
        let plan = Plan { backend, place: &place, disk: &place, fault: Fault::Kill, faults, each, seed };
        let servers = plan.carry_out()?;
        println!(
            "{faults} kills{}:",
            if servers > 0 { format!(", {servers} of the server") } else { String::new() }
        );
        good &= judge(&place)?.is_none();
    }
    if options.cuts == 0 {
        return Ok(good);
    }
    if let Err(error) = Disk::new(directory.path()) {
        println!("SKIPPED: power cuts: needs root and a loop device: {error}");
        return Ok(good && !options.strict);
    }
    for (name, backend, faults) in [
        ("cuts", options.backend, options.cuts),
        ("calibration", options.backend.calibration(), CALIBRATION.min(options.cuts)),
    ] {
        let place = directory.path().join(name);
        std::fs::create_dir(&place)?;
        let disk = Disk::new(&place)?;
        let fault = Fault::Cut(&disk);
        Plan { backend, place: &place, disk: disk.path(), fault, faults, each: A_CUT, seed }.carry_out()?;
        println!(
            "{faults} power cuts, {name}{}:",
            if name == "calibration" { ", which must lose" } else { "" }
        );
        let lost = judge(&place)?;
        if name == "calibration" && lost.is_none_or(|lost| lost == 0) {
            println!("the calibration has lost nothing: the cuts prove nothing");
            good = false;
        }
        good &= name == "calibration" || lost.is_none();
    }
    Ok(good)
}

/// Has the journals judged by a program of its own; how many messages were lost, if a promise was broken.
fn judge(place: &Path) -> Result<Option<u64>> {
    let program = std::env::current_exe()?.with_file_name("torture-check");
    let output = Command::new(&program)
        .arg(place)
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let said = String::from_utf8(output.stdout)?;
    print!("{said}");
    match output.status.code() {
        Some(0) => Ok(None),
        Some(1) => {
            let words: Vec<&str> = said.split_whitespace().collect();
            let lost = words.windows(2).find(|pair| matches!(pair, [_, "lost,"])).map(|pair| pair[0].parse());
            Ok(Some(lost.ok_or("the checker does not say how many were lost")??))
        }
        _ => Err(format!("the checker: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}
