//! `installed`: lines of a letter, a colon and a value; an empty line ends a package.

use super::error::ApkError;
use super::field::Field;
use crate::manifest::TreePath;
use crate::sbom::database::limit;
use crate::sbom::inventory::{Package, PackageFormat, PackageState};
use crate::sbom::license::License;
use crate::sbom::recorded::Recorded;

/// A package, and the paths that are its, with what was recorded of them.
pub(super) struct Found {
    pub(super) package: Package,
    pub(super) paths: Vec<(TreePath, Option<Recorded>)>,
}

/// The packages, as they stand there.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Found>, ApkError> {
    let mut found: Vec<Found> = Vec::new();
    let (mut reading, mut paths) = (None, 0);
    for (index, text) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let line = index + 1;
        if text.is_empty() {
            found.extend(reading.take().map(Reading::end).transpose()?);
            continue;
        }
        let reading = reading.get_or_insert_with(|| Reading { line, ..Reading::default() });
        let before = reading.paths.len();
        reading.take(Field::parse(line, text)?)?;
        paths += reading.paths.len() - before;
        limit(found.len() + 1, paths)?;
    }
    found.extend(reading.map(Reading::end).transpose()?);
    Ok(found)
}

/// A package of which some lines were read.
#[derive(Default)]
struct Reading {
    line: usize,
    name: Option<String>,
    version: Option<String>,
    architecture: Option<String>,
    origin: Option<String>,
    maintainer: Option<String>,
    homepage: Option<String>,
    summary: Option<String>,
    license: Option<License>,
    broken: Option<PackageState>,
    /// Whether `Q1` stands for a SHA-256.
    is_sha256: bool,
    directory: Option<TreePath>,
    /// Whether the last path is a file whose checksum may follow.
    awaits_checksum: bool,
    paths: Vec<(TreePath, Option<Recorded>)>,
}

impl Reading {
    fn take(&mut self, field: Field<'_>) -> Result<(), ApkError> {
        match field.letter {
            // What has no files may be named `.what`: packages that only depend on others.
            'P' => once(&mut self.name, field, field.name(b"+-._")?),
            'V' => once(&mut self.version, field, field.name(b"+-._~:")?),
            'A' => once(&mut self.architecture, field, field.name(b"-_")?),
            'o' => once(&mut self.origin, field, field.name(b"+-._")?),
            'm' => maybe(&mut self.maintainer, field, field.people_text()?),
            'U' => maybe(&mut self.homepage, field, field.people_text()?),
            'T' => maybe(&mut self.summary, field, field.people_text()?),
            'L' => maybe(&mut self.license, field, field.people_text()?.as_deref().and_then(License::parse)),
            'f' => self.flags(field),
            'F' => self.directory(field),
            'R' => self.file(field),
            'Z' => self.checksum(field),
            // Sizes, dependencies, owners and modes: the manifest knows the latter.
            _ => Ok(()),
        }
    }

    fn flags(&mut self, field: Field<'_>) -> Result<(), ApkError> {
        let mut broken = None;
        for flag in field.value {
            broken = match flag {
                b'f' | b'x' => Some(PackageState::HalfInstalled),
                b's' => broken.or(Some(PackageState::HalfConfigured)),
                b'S' => {
                    self.is_sha256 = true;
                    broken
                }
                _ => return Err(field.bad_value()),
            };
        }
        maybe(&mut self.broken, field, broken)
    }

    fn directory(&mut self, field: Field<'_>) -> Result<(), ApkError> {
        let path = match field.value {
            b"" => TreePath::root(),
            path => TreePath::new(path).map_err(|_bad| field.bad_value())?,
        };
        if !path.is_root() {
            self.paths.push((path.clone(), None));
        }
        (self.directory, self.awaits_checksum) = (Some(path), false);
        Ok(())
    }

    fn file(&mut self, field: Field<'_>) -> Result<(), ApkError> {
        let directory = self.directory.as_ref().ok_or(field.out_of_place())?;
        self.paths.push((directory.join(field.value).map_err(|_bad| field.bad_value())?, None));
        self.awaits_checksum = true;
        Ok(())
    }

    fn checksum(&mut self, field: Field<'_>) -> Result<(), ApkError> {
        match self.paths.last_mut().filter(|_| self.awaits_checksum) {
            Some((_path, recorded)) => *recorded = Some(field.checksum(self.is_sha256)?),
            None => return Err(field.out_of_place()),
        }
        self.awaits_checksum = false;
        Ok(())
    }

    fn end(self) -> Result<Found, ApkError> {
        let missing = |field| ApkError::MissingField { line: self.line, field };
        let name = self.name.ok_or(missing('P'))?;
        let package = Package {
            format: PackageFormat::Apk,
            version: self.version.ok_or(missing('V'))?,
            architecture: self.architecture.ok_or(missing('A'))?,
            source_name: self.origin.filter(|origin| *origin != name),
            source_version: None,
            maintainer: self.maintainer,
            homepage: self.homepage,
            summary: self.summary,
            license: self.license,
            state: self.broken.unwrap_or(PackageState::Installed),
            name,
        };
        Ok(Found { package, paths: self.paths })
    }
}

fn once<T>(place: &mut Option<T>, field: Field<'_>, value: T) -> Result<(), ApkError> {
    maybe(place, field, Some(value))
}

fn maybe<T>(place: &mut Option<T>, field: Field<'_>, value: Option<T>) -> Result<(), ApkError> {
    if place.is_some() {
        return Err(field.out_of_place());
    }
    *place = value;
    Ok(())
}
