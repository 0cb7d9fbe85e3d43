//! Attempts on the read-only mount of the Locked state, from the kernel's audit log: fanotify never sees them, since the
//! kernel answers `EROFS` before.
//!
//! The log is read by the multicast group that is there for readers (`AUDIT_NLGRP_READLOG`), so that an auditd stays what it
//! is. A rule of ours has the kernel log each call below Zone 2 that ends with `EROFS`.

mod record;
mod rule;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

pub use record::{Attempt, Collector};

/// Listens to the kernel's audit log for attempts on one directory.
#[derive(Debug)]
pub struct AuditLog {
    log: OwnedFd,
    control: OwnedFd,
    rule: Vec<u8>,
    collector: Collector,
    buffer: Vec<u8>,
    sequence: u32,
}

/// What was attempted since this was asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempts {
    /// In the order in which it happened.
    pub attempts: Vec<Attempt>,
    /// Whether records were lost: the kernel keeps a few for each reader.
    pub lost: bool,
}

impl AuditLog {
    /// Asks the kernel to log attempts to write below a directory, and listens. Auditing is switched on if it is off.
    ///
    /// # Errors
    /// The system's: without the right to do so (`CAP_AUDIT_CONTROL`, `CAP_AUDIT_READ`), in a namespace of its own, or
    /// without audit in the kernel. Then attempts can't be seen, which is to be told as a gap.
    pub fn start(zone: &Path) -> io::Result<Self> {
        let socket = || {
            socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(netlink::AUDIT))
        };
        let (log, control) = (socket()?, socket()?);
        bind(&log, &SocketAddrNetlink::new(0, rule::READ_LOG))?;
        bind(&control, &SocketAddrNetlink::new(0, 0))?;
        let rule = rule::read_only_attempts(zone);
        let (collector, buffer) = (Collector::new(zone), vec![0; 16 << 10]);
        let mut audit = Self { log, control, rule, collector, buffer, sequence: 0 };
        audit.ask(rule::SET, &rule::enabled())?;
        match audit.ask(rule::ADD_RULE, &audit.rule.clone()) {
            Err(error) if error.raw_os_error() == Some(Errno::EXIST.raw_os_error()) => {}
            answer => answer?,
        }
        Ok(audit)
    }

    /// What was attempted since this was asked last; waits for the first, for so long at most.
    ///
    /// # Errors
    /// The system's.
    pub fn take(&mut self, patience: Duration) -> io::Result<Attempts> {
        let mut taken = Attempts::default();
        let mut patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        loop {
            match poll(&mut [PollFd::new(&self.log, PollFlags::IN)], Some(&patience)) {
                Ok(0) | Err(Errno::INTR) => return Ok(taken),
                Ok(_) => {}
                Err(errno) => return Err(errno.into()),
            }
            match recv(&self.log, self.buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
                Ok((length, _)) => {
                    let attempt = self.collector.take(self.buffer.get(..length).unwrap_or_default());
                    if let Some(attempt) = attempt {
                        taken.attempts.push(attempt);
                        // There may be more, but nobody waits for it.
                        patience = Timespec { tv_sec: 0, tv_nsec: 0 };
                    }
                }
                Err(Errno::NOBUFS) => taken.lost = true,
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Sends a message and waits for the kernel's answer.
    fn ask(&mut self, kind: u16, payload: &[u8]) -> io::Result<()> {
        self.sequence += 1;
        send(&self.control, &rule::message(kind, self.sequence, payload), SendFlags::empty())?;
        let mut buffer = [0; 8 << 10];
        loop {
            let (length, _) = recv(&self.control, buffer.as_mut_slice(), RecvFlags::empty())?;
            if let Some(code) = rule::answer(buffer.get(..length).unwrap_or_default(), self.sequence) {
                return if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-code)) };
            }
        }
    }
}

/// The rule goes with whoever made it.
impl Drop for AuditLog {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.ask(rule::DELETE_RULE, &self.rule.clone());
    }
}

/// The path of an attempt below a directory.
fn below(zone: &Path, path: &Path) -> Option<PathBuf> {
    path.starts_with(zone).then(|| path.to_owned())
}
