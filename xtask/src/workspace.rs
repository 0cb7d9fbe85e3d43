//! Where things are, and the environment that all steps share.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::process::Call;

/// The workspace that this program belongs to.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The directory of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// Where programs are looked for: `PATH`, and where Debian keeps an administrator's tools.
    pub(crate) path: OsString,
    cargo: OsString,
    /// What `cargo run` set for this program alone. Build scripts look at some of it, so that handing it on would
    /// build the world again.
    foreign: Vec<String>,
}

impl Workspace {
    /// Finds the workspace that this program was built in.
    pub(crate) fn find() -> Result<Self, String> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().ok_or("xtask is not inside a workspace")?.to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(directory) => root.join(directory),
            None => root.join("target"),
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
        for directory in ["/usr/sbin", "/sbin"].map(PathBuf::from) {
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
        let path = std::env::join_paths(directories).map_err(|error| format!("PATH: {error}"))?;
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        Ok(Self {
            root,
            target,
            path,
            cargo: std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
            foreign: names.filter(|name| is_foreign(name)).collect(),
        })
    }

    /// The same workspace at another place, built into another directory.
    pub(crate) fn at(&self, root: PathBuf, target: PathBuf) -> Self {
        let (path, cargo, foreign) = (self.path.clone(), self.cargo.clone(), self.foreign.clone());
        Self { root, target, path, cargo, foreign }
    }

    /// A program of this machine.
    pub(crate) fn call(&self, program: impl AsRef<std::ffi::OsStr>) -> Call {
        let call = Call::new(program, &self.root).env("PATH", &self.path).without(&self.foreign);
        call.env("CARGO_TARGET_DIR", &self.target)
    }

    /// Cargo, the one that runs this program.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Call {
        arguments.iter().fold(self.call(&self.cargo), |call, argument| call.arg(argument))
    }

    /// Whether cargo has that subcommand here.
    pub(crate) fn has_cargo(&self, subcommand: &str) -> bool {
        self.cargo(&[subcommand, "--version"]).read().is_ok()
    }
}

fn is_foreign(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.root.join("xtask/Cargo.toml").is_file());
        assert!(std::env::split_paths(&workspace.path).any(|directory| directory == Path::new("/usr/sbin")));
        assert!(workspace.target.is_absolute());
    }

    #[test]
    fn only_what_cargo_run_set_is_dropped() {
        assert!(is_foreign("CARGO_MANIFEST_DIR") && is_foreign("CARGO_PKG_VERSION_MAJOR"));
        assert!(!is_foreign("CARGO_TARGET_DIR") && !is_foreign("CARGO_HOME") && !is_foreign("PATH"));
    }
}
