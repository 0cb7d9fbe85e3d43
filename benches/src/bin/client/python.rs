//! Clients in Python, on the same work and server.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// What the interpreter runs.
const SCRIPT: &str = include_str!("rivals.py");

/// An interpreter that has them.
#[derive(Debug)]
pub(crate) struct Python(PathBuf);

impl Python {
    /// This interpreter, or the one on the path; what is missing otherwise.
    pub(crate) fn find(interpreter: Option<&Path>) -> std::result::Result<Self, String> {
        let interpreter = interpreter.unwrap_or(Path::new("python3")).to_path_buf();
        let output = Command::new(&interpreter).args(["-c", "import pysnc, pysnow"]).output();
        match output.is_ok_and(|output| output.status.success()) {
            true => Ok(Self(interpreter)),
            false => Err(format!("PySNC and pysnow: {} lacks them", interpreter.display())),
        }
    }

    /// The seconds in which `client` lists so many incidents.
    pub(crate) fn list(&self, client: &str, base_url: &str, records: usize) -> Result<f64> {
        self.seconds(&["list", client, base_url, &records.to_string()])
    }

    /// The seconds in which PySNC creates the records of so many devices.
    pub(crate) fn fleet(&self, base_url: &str, devices: usize) -> Result<f64> {
        self.seconds(&["fleet", "pysnc", base_url, &devices.to_string()])
    }

    /// Runs the script, which takes the time itself: its start and its imports don't count.
    fn seconds(&self, arguments: &[&str]) -> Result<f64> {
        let mut command = Command::new(&self.0);
        let output = command.args(["-c", SCRIPT]).args(arguments).env("NO_PROXY", "127.0.0.1").output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    }
}
