//! Processor time, which tells what work costs on a machine that does other things as well.

use std::time::Duration;

use crate::Result;

/// What the threads that are alive have used so far, by `/proc`.
pub(crate) fn used() -> Result<Duration> {
    let mut nanos = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let path = task?.path().join("schedstat");
        match std::fs::read_to_string(path) {
            Ok(line) => {
                let first = line.split_whitespace().next().ok_or("an empty schedstat")?;
                nanos += first.parse::<u64>()?;
            }
            // A thread that has ended meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Duration::from_nanos(nanos))
}

/// How many tasks want a processor, on the average of the last minute.
pub(crate) fn load() -> Result<String> {
    let line = std::fs::read_to_string("/proc/loadavg")?;
    Ok(line.split_whitespace().next().ok_or("an empty loadavg")?.to_owned())
}
