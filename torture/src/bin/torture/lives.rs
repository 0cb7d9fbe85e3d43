//! Life after life, each ended by a fault at a moment that nobody can foresee; then one that drains the queue.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::ValueEnum as _;
use openfactory_torture::journal;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::Result;
use crate::backend::{Backend, Server};
use crate::disk::Disk;
use crate::process;
use crate::resume::Resume;

/// What ends a life.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault<'d> {
    /// SIGKILL: what was written survives in the page cache. If there is a server, it is killed now and then in the
    /// middle of a life, which has to get over it.
    Kill,
    /// A power cut: only what was synced survives.
    Cut(&'d Disk),
}

/// What is to be done to a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'d> {
    pub(crate) backend: Backend,
    /// Where the journals are written: on no disk that is cut.
    pub(crate) place: &'d Path,
    /// Where the messages are.
    pub(crate) disk: &'d Path,
    pub(crate) fault: Fault<'d>,
    /// So many faults,
    pub(crate) faults: u32,
    /// one after each so many messages, about.
    pub(crate) each: u64,
    pub(crate) seed: u64,
}

/// Bytes of journal that come of one message, about.
const A_MESSAGE: u64 = 90;

/// A life that gets nowhere for so long is a failure of its own.
const PATIENCE: Duration = Duration::from_secs(120);

impl Plan<'_> {
    /// Lives until all faults were had, and once more to drain the queue; how often a server was among those struck.
    pub(crate) fn carry_out(&self) -> Result<u32> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut resume = Resume::default();
        let mut server = self.backend.server(self.place, self.disk)?;
        if let Some(server) = &mut server {
            server.start()?;
        }
        let (mut life, mut had, mut servers) = (0, 0, 0);
        while had < self.faults {
            if let (Fault::Cut(disk), true) = (self.fault, self.backend == self.backend.calibration()) {
                // So that what a cut takes is what this life was told, and not the queue itself.
                disk.sync()?;
            }
            let mut child = self.start(life, &resume, false)?;
            let journal = journal::file(self.place, life);
            let mut length = || A_MESSAGE * self.each * random.random_range(50..150) / 100;
            let first = length();
            child.wait_for(&journal, first)?;
            if let (Fault::Kill, Some(server)) = (self.fault, &mut server)
                && self.faults - had > 1
                && had % 2 == 1
            {
                server.kill()?;
                server.start()?;
                (had, servers) = (had + 1, servers + 1);
                child.wait_for(&journal, first + length())?;
            }
            std::thread::sleep(Duration::from_micros(random.random_range(0..2000)));
            self.strike(&mut child, server.as_deref_mut())?;
            resume.read(&journal)?;
            (life, had) = (life + 1, had + 1);
            if self.faults >= 100 && had % (self.faults / 10) == 0 {
                println!("  {had} of {}", self.faults);
            }
        }
        let ended = self.start(life, &resume, true)?.0.wait()?;
        if ended.success() { Ok(servers) } else { Err(format!("the last life ended with {ended}").into()) }
    }

    fn strike(&self, child: &mut Life, server: Option<&mut (dyn Server + 'static)>) -> Result<()> {
        match (self.fault, server) {
            (Fault::Kill, _) => child.kill(),
            (Fault::Cut(disk), server) => {
                // Stopped first, so that no sync is under way that could be answered while the disk goes down.
                process::stop(child.0.id())?;
                server.as_ref().map_or(Ok(()), |server| server.stop())?;
                let cut = disk.cut();
                child.kill()?;
                if let Some(server) = server {
                    server.kill()?;
                    cut?;
                    disk.restore()?;
                    return server.start();
                }
                cut?;
                disk.restore()
            }
        }
    }

    fn start(&self, life: u32, resume: &Resume, drain: bool) -> Result<Life> {
        let state = self.place.join("resume");
        resume.write(&state)?;
        let name = self.backend.to_possible_value().ok_or("a backend without a name")?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("live").arg("--backend").arg(name.get_name());
        command.arg("--address").arg(self.backend.address(self.place, self.disk));
        command.arg("--life").arg(life.to_string());
        command.arg("--journal").arg(journal::file(self.place, life));
        command.arg("--resume").arg(state);
        if drain {
            command.arg("--drain");
        }
        Ok(Life(command.stdin(Stdio::null()).spawn()?))
    }
}

/// A life; it is not left behind.
#[derive(Debug)]
struct Life(Child);

impl Life {
    /// Until the journal has grown to a length.
    fn wait_for(&mut self, journal: &Path, length: u64) -> Result<()> {
        let began = Instant::now();
        while std::fs::metadata(journal).map_or(0, |metadata| metadata.len()) < length {
            if let Some(status) = self.0.try_wait()? {
                return Err(format!("a life ended by itself: {status}").into());
            }
            if began.elapsed() > PATIENCE {
                return Err("a life does not get on".into());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // It has ended, mostly; then this does nothing.
        let ended = self.0.try_wait().is_ok_and(|status| status.is_some());
        if !ended && let Err(error) = self.kill() {
            eprintln!("a life may still run: {error}");
        }
    }
}
