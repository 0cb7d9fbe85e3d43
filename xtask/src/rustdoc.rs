//! The libraries as rustdoc sees them: its JSON, which is how a program learns what is public.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::workspace::Workspace;

/// A library that is published.
#[derive(Debug)]
pub(crate) struct Library {
    /// The package's name.
    pub(crate) name: String,
    /// Where rustdoc's JSON is.
    pub(crate) json: PathBuf,
}

/// What became of making it.
#[derive(Debug)]
pub(crate) enum Made {
    /// The libraries, by name.
    Libraries(Vec<Library>),
    /// The compiler writes another version of the format than is read here.
    Foreign(String),
}

/// Makes the JSON of every library that is published, with all features.
pub(crate) fn make(workspace: &Workspace) -> Result<Made, String> {
    let names = published(&metadata(workspace)?)?;
    // The whole workspace at once, so that what is built for the other steps is used.
    let call = workspace.cargo(&["doc", "--workspace", "--lib", "--no-deps", "--all-features"]);
    let call = call.env("RUSTDOC", workspace.root.join("xtask/rustdoc-json.sh"));
    let flags = "-Zunstable-options --output-format=json --cap-lints=allow";
    if !call.env("RUSTDOCFLAGS", flags).pass()? {
        return Err("rustdoc makes no JSON".to_owned());
    }
    let mut libraries = Vec::new();
    for name in names {
        let json = workspace.target.join("doc").join(format!("{}.json", name.replace('-', "_")));
        let version = format_version(&json)?;
        if version != u64::from(rustdoc_types::FORMAT_VERSION) {
            let wanted = rustdoc_types::FORMAT_VERSION;
            return Ok(Made::Foreign(format!("rustdoc's JSON has format {version}, {wanted} is read here")));
        }
        libraries.push(Library { name, json });
    }
    Ok(Made::Libraries(libraries))
}

/// Reads what rustdoc wrote.
pub(crate) fn read(json: &Path) -> Result<rustdoc_types::Crate, String> {
    serde_json::from_str(&text(json)?).map_err(|error| format!("{}: {error}", json.display()))
}

/// What cargo says of the packages.
pub(crate) fn metadata(workspace: &Workspace) -> Result<Value, String> {
    let text = workspace.cargo(&["metadata", "--no-deps", "--format-version", "1"]).read()?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
}

/// The names of the packages that may be published, sorted.
pub(crate) fn published(metadata: &Value) -> Result<Vec<String>, String> {
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    // `publish = false` is an empty list of places to publish to.
    let published = packages.iter().filter(|package| package["publish"] != Value::Array(Vec::new()));
    let mut names: Vec<String> =
        published.filter_map(|package| package["name"].as_str()).map(str::to_owned).collect();
    names.sort();
    if names.is_empty() { Err("no package is published".to_owned()) } else { Ok(names) }
}

fn format_version(json: &Path) -> Result<u64, String> {
    let value: Value =
        serde_json::from_str(&text(json)?).map_err(|error| format!("{}: {error}", json.display()))?;
    value["format_version"].as_u64().ok_or_else(|| format!("{}: no format_version", json.display()))
}

fn text(json: &Path) -> Result<String, String> {
    fs::read_to_string(json).map_err(|error| format!("{}: {error}", json.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_may_be_published_counts() {
        let packages = json!({"packages": [
            {"name": "z", "publish": null}, {"name": "app", "publish": []}, {"name": "a", "publish": null},
        ]});
        assert_eq!(published(&packages), Ok(vec!["a".to_owned(), "z".to_owned()]));
        assert!(published(&json!({"packages": []})).is_err());
    }
}
