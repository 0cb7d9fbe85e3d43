//! The step `tools`: Debian packages and a Python environment, where they may be had.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use super::summary::Outcome;
use crate::process::find;
use crate::workspace::Workspace;

/// A program that tests run, and the Debian package that holds it.
const PROGRAMS: &[(&str, &str)] = &[
    ("veritysetup", "cryptsetup-bin"),
    ("fsverity", "fsverity"),
    ("mksquashfs", "squashfs-tools"),
    ("unsquashfs", "squashfs-tools"),
    ("openssl", "openssl"),
    ("sqlite3", "sqlite3"),
    ("pg_ctlcluster", "postgresql"),
    ("setpriv", "util-linux"),
    ("sha256sum", "coreutils"),
    ("strace", "strace"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("rhino", "rhino"),
    ("rpm", "rpm"),
    ("rpmbuild", "rpm"),
    ("xorriso", "xorriso"),
    ("tpm2_checkquote", "tpm2-tools"),
    ("python3", "python3"),
    ("pkg-config", "pkg-config"),
];

/// A library that something is built with, as pkg-config knows it, and the Debian package that holds it.
const LIBRARIES: &[(&str, &str)] = &[("openssl", "libssl-dev")];

/// The packages from PyPI, with versions.
const REQUIREMENTS: &str = include_str!("../../requirements.txt");

/// Installs what is missing; what can't be is named.
pub(super) fn run(workspace: &Workspace) -> Result<Outcome, String> {
    let mut missing = missing_packages(workspace);
    if !missing.is_empty() {
        println!("missing: {}", missing.join(", "));
        match install(workspace, &missing) {
            Ok(()) => missing = missing_packages(workspace),
            Err(reason) => println!("not installed: {reason}"),
        }
    }
    let mut skipped: Vec<String> =
        missing.iter().map(|package| format!("the Debian package {package} is missing")).collect();
    if let Err(reason) = prepare_venv(workspace) {
        skipped.push(format!("no Python packages: {reason}"));
    }
    Ok(Outcome::passed_but(skipped))
}

/// The interpreter of the environment that tests use, if the environment is complete.
pub(crate) fn python(workspace: &Workspace) -> Option<PathBuf> {
    let stamp = fs::read_to_string(stamp(workspace)).ok()?;
    (stamp == REQUIREMENTS).then(|| venv(workspace).join("bin/python"))
}

/// A program that a Python package carries, or that is installed otherwise.
pub(super) fn program(workspace: &Workspace, name: &str) -> Option<PathBuf> {
    let own = python(workspace).and_then(|python| Some(python.parent()?.join(name)));
    own.filter(|file| file.is_file()).or_else(|| find(name, &workspace.path))
}

fn venv(workspace: &Workspace) -> PathBuf {
    workspace.target.join("venv")
}

/// Written last: where it equals the requirements, the environment was completed for them.
fn stamp(workspace: &Workspace) -> PathBuf {
    venv(workspace).join("requirements.txt")
}

fn missing_packages(workspace: &Workspace) -> Vec<&'static str> {
    let has_venv = workspace.call("python3").arg("-c").arg("import venv, ensurepip").read().is_ok();
    let has_library = |name: &str| workspace.call("pkg-config").arg("--exists").arg(name).read().is_ok();
    missing(|program| find(program, &workspace.path).is_some(), has_library, has_venv)
}

/// The packages whose programs or libraries are missing, each once.
fn missing(
    has: impl Fn(&str) -> bool,
    has_library: impl Fn(&str) -> bool,
    has_venv: bool,
) -> Vec<&'static str> {
    let programs = PROGRAMS.iter().filter(|(program, _)| !has(program)).map(|(_, package)| *package);
    let libraries =
        LIBRARIES.iter().filter(|(library, _)| !has_library(library)).map(|(_, package)| *package);
    let mut packages: Vec<&'static str> =
        programs.chain(libraries).chain((!has_venv).then_some("python3-venv")).collect();
    packages.dedup();
    packages
}

fn install(workspace: &Workspace, packages: &[&str]) -> Result<(), String> {
    if find("apt-get", &workspace.path).is_none() {
        return Err("there is no apt-get".to_owned());
    }
    // The owner of a process's own directory in /proc is its effective user.
    let user = fs::metadata("/proc/self").map_err(|error| format!("/proc/self: {error}"))?.uid();
    if user != 0 {
        return Err("that needs root".to_owned());
    }
    let apt = || workspace.call("apt-get").env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet");
    if !apt().arg("update").pass()? {
        return Err("apt-get update failed".to_owned());
    }
    let install = apt().arg("install").arg("--yes").arg("--no-install-recommends");
    let good = packages.iter().fold(install, |call, package| call.arg(package)).pass()?;
    if good { Ok(()) } else { Err("apt-get install failed".to_owned()) }
}

fn prepare_venv(workspace: &Workspace) -> Result<(), String> {
    if python(workspace).is_some_and(|python| python.is_file()) {
        println!("Python packages are there");
        return Ok(());
    }
    let directory = venv(workspace);
    let made = workspace.call("python3").arg("-m").arg("venv").arg("--clear").arg(&directory).pass()?;
    if !made {
        return Err("python3 -m venv failed".to_owned());
    }
    let list = workspace.root.join("xtask/requirements.txt");
    let pip = workspace.call(directory.join("bin/python")).arg("-m").arg("pip").arg("install");
    let pip =
        ["--disable-pip-version-check", "--quiet", "--retries", "2", "--timeout", "20", "--requirement"]
            .iter()
            .fold(pip, |call, argument| call.arg(argument));
    if !pip.arg(list).pass()? {
        return Err("pip install failed".to_owned());
    }
    fs::write(stamp(workspace), REQUIREMENTS)
        .map_err(|error| format!("{}: {error}", stamp(workspace).display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_installed() {
        assert!(missing(|_| true, |_| true, true).is_empty());
        let squashfs = |program: &str| !program.ends_with("squashfs");
        assert_eq!(missing(squashfs, |_| false, false), ["squashfs-tools", "libssl-dev", "python3-venv"]);
    }

    #[test]
    fn every_requirement_is_pinned() {
        let lines = REQUIREMENTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (pinned, loose): (Vec<_>, Vec<_>) = lines.partition(|line| line.contains("=="));
        assert_eq!(loose, Vec::<&str>::new());
        assert!(pinned.len() >= 3);
    }
}
