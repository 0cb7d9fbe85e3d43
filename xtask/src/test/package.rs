//! The step `package`: every library can be published, and builds from what would be.
//!
//! Cargo's own verification builds each package by itself, with other sets of features than any other step, so that
//! every dependency is compiled again. Here the packages are unpacked into a workspace of their own, which takes each
//! from the others, and are checked together, with all features.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::summary::Outcome;
use crate::process::find;
use crate::rustdoc::{metadata, published};
use crate::workspace::Workspace;

/// Packages and checks them.
pub(super) fn run(workspace: &Workspace) -> Result<Outcome, String> {
    if find("tar", &workspace.path).is_none() {
        return Ok(Outcome::Skipped(vec!["tar is missing".to_owned()]));
    }
    let metadata = metadata(workspace)?;
    let names = published(&metadata)?;
    let lacking = lacking(&metadata, &names);
    lacking.iter().for_each(|line| println!("{line}"));
    if !lacking.is_empty() {
        return Ok(Outcome::Failed("a package does not say what it is".to_owned()));
    }
    let call = workspace.cargo(&["package", "--quiet", "--no-verify", "--allow-dirty"]);
    if !names.iter().fold(call, |call, name| call.arg("--package").arg(name)).pass()? {
        return Ok(Outcome::Failed("a package can't be made".to_owned()));
    }
    let directory = workspace.target.join("package/unpacked");
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let version = metadata["packages"][0]["version"].as_str().ok_or("a package has no version")?;
    for name in &names {
        let file = workspace.target.join(format!("package/{name}-{version}.crate"));
        let call = workspace.call("tar").arg("--extract").arg("--gzip").arg("--file").arg(file);
        call.arg("--directory").arg(&directory).read()?;
        println!("{name}: {} files", count(&directory.join(format!("{name}-{version}")))?);
    }
    let write = |file: &str, text: &str| {
        let file = directory.join(file);
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
    };
    write("Cargo.toml", &manifest(&names, version))?;
    let lock = workspace.root.join("Cargo.lock");
    write("Cargo.lock", &fs::read_to_string(&lock).map_err(|error| format!("{}: {error}", lock.display()))?)?;
    let call = workspace.cargo(&["check", "--workspace", "--lib", "--all-features", "--manifest-path"]);
    let good = call.arg(directory.join("Cargo.toml")).pass()?;
    Ok(Outcome::passed_if(good, "a package does not build from what would be published"))
}

/// What packages don't say of themselves, a line each.
fn lacking(metadata: &Value, names: &[String]) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let published = packages.filter(|package| names.iter().any(|name| package["name"] == name.as_str()));
    let lacks = |package: &Value| -> Vec<String> {
        let name = package["name"].as_str().unwrap_or_default();
        let said = ["description", "homepage", "license", "readme", "rust_version"];
        let mut lacks: Vec<String> = said
            .into_iter()
            .filter(|member| package[*member].as_str().is_none_or(str::is_empty))
            .map(|member| format!("{name} has no {member}"))
            .collect();
        if package["metadata"]["docs"]["rs"]["all-features"] != true {
            lacks.push(format!("{name} does not have docs.rs show all its features"));
        }
        lacks
    };
    published.flat_map(lacks).collect()
}

/// A workspace of the packages, which take each other from it.
fn manifest(names: &[String], version: &str) -> String {
    let directories: Vec<String> = names.iter().map(|name| format!("\"{name}-{version}\"")).collect();
    let mut text = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n",
        directories.join(", ")
    );
    for name in names {
        text += &format!("{name} = {{ path = \"{name}-{version}\" }}\n");
    }
    text
}

/// How many files there are below a directory.
fn count(directory: &Path) -> Result<usize, String> {
    let mut files = 0;
    let unreadable = |error: std::io::Error| format!("{}: {error}", directory.display());
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        files += if path.is_dir() { count(&path)? } else { 1 };
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_said_is_named() {
        let docs = json!({"docs": {"rs": {"all-features": true}}});
        let metadata = json!({"packages": [
            {"name": "good", "description": "x", "homepage": "x", "license": "x", "readme": "x", "rust_version": "x",
             "metadata": docs},
            {"name": "bad", "description": "", "homepage": "x", "license": "x", "readme": null, "rust_version": "x"},
            {"name": "other"},
        ]});
        assert_eq!(
            lacking(&metadata, &["bad".to_owned(), "good".to_owned()]),
            [
                "bad has no description",
                "bad has no readme",
                "bad does not have docs.rs show all its features"
            ]
        );
    }

    #[test]
    fn packages_take_each_other_from_the_workspace() {
        let text = manifest(&["a".to_owned(), "b".to_owned()], "1.0.0");
        assert!(text.contains("members = [\"a-1.0.0\", \"b-1.0.0\"]"));
        assert!(text.ends_with("a = { path = \"a-1.0.0\" }\nb = { path = \"b-1.0.0\" }\n"));
    }
}
