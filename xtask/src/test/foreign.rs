//! The client of `openfactory-simulator/foreign`: a workspace of its own, with its own lock file, since it brings OpenSSL.

use std::path::PathBuf;

use crate::workspace::Workspace;

/// Names the program to the simulator's tests.
pub(super) const VARIABLE: &str = "OPENFACTORY_SERVICENOW_RS";

/// Builds the client; where its program is.
pub(super) fn build(workspace: &Workspace) -> Result<PathBuf, String> {
    let target = workspace.target.join("foreign");
    let manifest = workspace.root.join("openfactory-simulator/foreign/Cargo.toml");
    let build = workspace.cargo(&["build", "--locked", "--manifest-path"]).arg(manifest);
    if !build.arg("--target-dir").arg(&target).pass()? {
        return Err("the client of openfactory-simulator/foreign can't be built".to_owned());
    }
    Ok(target.join("debug/servicenow-rs-client"))
}
