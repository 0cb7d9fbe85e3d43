//! Fails closed: when whoever watches gives no sign of life, the file system is made read-only.
//!
//! To be run in a process of its own, with the reading end of a pipe whose writing end the monitor has: when the monitor
//! dies, however it dies, the kernel closes that end.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::remount;
use crate::lockdown::Access;

/// Why a watchdog made a file system read-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bitten {
    /// The monitor is gone.
    Gone,
    /// It gave no sign for too long.
    Silent,
}

/// Waits as long as a byte comes in every `patience`, and then makes the file system that is mounted there read-only, every
/// mount of it. Whoever writes there at that moment keeps it from it: so it is tried again until it is done.
///
/// # Errors
/// The system's, where it can't be made read-only for another reason than that it is busy. Then nothing protects it.
pub fn watch(signs: impl AsFd, patience: Duration, mount: &Path) -> io::Result<Bitten> {
    let bitten = listen(signs, patience)?;
    loop {
        match remount(mount, Access::ReadOnly) {
            Ok(()) => return Ok(bitten),
            // Files are open for writing: what is written meanwhile is a scan's to find.
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Returns when no sign came for too long.
fn listen(signs: impl AsFd, patience: Duration) -> io::Result<Bitten> {
    let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
    let mut buffer = [0; 64];
    loop {
        match poll(&mut [PollFd::new(&signs, PollFlags::IN)], Some(&patience)) {
            Ok(0) => return Ok(Bitten::Silent),
            Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
        }
        match rustix::io::read(&signs, &mut buffer) {
            Ok(0) => return Ok(Bitten::Gone),
            Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// A sign of life, to the other end of the pipe.
///
/// # Errors
/// The system's; a broken pipe means that there is no watchdog any more.
pub fn sign(end: impl AsFd) -> io::Result<()> {
    rustix::io::write(end, b".")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_death_are_told_apart() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        for _ in 0..3 {
            sign(&write).unwrap();
        }
        assert_eq!(listen(&read, Duration::from_millis(20)).unwrap(), Bitten::Silent);
        sign(&write).unwrap();
        drop(write);
        assert_eq!(listen(&read, Duration::from_secs(600)).unwrap(), Bitten::Gone);
    }
}
