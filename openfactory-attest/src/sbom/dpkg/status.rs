//! `status`: a paragraph for each package that dpkg knows.

use super::control::{Paragraph, paragraphs, text};
use super::error::DpkgError;
use super::lists::{Md5, parse_md5};
use crate::manifest::TreePath;
use crate::sbom::inventory::{Inventory, Package, PackageFormat, PackageState};

/// Bytes of a name, version or architecture.
const MAX_NAME: usize = 256;

/// Bytes of a text for people.
const MAX_TEXT: usize = 4096;

/// What may be said of a configuration file beside its sum.
const CONFFILE_FLAGS: [&str; 2] = [" obsolete", " remove-on-upgrade"];

/// A package, and what is said of its configuration files: where they are, and what they were; nothing where dpkg does
/// not know it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) package: Package,
    pub(super) conffiles: Vec<(TreePath, Option<Md5>)>,
}

/// The packages that have files in the tree: not those of which only configuration is left, or nothing.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Stated>, DpkgError> {
    collect(bytes, state)
}

/// The packages of a file of `status.d`: what is there is installed.
pub(super) fn parse_installed(bytes: &[u8]) -> Result<Vec<Stated>, DpkgError> {
    collect(bytes, |_paragraph| Ok(Some(PackageState::Installed)))
}

fn collect(
    bytes: &[u8],
    state: impl Fn(&Paragraph<'_>) -> Result<Option<PackageState>, DpkgError>,
) -> Result<Vec<Stated>, DpkgError> {
    let mut packages = Vec::new();
    paragraphs(text(bytes)?, &mut |paragraph| {
        let name = value(paragraph, "Package", is_package_name)?;
        if let Some(state) = state(paragraph)? {
            if packages.len() == Inventory::MAX_PACKAGES {
                return Err(DpkgError::TooMany { what: "packages", limit: Inventory::MAX_PACKAGES });
            }
            let conffiles = conffiles(paragraph)?;
            packages.push(Stated { package: package(paragraph, name, state)?, conffiles });
        }
        Ok(())
    })?;
    Ok(packages)
}

fn package(paragraph: &Paragraph<'_>, name: String, state: PackageState) -> Result<Package, DpkgError> {
    let version = value(paragraph, "Version", is_version)?;
    let (source_name, source_version) = source(paragraph)?;
    Ok(Package {
        format: PackageFormat::Deb,
        architecture: value(paragraph, "Architecture", is_architecture)?,
        source_name: source_name.filter(|source| *source != name),
        source_version: source_version.filter(|source| *source != version),
        maintainer: people_text(paragraph, "Maintainer")?,
        homepage: people_text(paragraph, "Homepage")?,
        summary: people_text(paragraph, "Description")?,
        license: None,
        name,
        version,
        state,
    })
}

/// `PATH MD5`, which `obsolete` or `remove-on-upgrade` may follow, on each further line of `Conffiles`.
fn conffiles(paragraph: &Paragraph<'_>) -> Result<Vec<(TreePath, Option<Md5>)>, DpkgError> {
    let parse = |line: &str| {
        let mut line = line;
        while let Some(rest) = CONFFILE_FLAGS.iter().find_map(|flag| line.strip_suffix(flag)) {
            line = rest;
        }
        let (path, sum) = line.rsplit_once(' ')?;
        let sum = if sum == "newconffile" { None } else { Some(parse_md5(sum.as_bytes())?) };
        Some((TreePath::new(path.strip_prefix('/')?).ok()?, sum))
    };
    let bad = || DpkgError::Value { line: paragraph.line, field: "Conffiles" };
    paragraph.further("Conffiles").map(|line| parse(line).ok_or_else(bad)).collect()
}

/// The third word of `Status`; `None` if nothing of the package is there but perhaps its configuration.
fn state(paragraph: &Paragraph<'_>) -> Result<Option<PackageState>, DpkgError> {
    let bad = || DpkgError::Value { line: paragraph.line, field: "Status" };
    let mut words = paragraph.require("Status")?.split_ascii_whitespace();
    let (Some(want), Some(flag), Some(state), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad());
    };
    if !matches!(want, "unknown" | "install" | "hold" | "deinstall" | "purge")
        || !matches!(flag, "ok" | "reinstreq")
    {
        return Err(bad());
    }
    Ok(Some(match state {
        "not-installed" | "config-files" => return Ok(None),
        "half-installed" => PackageState::HalfInstalled,
        "unpacked" => PackageState::Unpacked,
        "half-configured" => PackageState::HalfConfigured,
        "triggers-awaited" => PackageState::TriggersAwaited,
        "triggers-pending" => PackageState::TriggersPending,
        "installed" => PackageState::Installed,
        _ => return Err(bad()),
    }))
}

/// `Source: NAME` or `Source: NAME (VERSION)`.
fn source(paragraph: &Paragraph<'_>) -> Result<(Option<String>, Option<String>), DpkgError> {
    let Some(source) = paragraph.get("Source") else { return Ok((None, None)) };
    let bad = || DpkgError::Value { line: paragraph.line, field: "Source" };
    let (name, version) = match source.split_once(char::is_whitespace) {
        None => (source, None),
        Some((name, rest)) => {
            let version = rest.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
            (name, Some(version.map(str::trim).ok_or_else(bad)?))
        }
    };
    if !is_package_name(name) || !version.is_none_or(is_version) {
        return Err(bad());
    }
    Ok((Some(name.to_owned()), version.map(str::to_owned)))
}

fn value(
    paragraph: &Paragraph<'_>,
    field: &'static str,
    may_be: fn(&str) -> bool,
) -> Result<String, DpkgError> {
    let value = paragraph.require(field)?;
    if may_be(value) { Ok(value.to_owned()) } else { Err(DpkgError::Value { line: paragraph.line, field }) }
}

fn people_text(paragraph: &Paragraph<'_>, field: &'static str) -> Result<Option<String>, DpkgError> {
    match paragraph.get(field) {
        Some(text) if text.len() > MAX_TEXT || text.chars().any(char::is_control) => {
            Err(DpkgError::Value { line: paragraph.line, field })
        }
        text => Ok(text.map(str::to_owned)),
    }
}

/// What dpkg takes for a name; Debian itself is stricter.
fn is_package_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.len() <= MAX_NAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_'))
}

fn is_version(version: &str) -> bool {
    !version.is_empty()
        && version.len() <= MAX_NAME
        && version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b':' | b'~'))
}

fn is_architecture(architecture: &str) -> bool {
    architecture.starts_with(|first: char| first.is_ascii_alphanumeric())
        && architecture.len() <= MAX_NAME
        && architecture.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
