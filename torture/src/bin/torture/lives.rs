//! Life after life, each ended by a fault at a moment that nobody can foresee; then one that drains the queue.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::ValueEnum as _;
use openfactory_torture::journal;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rustix::process::{Pid, Signal, kill_process};

use crate::disk::Disk;
use crate::resume::Resume;
use crate::{Backend, Result};

/// What ends a life.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault<'d> {
    /// SIGKILL: what was written survives in the page cache.
    Kill,
    /// A power cut: only what was synced survives.
    Cut(&'d Disk),
}

/// Bytes of journal that come of one message, about.
const A_MESSAGE: u64 = 90;

/// A life that gets nowhere for so long is a failure of its own.
const PATIENCE: Duration = Duration::from_secs(120);

/// Lives `faults` times, with the journals in `place` and the queue's file on `disk`, and once more to drain it.
pub(crate) fn run(
    place: &Path,
    disk: &Path,
    backend: Backend,
    fault: Fault<'_>,
    faults: u32,
    each: u64,
    seed: u64,
) -> Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut resume = Resume::default();
    for life in 0..faults {
        let journal = journal::file(place, life);
        let mut child = start(place, disk, backend, life, &resume, false)?;
        let length = A_MESSAGE * each * random.random_range(50..150) / 100;
        let struck = wait(&mut child, &journal, length, &mut random);
        // A child that got nowhere is not left behind.
        if struck.is_err() {
            child.kill()?;
            child.wait()?;
        }
        struck?;
        match fault {
            Fault::Kill => {
                child.kill()?;
                child.wait()?;
            }
            Fault::Cut(disk) => {
                // Stopped first, so that no sync is under way that could be answered while the disk goes down.
                stop(&child)?;
                let cut = disk.cut();
                child.kill()?;
                child.wait()?;
                cut?;
                disk.restore()?;
            }
        }
        resume.read(&journal)?;
        if faults >= 100 && (life + 1) % (faults / 10) == 0 {
            println!("  {} of {faults}", life + 1);
        }
    }
    let mut last = start(place, disk, backend, faults, &resume, true)?;
    let ended = last.wait()?;
    if ended.success() { Ok(()) } else { Err(format!("the last life ended with {ended}").into()) }
}

fn start(
    place: &Path,
    disk: &Path,
    backend: Backend,
    life: u32,
    resume: &Resume,
    drain: bool,
) -> Result<Child> {
    let state = place.join("resume");
    resume.write(&state)?;
    let name = backend.to_possible_value().ok_or("a backend without a name")?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("live").arg("--backend").arg(name.get_name());
    command.arg("--queue").arg(disk.join("queue.db"));
    command.arg("--journal").arg(journal::file(place, life));
    command.arg("--resume").arg(state);
    if drain {
        command.arg("--drain");
    }
    Ok(command.stdin(Stdio::null()).spawn()?)
}

/// Until the journal has grown to a length, and a moment longer.
fn wait(child: &mut Child, journal: &Path, length: u64, random: &mut StdRng) -> Result<()> {
    let began = Instant::now();
    while std::fs::metadata(journal).map_or(0, |metadata| metadata.len()) < length {
        if let Some(status) = child.try_wait()? {
            return Err(format!("a life ended by itself: {status}").into());
        }
        if began.elapsed() > PATIENCE {
            return Err("a life does not get on".into());
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    std::thread::sleep(Duration::from_micros(random.random_range(0..2000)));
    Ok(())
}

/// Stops a process and waits until each of its threads stands still.
fn stop(child: &Child) -> Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or("no process id")?;
    kill_process(pid, Signal::STOP)?;
    let began = Instant::now();
    while !stands(child.id())? {
        if began.elapsed() > PATIENCE {
            return Err("the process does not stop".into());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(())
}

fn stands(pid: u32) -> Result<bool> {
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = std::fs::read_to_string(thread?.path().join("stat"))?;
        // The state follows the name, which is in parentheses and may hold anything.
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        if state != Some('T') {
            return Ok(false);
        }
    }
    Ok(true)
}
