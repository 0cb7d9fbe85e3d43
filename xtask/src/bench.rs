//! `cargo xtask bench`: a binary of the package `openfactory-benches`, built as a user would build it.

use crate::process::Call;
use crate::workspace::Workspace;

/// Runs one measurement with its output on this terminal; whether it says that its goal was met.
pub(crate) fn run(workspace: &Workspace, name: &str, arguments: &[String]) -> Result<bool, String> {
    workspace
        .cargo(&["run", "--release", "--package", "openfactory-benches", "--bin", name, "--"])
        .args(arguments)
        .pass()
}

impl Call {
    fn args(mut self, arguments: &[String]) -> Self {
        for argument in arguments {
            self = self.arg(argument);
        }
        self
    }
}
