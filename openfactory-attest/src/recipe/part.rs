//! The parts of a recipe, as far as they are known.

use std::fmt;

use serde_json::{Map, Value};

/// A repository that is built as a native package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CustomPackage {
    /// The package's name.
    pub name: String,
    /// Where its source is.
    pub git_url: String,
    /// The branch to build, if not the default one.
    pub branch: Option<String>,
}

/// What is done with a package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackageAction {
    /// It is installed.
    Add,
    /// It is taken out.
    Remove,
    /// It is taken out and another is put in.
    Replace,
    /// Something this version does not know.
    Other(String),
}

/// A package that is added, removed or replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageOverride {
    /// The package's name.
    pub name: String,
    /// What is done with it.
    pub action: PackageAction,
    /// What takes its place.
    pub replacement: Option<String>,
}

/// A service and its settings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Service {
    /// The service's name, such as `ssh`.
    pub name: String,
    /// Its settings; which there are depends on the service.
    pub config: Map<String, Value>,
}

/// A user account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The login name.
    pub username: String,
    /// The login shell.
    pub shell: Option<String>,
    /// Groups besides the primary one.
    pub groups: Vec<String>,
    /// The Vyatta command level.
    pub vyatta_level: Option<String>,
}

/// How much an image is hardened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HardeningLevel {
    /// The least.
    Minimal,
    /// The usual.
    Standard,
    /// The most: CIS.
    Strict,
    /// Something this version does not know; nothing may be assumed of it.
    Other(String),
}

/// Security settings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Security {
    /// How much the image is hardened.
    pub hardening_level: Option<HardeningLevel>,
    /// Whether it audits.
    pub audit_logging: Option<bool>,
    /// Whether it updates itself.
    pub automatic_updates: Option<bool>,
}

/// Desktop settings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Desktop {
    /// The theme's name.
    pub theme: Option<String>,
    /// The wallpaper.
    pub wallpaper: Option<String>,
    /// Applications that are pinned.
    pub favorites: Vec<String>,
}

/// A script that is run at first boot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartupScript {
    /// The script's name.
    pub name: String,
    /// Its text.
    pub script: String,
}

/// What a VM test asserts.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct VmTest {
    /// What it is about.
    pub description: String,
    /// The assertions; their form is the test runner's affair.
    pub assertions: Vec<Value>,
}

impl From<String> for PackageAction {
    fn from(text: String) -> Self {
        match text.as_str() {
            "add" => Self::Add,
            "remove" => Self::Remove,
            "replace" => Self::Replace,
            _ => Self::Other(text),
        }
    }
}

impl From<String> for HardeningLevel {
    fn from(text: String) -> Self {
        match text.as_str() {
            "minimal" => Self::Minimal,
            "standard" => Self::Standard,
            "strict" => Self::Strict,
            _ => Self::Other(text),
        }
    }
}

impl fmt::Display for HardeningLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Minimal => "minimal",
            Self::Standard => "standard",
            Self::Strict => "strict",
            Self::Other(text) => text,
        })
    }
}
