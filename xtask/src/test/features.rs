//! Which sets of features differ, so that nothing is built or tested twice under two names.
//!
//! All features of the whole workspace first. Then, package by package, the default set and the empty set where
//! they are another set than those before. Packages go into one run where they can: fewer runs share more of what
//! is built. A package that takes another one of the same run, with features of its own, needs a run for itself,
//! since cargo would unite their features.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// One run of cargo: which packages, with which features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    /// What it is, in words.
    pub(super) name: String,
    /// The arguments that select it.
    pub(super) arguments: Vec<String>,
}

/// The runs that cover all, default and no features of every package.
pub(super) fn selections(metadata: &Value) -> Result<Vec<Selection>, String> {
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let packages: Vec<Package> = packages.iter().map(Package::read).collect::<Result<_, _>>()?;
    let arguments = vec!["--workspace".to_owned(), "--all-features".to_owned()];
    let mut selections = vec![Selection { name: "all features".to_owned(), arguments }];
    let default = packages.iter().filter(|package| package.default_differs());
    selections.extend(runs(default.collect(), "default features", None));
    let none = packages.iter().filter(|package| package.none_differs());
    selections.extend(runs(none.collect(), "no features", Some("--no-default-features")));
    Ok(selections)
}

/// What counts of a package.
#[derive(Debug)]
struct Package {
    name: String,
    /// Each feature with what it turns on.
    features: BTreeMap<String, Vec<String>>,
    /// The packages that it always takes.
    needs: BTreeSet<String>,
}

impl Package {
    fn read(package: &Value) -> Result<Self, String> {
        let name = package["name"].as_str().ok_or("a package has no name")?.to_owned();
        let words = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let features = package["features"].as_object().ok_or_else(|| format!("{name} has no features"))?;
        let features =
            features.iter().map(|(feature, turns_on)| (feature.clone(), words(turns_on))).collect();
        let needs = package["dependencies"].as_array().into_iter().flatten();
        let needs = needs.filter(|dependency| dependency["optional"] != Value::Bool(true));
        let needs = needs.filter_map(|dependency| dependency["name"].as_str()).map(str::to_owned).collect();
        Ok(Self { name, features, needs })
    }

    /// Every feature but the list called `default`.
    fn all(&self) -> BTreeSet<&str> {
        self.features.keys().map(String::as_str).filter(|feature| *feature != "default").collect()
    }

    /// What is on without a word.
    fn default(&self) -> BTreeSet<&str> {
        let mut on = BTreeSet::new();
        let mut open = vec!["default"];
        while let Some(feature) = open.pop() {
            for next in self.features.get(feature).into_iter().flatten() {
                // `dep:x` and `x/y` are not features of this package.
                if self.features.contains_key(next) && on.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        on
    }

    fn default_differs(&self) -> bool {
        let default = self.default();
        !default.is_empty() && default != self.all()
    }

    fn none_differs(&self) -> bool {
        !self.all().is_empty()
    }
}

/// The packages, together where they leave each other's features alone.
fn runs(packages: Vec<&Package>, name: &str, flag: Option<&str>) -> Vec<Selection> {
    let names: BTreeSet<String> = packages.iter().map(|package| package.name.clone()).collect();
    let (together, alone): (Vec<_>, Vec<_>) =
        packages.into_iter().partition(|package| package.needs.is_disjoint(&names));
    let mut groups = vec![together];
    groups.extend(alone.into_iter().map(|package| vec![package]));
    let groups = groups.into_iter().filter(|group| !group.is_empty());
    groups.map(|group| selection(&group, name, flag)).collect()
}

fn selection(group: &[&Package], name: &str, flag: Option<&str>) -> Selection {
    let names: Vec<&str> = group.iter().map(|package| package.name.as_str()).collect();
    let selected = names.iter().flat_map(|name| ["--package", name]);
    let arguments = selected.chain(flag).map(str::to_owned).collect();
    Selection { name: format!("{name}: {}", names.join(", ")), arguments }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata() -> Value {
        json!({ "packages": [
            { "name": "core", "features": { "default": ["extra"], "extra": ["dep:x"] }, "dependencies": [] },
            { "name": "plain", "features": { "default": [] }, "dependencies": [{ "name": "core", "optional": false }] },
            { "name": "client", "features": { "default": ["net"], "net": ["tls", "core/extra"], "tls": [], "test": [] },
              "dependencies": [{ "name": "core", "optional": true }] },
            { "name": "app", "features": { "default": ["all"], "all": [] },
              "dependencies": [{ "name": "core", "optional": false }] },
        ]})
    }

    #[test]
    fn equal_sets_are_run_once() {
        let selections = selections(&metadata()).unwrap();
        let arguments: Vec<String> =
            selections.iter().map(|selection| selection.arguments.join(" ")).collect();
        assert_eq!(
            arguments,
            [
                "--workspace --all-features",
                "--package client",
                "--package core --package client --no-default-features",
                "--package app --no-default-features",
            ]
        );
        assert_eq!(selections[2].name, "no features: core, client");
    }

    #[test]
    fn metadata_of_another_shape_is_an_error() {
        assert!(selections(&json!({})).is_err());
        assert!(selections(&json!({ "packages": [{ "name": "a" }] })).is_err());
    }
}
