//! `cargo xtask torture`: kills and power cuts, by the programs of the package `openfactory-torture`.

use crate::process::Call;
use crate::test::python;
use crate::workspace::Workspace;

/// Builds tormentor and judge, and runs the tormentor on `queue` with these arguments.
///
/// In release, a user's program is tortured; otherwise the one that tests have built already.
pub(crate) fn queue(workspace: &Workspace, release: bool, arguments: &[&str]) -> Result<Call, String> {
    let build = workspace.cargo(&["build", "--package", "openfactory-torture", "--bins"]);
    let build = if release { build.arg("--release") } else { build };
    if !build.pass()? {
        return Err("the package openfactory-torture does not build".to_owned());
    }
    let program = workspace.target.join(if release { "release" } else { "debug" }).join("torture");
    let call = match python(workspace) {
        // A server may come with the packages of the tests' Python.
        Some(python) => workspace.call(program).env("OPENFACTORY_PYTHON", python),
        None => workspace.call(program),
    };
    Ok(arguments.iter().fold(call.arg("queue"), |call, argument| call.arg(argument)))
}
