//! Other processes: stopped where they stand, and killed, with all that they have started.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use crate::Result;

/// How long a process may take to stop or to be gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stops a process and waits until each of its threads stands still.
pub(crate) fn stop(pid: u32) -> Result<()> {
    if !signal(pid, Signal::STOP)? {
        return Ok(());
    }
    until("the process does not stop", || stands(pid))
}

/// Stops a process and those that it has started; it comes first, so that it starts no more of them.
pub(crate) fn stop_tree(pid: u32) -> Result<()> {
    stop(pid)?;
    children(pid)?.into_iter().try_for_each(stop)
}

/// Kills a process and those that it has started, and waits until all of them are gone.
pub(crate) fn kill_tree(mut root: Child) -> Result<()> {
    // Stopped, it starts no more of them; and it can't stop its own in good order.
    stop(root.id())?;
    let below = children(root.id())?;
    root.kill()?;
    for &pid in &below {
        signal(pid, Signal::KILL)?;
    }
    root.wait()?;
    until("killed processes stay", || {
        Ok(below.iter().all(|&pid| state(pid).is_none_or(|state| state == 'Z')))
    })
}

/// A command as a user without rights, if this is root: servers refuse to run as root.
pub(crate) fn unprivileged(program: &Path, directory: &Path) -> Command {
    let mut command = match stand_in() {
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
            command.arg("--clear-groups").arg(program);
            command
        }
        None => Command::new(program),
    };
    command.current_dir(directory);
    command
}

/// Whom root sends instead: user and group of `nobody`, by Debian's `base-passwd`.
pub(crate) fn stand_in() -> Option<(u32, u32)> {
    const NOBODY: u32 = 65534;
    rustix::process::geteuid().is_root().then_some((NOBODY, NOBODY))
}

fn until(otherwise: &str, mut come: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !come()? {
        if began.elapsed() > PATIENCE {
            return Err(otherwise.into());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(())
}

/// Sends a signal; false if the process is gone.
fn signal(pid: u32, signal: Signal) -> Result<bool> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("no process id")?;
    match kill_process(pid, signal) {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn stands(pid: u32) -> Result<bool> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Ok(true) };
    for thread in threads {
        let stat = std::fs::read_to_string(thread?.path().join("stat")).unwrap_or_default();
        if !matches!(fields(&stat), Some(('T' | 'Z' | 'X', _)) | None) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    fields(&stat).map(|(state, _)| state)
}

/// State and parent: they follow the name, which is in parentheses and may hold anything.
fn fields(stat: &str) -> Option<(char, u32)> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

/// All below a process, however deep.
fn children(root: u32) -> Result<BTreeSet<u32>> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        parents.extend(fields(&stat).map(|(_, parent)| (pid, parent)));
    }
    let mut below = BTreeSet::new();
    let mut last = BTreeSet::from([root]);
    while !last.is_empty() {
        last = parents.iter().filter(|(_, parent)| last.contains(parent)).map(|&(pid, _)| pid).collect();
        below.extend(&last);
    }
    Ok(below)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_tree_is_killed_with_its_branches() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 1000 & sh -c 'sleep 1000; true' & wait"]).stdin(Stdio::null());
        let shell = shell.spawn().unwrap();
        let root = shell.id();
        until("no branches", || Ok(children(root)?.len() == 3)).unwrap();
        let below = children(root).unwrap();
        stop_tree(root).unwrap();
        assert!(below.iter().all(|&pid| state(pid) == Some('T')));
        kill_tree(shell).unwrap();
        assert!(below.iter().all(|&pid| state(pid).is_none_or(|state| state == 'Z')));
    }

    #[test]
    fn a_name_may_hold_anything() {
        assert_eq!(fields("7 (a) b ( c)) S 3 7 7 0"), Some(('S', 3)));
        assert_eq!(fields("nothing"), None);
    }
}
