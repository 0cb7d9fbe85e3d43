//! `cargo xtask bench`: a binary of the package `openfactory-benches`, built as a user would build it, and what it is
//! measured against.

use crate::process::Call;
use crate::test::python;
use crate::workspace::Workspace;

/// Runs one measurement with its output on this terminal; whether it says that its goal was met.
pub(crate) fn run(workspace: &Workspace, name: &str, arguments: &[String]) -> Result<bool, String> {
    workspace
        .cargo(&["run", "--release", "--package", "openfactory-benches", "--bin", name, "--"])
        .args(arguments)
        .pass()
}

/// The client's measurement, beside the Python clients of the environment that `cargo xtask test` made, if it did.
pub(crate) fn client(workspace: &Workspace, arguments: &[String]) -> Result<bool, String> {
    let python = python(workspace).map(|file| ["--python".to_owned(), file.display().to_string()]);
    let arguments: Vec<String> = python.iter().flatten().chain(arguments).cloned().collect();
    run(workspace, "client", &arguments)
}

/// The queue's measurement, beside the programs of `benches/rivals`: a workspace of its own, with its own lock file, since
/// two crates that link SQLite don't meet in one.
pub(crate) fn queue(workspace: &Workspace, arguments: &[String]) -> Result<bool, String> {
    let target = workspace.target.join("rivals");
    let manifest = workspace.root.join("benches/rivals/Cargo.toml");
    let build = workspace.cargo(&["build", "--release", "--locked", "--manifest-path"]);
    if !build.arg(manifest).arg("--target-dir").arg(&target).pass()? {
        return Err("the rivals can't be built".to_owned());
    }
    let rivals = target.join("release").display().to_string();
    let arguments: Vec<String> = ["--rivals".to_owned(), rivals].iter().chain(arguments).cloned().collect();
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
