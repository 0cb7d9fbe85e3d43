//! How much memory this process uses.

use std::io;

/// Which memory.
#[derive(Clone, Copy, Debug)]
pub enum Memory {
    /// What is resident now.
    Resident,
    /// The most that was.
    Peak,
}

/// How much it is, in KiB, by `/proc`.
///
/// # Errors
/// If `/proc` is not there, or does not say.
pub fn kibibytes(memory: Memory) -> io::Result<u64> {
    let name = match memory {
        Memory::Resident => "VmRSS:",
        Memory::Peak => "VmHWM:",
    };
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let figure = line.and_then(|line| line.trim().trim_end_matches("kB").trim_end().parse().ok());
    figure
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("/proc/self/status has no {name}")))
}
