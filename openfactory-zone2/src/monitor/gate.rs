//! Deny mode: the kernel asks before each open and exec, and waits for the answer.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::decide::{Subject, allowed, meant};
use super::decode::{self, OPEN_EXEC_PERM, OPEN_PERM, OVERFLOW};
use super::sys::{self, Group, Mark};
use super::{Observation, Operation, Taken, Who};
use crate::Manifest;
use crate::policy::{EntryKind, PathRule};

/// How many refusals are kept until they are taken.
const KEPT: usize = 4096;

/// What a gate goes by.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GateRules {
    /// Where Zone 2 is, as processes reach it.
    pub root: PathBuf,
    /// Which paths it may hold, and in which class.
    pub manifest: Manifest,
    /// A file on the same file system that is always refused, so that the gate can be proved.
    pub canary: PathBuf,
}

impl GateRules {
    /// A gate before what is below a root, by a manifest, proved by a file that is there already.
    pub fn new(root: impl Into<PathBuf>, manifest: Manifest, canary: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), manifest, canary: canary.into() }
    }
}

/// Whether a gate works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Canary {
    /// What has to be refused was refused.
    Refused,
    /// It was opened: the gate doesn't work.
    Open,
    /// The file is gone, or can't be opened for another reason: nothing is known.
    NotChecked,
}

/// A gate that is shut until it is dropped. Then, or when its process ends, the kernel asks nobody: see
/// [`watchdog`](super::watchdog).
#[derive(Debug)]
pub struct Gate {
    refused: Mutex<Receiver<Observation>>,
    lost: Arc<AtomicBool>,
    canary: PathBuf,
    wakes: Vec<OwnedFd>,
    threads: Vec<JoinHandle<()>>,
}

impl Gate {
    /// Shuts the gate on whole file systems: those that the layers are on, such as Zone 2's own and the overlay's. Each has
    /// a keeper of its own: while the kernel hands the one an overlay's file, it asks the other for the file below.
    ///
    /// # Errors
    /// The system's: without the right to do so (`CAP_SYS_ADMIN`), or on a file system that fanotify doesn't know.
    pub fn start(rules: GateRules, layers: &[&Path]) -> io::Result<Self> {
        let canary = fs::symlink_metadata(&rules.canary)?;
        let canary = (canary.dev(), canary.ino());
        let (sender, refused) = sync_channel(KEPT);
        let lost = Arc::new(AtomicBool::new(false));
        let path = rules.canary.clone();
        let root = rules.root.as_os_str().as_bytes().to_vec();
        let (rules, keepers) = (Arc::new(rules), Arc::new(Mutex::new(Vec::new())));
        let mut gate =
            Self { refused: Mutex::new(refused), lost, canary: path, wakes: Vec::new(), threads: Vec::new() };
        let mut marks = Vec::new();
        for layer in layers {
            let group = sys::init(Group::Gate)?;
            marks.push((group.try_clone()?, open_path(layer)?));
            let (wake, woken) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
            let mut keeper = Keeper {
                group,
                root: root.clone(),
                rules: Arc::clone(&rules),
                canary,
                keepers: Arc::clone(&keepers),
                sender: sender.clone(),
                lost: Arc::clone(&gate.lost),
                buffer: vec![0; 64 << 10],
            };
            let (ready, begun) = sync_channel(1);
            let run = move || {
                let thread = rustix::thread::gettid().as_raw_nonzero().get();
                locked(&keeper.keepers).push(thread);
                // Whoever waits for this has gone only if there is nobody to be asked either.
                let _ = ready.send(());
                keeper.run(&wake);
            };
            gate.threads.push(std::thread::Builder::new().name("zone2-gate".to_owned()).spawn(run)?);
            gate.wakes.push(woken);
            begun.recv().map_err(io::Error::other)?;
        }
        // Somebody answers before anybody is asked.
        for (group, layer) in &marks {
            sys::mark(group, Mark::Filesystem, OPEN_PERM | OPEN_EXEC_PERM, layer)?;
        }
        Ok(gate)
    }

    /// What was refused since this was asked last. Never waits.
    #[must_use]
    pub fn take(&self) -> Taken {
        let refused = locked(&self.refused);
        Taken { observations: refused.try_iter().collect(), lost: self.lost.swap(false, Ordering::Relaxed) }
    }

    /// Proves the gate: opens what has to be refused. The refusal itself is not told as an attempt.
    pub fn prove(&self) -> Canary {
        match File::open(&self.canary) {
            Ok(_) => Canary::Open,
            Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => Canary::Refused,
            Err(_) => Canary::NotChecked,
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.wakes.clear();
        for thread in self.threads.drain(..) {
            // Nothing to be told of a thread that ends as it is told.
            let _ = thread.join();
        }
    }
}

/// Who answers. It opens nothing on a gated file system: it would ask itself.
struct Keeper {
    group: OwnedFd,
    root: Vec<u8>,
    rules: Arc<GateRules>,
    canary: (u64, u64),
    /// The threads that answer, of all layers.
    keepers: Arc<Mutex<Vec<i32>>>,
    sender: SyncSender<Observation>,
    lost: Arc<AtomicBool>,
    buffer: Vec<u8>,
}

impl Keeper {
    fn run(&mut self, wake: &OwnedFd) {
        loop {
            let mut wanted =
                [PollFd::new(&self.group, PollFlags::IN), PollFd::new(wake, PollFlags::IN | PollFlags::HUP)];
            match poll(&mut wanted, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
            if !wanted[1].revents().is_empty() {
                return;
            }
            match rustix::io::read(&self.group, &mut self.buffer) {
                Ok(length) => self.answer(length),
                Err(Errno::AGAIN | Errno::INTR) => {}
                // Such as no descriptor left for an event: that one is refused by the kernel.
                Err(_) => self.lost.store(true, Ordering::Relaxed),
            }
        }
    }

    fn answer(&self, length: usize) {
        let Ok(events) = decode::events(self.buffer.get(..length).unwrap_or_default()) else {
            self.lost.store(true, Ordering::Relaxed);
            return;
        };
        for event in events {
            if event.mask & OVERFLOW != 0 {
                self.lost.store(true, Ordering::Relaxed);
            }
            let Some(fd) = sys::adopt(event.fd) else { continue };
            let operation = if locked(&self.keepers).contains(&event.pid) {
                // The kernel hands another keeper an event's file, which is on an overlay above this layer.
                Operation::Read
            } else if event.mask & OPEN_EXEC_PERM != 0 {
                Operation::Exec
            } else {
                meant(&fs::read_to_string(format!("/proc/{}/syscall", event.pid)).unwrap_or_default())
            };
            let (subject, path) = self.subject(&fd);
            let yes = allowed(subject, operation);
            let told = (!yes && subject != Subject::Canary).then(|| Who::of(event.pid));
            if yes && operation == Operation::Read && read_only(&fd) {
                // On a read-only file system reading is all that an open can be, so it needs no second question;
                // an exec is asked for all the same.
                let _ = sys::mark(&self.group, Mark::Allowed, OPEN_PERM, &fd);
            }
            let mut response = fd.as_raw_fd().to_ne_bytes().to_vec();
            // `FAN_ALLOW` and `FAN_DENY`.
            response.extend(if yes { 1_u32 } else { 2 }.to_ne_bytes());
            if rustix::io::write(&self.group, &response).is_err() {
                self.lost.store(true, Ordering::Relaxed);
            }
            if let Some(who) = told {
                self.tell(Observation { path, operation, refused: true, who });
            }
        }
    }

    fn subject(&self, fd: &OwnedFd) -> (Subject, Option<PathBuf>) {
        let Ok(stat) = rustix::fs::fstat(fd) else { return (Subject::Elsewhere, None) };
        let path = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok();
        if (stat.st_dev, stat.st_ino) == self.canary {
            return (Subject::Canary, path);
        }
        let below =
            path.as_ref().and_then(|path| path.as_os_str().as_bytes().strip_prefix(self.root.as_slice()));
        let kind = match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
            rustix::fs::FileType::Directory => EntryKind::Directory,
            _ => EntryKind::File,
        };
        match below {
            Some(below) if below.is_empty() || below.starts_with(b"/") => {
                let class = self.rules.manifest.rule_for(below, kind).map(PathRule::class);
                (Subject::Entry(class), path)
            }
            _ => (Subject::Elsewhere, path),
        }
    }

    /// Nobody waits for whoever reads this.
    fn tell(&self, observation: Observation) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.sender.try_send(observation)
        {
            self.lost.store(true, Ordering::Relaxed);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match mutex.lock() {
        Ok(guard) => guard,
        Err(poisoned) => poisoned.into_inner(),
    }
}

/// Whether a descriptor's whole file system is mounted read-only.
fn read_only(fd: impl AsFd) -> bool {
    rustix::fs::fstatvfs(fd).is_ok_and(|stat| stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

pub(super) fn open_path(path: &Path) -> io::Result<OwnedFd> {
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?)
}
