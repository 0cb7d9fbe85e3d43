//! Running other programs.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A program about to be run.
#[derive(Debug)]
pub(crate) struct Call {
    command: Command,
}

impl Call {
    /// The program `program`, to be found as the shell would, started in `directory`.
    pub(crate) fn new(program: impl AsRef<OsStr>, directory: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir(directory);
        Self { command }
    }

    /// With one more argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// With one more environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Without these environment variables.
    pub(crate) fn without(mut self, names: &[String]) -> Self {
        for name in names {
            self.command.env_remove(name);
        }
        self
    }

    /// Runs it with its output on this terminal; whether it ended well.
    pub(crate) fn pass(mut self) -> Result<bool, String> {
        self.tell();
        let status = self.command.status().map_err(|error| self.not_started(&error))?;
        Ok(status.success())
    }

    /// Runs it with its output on this terminal and hands each line of its stdout to `look` as well.
    pub(crate) fn watch(mut self, mut look: impl FnMut(&str)) -> Result<bool, String> {
        self.tell();
        let child = self.command.stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| self.not_started(&error))?;
        let mut reader = BufReader::new(child.stdout.take().ok_or("no pipe from the program")?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read =
                reader.read_until(b'\n', &mut line).map_err(|error| format!("reading output: {error}"))?;
            if read == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            print!("{text}");
            look(text.trim_end());
        }
        let status = child.wait().map_err(|error| format!("waiting: {error}"))?;
        Ok(status.success())
    }

    /// Runs it quietly to its end, whatever that is.
    pub(crate) fn output(mut self) -> Result<Output, String> {
        self.command.output().map_err(|error| self.not_started(&error))
    }

    /// Runs it quietly and returns its stdout; that it ended badly is an error that holds its stderr.
    pub(crate) fn read(mut self) -> Result<String, String> {
        let output = self.command.output().map_err(|error| self.not_started(&error))?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{} ended with {}: {}", self.program(), output.status, stderr.trim()));
        }
        String::from_utf8(output.stdout).map_err(|_| format!("{} wrote no UTF-8", self.program()))
    }

    fn program(&self) -> String {
        self.command.get_program().to_string_lossy().into_owned()
    }

    fn not_started(&self, error: &std::io::Error) -> String {
        format!("{} could not be started: {error}", self.program())
    }

    /// Shows what is run, so that it can be repeated by hand.
    fn tell(&self) {
        let arguments: Vec<_> = self.command.get_args().map(OsStr::to_string_lossy).collect();
        let name = Path::new(self.command.get_program()).file_name().unwrap_or_default().to_string_lossy();
        println!("$ {name} {}", arguments.join(" "));
    }
}

/// The first file of that name in a search path, if there is one.
pub(crate) fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Call {
        Call::new("sh", Path::new("/")).arg("-c").arg(script)
    }

    #[test]
    fn outcomes_are_told_apart() {
        assert_eq!(shell("exit 0").pass(), Ok(true));
        assert_eq!(shell("exit 3").pass(), Ok(false));
        assert!(
            Call::new("/nowhere/program", Path::new("/"))
                .pass()
                .unwrap_err()
                .contains("could not be started")
        );
        assert_eq!(shell("echo out").read().unwrap(), "out\n");
        assert!(shell("echo cause >&2; exit 1").read().unwrap_err().contains("cause"));
    }

    #[test]
    fn watched_lines_arrive_in_order() {
        let mut lines = Vec::new();
        let ended_well = shell("echo one; printf two; exit 1").watch(|line| lines.push(line.to_owned()));
        assert_eq!((ended_well, lines), (Ok(false), vec!["one".to_owned(), "two".to_owned()]));
    }

    #[test]
    fn programs_are_found_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("tool");
        std::fs::write(&program, "").unwrap();
        let path = std::env::join_paths([Path::new("/nowhere"), directory.path()]).unwrap();
        assert_eq!(find("tool", &path), Some(program));
        assert_eq!(find("other", &path), None);
    }
}
