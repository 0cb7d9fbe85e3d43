//! dpkg's database: `status`, or `status.d` of images that are made without dpkg; file lists; diversions; copyright files.
//!
//! Source: dpkg(1), deb-control(5), and Debian Policy, chapters 5 and 12.5.

use std::collections::{HashMap, HashSet};

use super::database::{Database, Listed, limit};
use super::error::InventoryError;
use super::files::Files;
use super::inventory::Package;
use super::recorded::Recorded;
use crate::manifest::TreePath;

mod control;
mod copyright;
mod error;
mod lists;
mod status;

pub(super) use control::{Paragraph, paragraphs};
pub use error::DpkgError;
use lists::Md5;
use status::Stated;

/// Bytes of one file of the database that are read.
const MAX_FILE: usize = 64 << 20;

/// A package, and where the list of its files and their sums may be.
struct Found {
    package: Package,
    conffiles: Conffiles,
    lists: Vec<String>,
    sums: Vec<String>,
}

/// Configuration files, and what they were where it is known.
type Conffiles = Vec<(TreePath, Option<Md5>)>;

/// Reads the database; `None` if there is none.
pub(super) fn read(files: &mut dyn Files) -> Result<Option<Database>, InventoryError> {
    let mut found = Vec::new();
    let status = path("var/lib/dpkg/status")?;
    let mut is_there = false;
    if let Some(bytes) = files.read(&status, MAX_FILE)? {
        is_there = true;
        for Stated { package, conffiles } in within(&status, status::parse(&bytes))? {
            let (name, architecture) = (&package.name, &package.architecture);
            // Of packages that may be installed for many architectures at once, the list has the architecture.
            let of = |kind: &str| {
                vec![format!("info/{name}:{architecture}.{kind}"), format!("info/{name}.{kind}")]
            };
            let (lists, sums) = (of("list"), of("md5sums"));
            found.push(Found { package, conffiles, lists, sums });
        }
    }
    for file in files.list(&path("var/lib/dpkg/status.d")?)? {
        let name = String::from_utf8_lossy(file.as_bytes()).into_owned();
        let name = name.rsplit('/').next().unwrap_or_default();
        is_there = true;
        if name.ends_with(".md5sums") {
            continue;
        }
        let bytes = files.read(&file, MAX_FILE)?.unwrap_or_default();
        for Stated { package, conffiles } in within(&file, status::parse_installed(&bytes))? {
            let sums = vec![format!("status.d/{name}.md5sums")];
            found.push(Found { package, conffiles, lists: Vec::new(), sums });
        }
    }
    if !is_there {
        return Ok(None);
    }
    found.sort_by(|a, b| key(&a.package).cmp(&key(&b.package)));
    let mut names = HashSet::new();
    if let Some(twice) = found.iter().find(|found| !names.insert(key(&found.package))) {
        let (package, architecture) = key(&twice.package);
        let source =
            DpkgError::Duplicate { package: package.to_owned(), architecture: architecture.to_owned() };
        return Err(InventoryError::Dpkg { path: status, source });
    }
    within(&status, limit(found.len(), 0).map_err(Into::into))?;
    let (listed, unlisted) = read_lists(files, &found)?;
    for Found { package, .. } in &mut found {
        package.license = copyright::license(files, &package.name)?;
    }
    Ok(Some(Database { packages: found.into_iter().map(|found| found.package).collect(), listed, unlisted }))
}

type Lists = (Vec<Listed>, Vec<usize>);

fn read_lists(files: &mut dyn Files, found: &[Found]) -> Result<Lists, InventoryError> {
    let diversions = read_diversions(files)?;
    let (mut listed, mut unlisted) = (Vec::new(), Vec::new());
    for (index, Found { package, conffiles, lists, sums }) in found.iter().enumerate() {
        let paths = first(files, lists, lists::parse_list)?;
        let sums = first(files, sums, lists::parse_md5sums)?;
        // Without a list, what has a sum is all that is known.
        let of_sums = || sums.iter().flatten().map(|(path, _sum)| path.clone()).collect();
        let Some(paths) = paths.or_else(|| (lists.is_empty() && sums.is_some()).then(of_sums)) else {
            unlisted.push(index);
            continue;
        };
        within(&path("var/lib/dpkg")?, limit(found.len(), listed.len() + paths.len()).map_err(Into::into))?;
        let sums: HashMap<&TreePath, &Md5> = sums.iter().flatten().map(|(path, sum)| (path, sum)).collect();
        let conffiles: HashMap<_, _> = conffiles.iter().map(|(path, sum)| (path, sum.as_ref())).collect();
        for path in paths {
            let conffile = conffiles.get(&path);
            let sum = conffile.copied().flatten().or_else(|| sums.get(&path).copied());
            // A diversion moves the files of all packages but the one that asked for it.
            let diverted = diversions.get(&path).filter(|(_, by)| *by != package.name);
            listed.push(Listed {
                package: index,
                recorded: sum.copied().map(Recorded::Md5),
                is_configuration: conffile.is_some(),
                path: diverted.map_or(path, |(to, _)| to.clone()),
            });
        }
    }
    Ok((listed, unlisted))
}

/// The first of these files that is there.
fn first<T>(
    files: &mut dyn Files,
    names: &[String],
    parse: fn(&[u8]) -> Result<T, DpkgError>,
) -> Result<Option<T>, InventoryError> {
    for name in names {
        let file = path(&format!("var/lib/dpkg/{name}"))?;
        if let Some(bytes) = files.read(&file, MAX_FILE)? {
            return within(&file, parse(&bytes)).map(Some);
        }
    }
    Ok(None)
}

fn read_diversions(files: &mut dyn Files) -> Result<HashMap<TreePath, (TreePath, String)>, InventoryError> {
    let file = path("var/lib/dpkg/diversions")?;
    match files.read(&file, MAX_FILE)? {
        Some(bytes) => within(&file, lists::parse_diversions(&bytes)),
        None => Ok(HashMap::new()),
    }
}

fn key(package: &Package) -> (&str, &str) {
    (&package.name, &package.architecture)
}

fn within<T>(path: &TreePath, parsed: Result<T, DpkgError>) -> Result<T, InventoryError> {
    parsed.map_err(|source| InventoryError::Dpkg { path: path.clone(), source })
}

/// A path of the database. A package's name, which is part of some, has no slash.
fn path(text: &str) -> Result<TreePath, InventoryError> {
    within(&TreePath::root(), TreePath::new(text).map_err(|_too_long| DpkgError::Path { line: 1 }))
}

#[cfg(test)]
mod tests;
