//! Audit mode: who wrote what, told afterwards. Whoever writes never waits for whoever watches.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::decode::{self, ATTRIB, CREATE, DELETE, Event, MODIFY, MOVED_FROM, MOVED_TO, ONDIR, OVERFLOW};
use super::sys::{self, Group, Mark};
use super::{Observation, Operation, Taken, Who};

/// The changes that are told.
const CHANGES: [(u64, Operation); 6] = [
    (CREATE, Operation::Created),
    (MODIFY, Operation::Modified),
    (ATTRIB, Operation::Attributes),
    (MOVED_FROM, Operation::MovedFrom),
    (MOVED_TO, Operation::MovedTo),
    (DELETE, Operation::Deleted),
];

/// Watches whole file systems until it is dropped. What is not taken is kept by the kernel, up to its limit
/// (`fs.fanotify.max_queued_events`); then [`Taken::lost`] says so.
#[derive(Debug)]
pub struct Watch {
    group: OwnedFd,
    /// One descriptor of each file system, by which its directories are found again.
    layers: Vec<OwnedFd>,
    buffer: Vec<u8>,
}

impl Watch {
    /// Watches the file systems that these paths are on. A file system without file handles, an overlay among them, can't
    /// be watched whole: watch its upper layer's.
    ///
    /// # Errors
    /// The system's: without the right to do so (`CAP_SYS_ADMIN`), or on a file system that fanotify doesn't know.
    pub fn start(layers: &[&Path]) -> io::Result<Self> {
        let group = sys::init(Group::Watch)?;
        let mask = CHANGES.iter().fold(ONDIR, |mask, (bit, _)| mask | bit);
        let mut opened = Vec::new();
        for layer in layers {
            // What may be asked for a handle's path: a real descriptor.
            let flags =
                rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
            let layer = rustix::fs::open(*layer, flags, rustix::fs::Mode::empty())?;
            sys::mark(&group, Mark::Filesystem, mask, &layer)?;
            opened.push(layer);
        }
        Ok(Self { group, layers: opened, buffer: vec![0; 64 << 10] })
    }

    /// What was done since this was asked last; waits for the first, for so long at most.
    ///
    /// # Errors
    /// The system's.
    pub fn take(&mut self, patience: Duration) -> io::Result<Taken> {
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.group, PollFlags::IN)], Some(&patience)) {
            Ok(0) | Err(Errno::INTR) => return Ok(Taken::default()),
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
        }
        let mut taken = Taken::default();
        loop {
            let length = match rustix::io::read(&self.group, &mut self.buffer) {
                Ok(length) => length,
                Err(Errno::AGAIN | Errno::INTR) => return Ok(taken),
                Err(errno) => return Err(errno.into()),
            };
            let Ok(events) = decode::events(self.buffer.get(..length).unwrap_or_default()) else {
                taken.lost = true;
                return Ok(taken);
            };
            for event in events {
                taken.lost |= event.mask & OVERFLOW != 0;
                self.tell(&event, &mut taken.observations);
            }
        }
    }

    fn tell(&self, event: &Event, observations: &mut Vec<Observation>) {
        let who = Who::of(event.pid);
        let path = self.path(event);
        // Changes that came one after the other are merged by the kernel.
        for (_, operation) in CHANGES.iter().filter(|(bit, _)| event.mask & bit != 0) {
            let (path, who, operation) = (path.clone(), who.clone(), *operation);
            observations.push(Observation { path, operation, refused: false, who });
        }
    }

    fn path(&self, event: &Event) -> Option<PathBuf> {
        let handle = event.directory.as_ref()?;
        let directory = self.layers.iter().find_map(|layer| sys::open_handle(layer, handle).ok())?;
        let directory = fs::read_link(format!("/proc/self/fd/{}", directory.as_raw_fd())).ok()?;
        Some(match &event.name {
            Some(name) => directory.join(std::ffi::OsStr::from_bytes(name)),
            None => directory,
        })
    }
}
