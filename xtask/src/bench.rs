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

/// The queue's measurement, with the rival built first: it lives in a workspace of its own.
pub(crate) fn queue(workspace: &Workspace, arguments: &[String]) -> Result<bool, String> {
    let directory = workspace.target.join("rivals");
    let build =
        workspace.cargo(&["build", "--release", "--locked", "--manifest-path", "benches/rivals/Cargo.toml"]);
    if !build.env("CARGO_TARGET_DIR", &directory).pass()? {
        return Err("the rival does not build".to_owned());
    }
    let rival = directory.join("release/apalis-round-trip").display().to_string();
    let arguments: Vec<String> =
        ["--rival".to_owned(), rival].into_iter().chain(arguments.iter().cloned()).collect();
    run(workspace, "queue", &arguments)
}

impl Call {
    fn args(mut self, arguments: &[String]) -> Self {
        for argument in arguments {
            self = self.arg(argument);
        }
        self
    }
}
