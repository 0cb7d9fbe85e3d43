//! What a header says of its package.

use super::error::HeaderFault;
use super::header::Header;
use crate::manifest::TreePath;
use crate::sbom::inventory::{Package, PackageFormat, PackageState};
use crate::sbom::license::License;
use crate::sbom::recorded::Recorded;

/// Bytes of a name, version or architecture.
const MAX_NAME: usize = 256;

/// Bytes of a text for people that are told.
const MAX_TEXT: usize = 4096;

/// Tags (`rpmTag`).
mod tag {
    pub(super) const NAME: u32 = 1000;
    pub(super) const VERSION: u32 = 1001;
    pub(super) const RELEASE: u32 = 1002;
    pub(super) const EPOCH: u32 = 1003;
    pub(super) const SUMMARY: u32 = 1004;
    pub(super) const VENDOR: u32 = 1011;
    pub(super) const LICENSE: u32 = 1014;
    pub(super) const PACKAGER: u32 = 1015;
    pub(super) const URL: u32 = 1020;
    pub(super) const ARCH: u32 = 1022;
    pub(super) const FILE_STATES: u32 = 1029;
    pub(super) const FILE_DIGESTS: u32 = 1035;
    pub(super) const FILE_FLAGS: u32 = 1037;
    pub(super) const SOURCE_RPM: u32 = 1044;
    pub(super) const DIR_INDEXES: u32 = 1116;
    pub(super) const BASE_NAMES: u32 = 1117;
    pub(super) const DIR_NAMES: u32 = 1118;
    pub(super) const FILE_DIGEST_ALGORITHM: u32 = 5011;
}

/// A file that is there to be changed (`RPMFILE_CONFIG`).
const CONFIGURATION: u32 = 1;

/// A file that the package only claims (`RPMFILE_GHOST`): there is no content to compare with.
const GHOST: u32 = 1 << 6;

/// A file that was installed, and is the package's still (`RPMFILE_STATE_NORMAL`).
const NORMAL: u32 = 0;

/// A package, and its files.
pub(super) struct Found {
    pub(super) package: Package,
    pub(super) files: Vec<OwnedFile>,
}

/// A path that is the package's.
pub(super) struct OwnedFile {
    pub(super) path: TreePath,
    pub(super) recorded: Option<Recorded>,
    pub(super) is_configuration: bool,
}

/// Reads a header. `None` for the public keys that rpm keeps as if they were packages.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Found>, HeaderFault> {
    let header = Header::parse(bytes)?;
    let name = name(&header, tag::NAME)?;
    if name == "gpg-pubkey" {
        return Ok(None);
    }
    let (version, release) = (self::name(&header, tag::VERSION)?, self::name(&header, tag::RELEASE)?);
    let version = match header.numbers(tag::EPOCH)?.first() {
        Some(epoch) => format!("{epoch}:{version}-{release}"),
        None => format!("{version}-{release}"),
    };
    let (source_name, source_version) = match header.text(tag::SOURCE_RPM)?.map(source) {
        Some(source) => source.map(|(name, version)| (Some(name), Some(version))).unwrap_or_default(),
        None => (None, None),
    };
    let without_epoch = version.split_once(':').map_or(version.as_str(), |(_epoch, rest)| rest);
    let package = Package {
        format: PackageFormat::Rpm,
        architecture: self::name(&header, tag::ARCH)?,
        source_name: source_name.filter(|source| *source != name),
        source_version: source_version.filter(|source| *source != without_epoch),
        maintainer: people_text(&header, tag::VENDOR)?.or(people_text(&header, tag::PACKAGER)?),
        homepage: people_text(&header, tag::URL)?,
        summary: people_text(&header, tag::SUMMARY)?,
        license: people_text(&header, tag::LICENSE)?.as_deref().and_then(License::parse),
        state: PackageState::Installed,
        name,
        version,
    };
    Ok(Some(Found { package, files: files(&header)? }))
}

fn files(header: &Header<'_>) -> Result<Vec<OwnedFile>, HeaderFault> {
    let names = header.texts(tag::BASE_NAMES)?;
    let directories = header.texts(tag::DIR_NAMES)?;
    let of_each = |tag, count: usize, may_lack: bool| match count {
        0 if may_lack => Ok(()),
        count if count == names.len() => Ok(()),
        _ => Err(HeaderFault::Count { tag }),
    };
    let indexes = header.numbers(tag::DIR_INDEXES)?;
    of_each(tag::DIR_INDEXES, indexes.len(), false)?;
    let flags = header.numbers(tag::FILE_FLAGS)?;
    of_each(tag::FILE_FLAGS, flags.len(), true)?;
    let states = header.numbers(tag::FILE_STATES)?;
    of_each(tag::FILE_STATES, states.len(), true)?;
    let digests = header.texts(tag::FILE_DIGESTS)?;
    of_each(tag::FILE_DIGESTS, digests.len(), true)?;
    let algorithm = header.numbers(tag::FILE_DIGEST_ALGORITHM)?.first().copied();
    let mut files = Vec::with_capacity(names.len());
    for (file, (name, index)) in names.iter().zip(&indexes).enumerate() {
        if states.get(file).is_some_and(|state| *state != NORMAL) {
            continue;
        }
        let directory =
            directories.get(*index as usize).ok_or(HeaderFault::Value { tag: tag::DIR_INDEXES })?;
        let Some(path) = path(directory, name)? else { continue };
        let flags = flags.get(file).copied().unwrap_or_default();
        let digest = digests.get(file).copied().filter(|digest| !digest.is_empty() && flags & GHOST == 0);
        files.push(OwnedFile {
            path,
            recorded: digest.map(|digest| recorded(algorithm, digest)).transpose()?.flatten(),
            is_configuration: flags & CONFIGURATION != 0,
        });
    }
    Ok(files)
}

/// A directory with slashes at both ends, and a name. `None` for the root itself.
fn path(directory: &[u8], name: &[u8]) -> Result<Option<TreePath>, HeaderFault> {
    let bad = |_error| HeaderFault::Value { tag: tag::BASE_NAMES };
    let directory = directory.strip_prefix(b"/").ok_or(HeaderFault::Value { tag: tag::DIR_NAMES })?;
    let whole = [directory, name].concat();
    let whole = whole.strip_suffix(b"/").unwrap_or(&whole);
    if whole.is_empty() { Ok(None) } else { TreePath::new(whole).map(Some).map_err(bad) }
}

/// By OpenPGP's number for the digest; MD5 where none is given. Others than these are not compared.
fn recorded(algorithm: Option<u32>, digits: &[u8]) -> Result<Option<Recorded>, HeaderFault> {
    let bytes = hex::decode(digits).map_err(|_no_hex| HeaderFault::Value { tag: tag::FILE_DIGESTS })?;
    let recorded = match algorithm {
        None | Some(1) => bytes.try_into().map(Recorded::Md5),
        Some(2) => bytes.try_into().map(Recorded::Sha1),
        Some(8) => bytes.try_into().map(Recorded::Sha256),
        Some(_) => return Ok(None),
    };
    recorded.map(Some).map_err(|_length| HeaderFault::Value { tag: tag::FILE_DIGESTS })
}

fn name(header: &Header<'_>, tag: u32) -> Result<String, HeaderFault> {
    let name = header.text(tag)?.ok_or(HeaderFault::Missing { tag })?;
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._~^:()".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(may_be) {
        return Err(HeaderFault::Value { tag });
    }
    Ok(name.to_owned())
}

/// In one line, of the many that packagers write. Longer ones are cut.
fn people_text(header: &Header<'_>, tag: u32) -> Result<Option<String>, HeaderFault> {
    let Some(text) = header.text(tag)? else { return Ok(None) };
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.retain(|character| !character.is_control());
    if line.len() > MAX_TEXT {
        line.truncate(line.floor_char_boundary(MAX_TEXT));
    }
    Ok(Some(line).filter(|line| !line.is_empty() && line != "(none)"))
}

/// `NAME-VERSION-RELEASE.src.rpm`.
fn source(file: &str) -> Option<(String, String)> {
    let whole = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = whole.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    let may_be = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._~^".contains(&byte);
        !text.is_empty() && text.len() <= MAX_NAME && text.bytes().all(allowed)
    };
    (may_be(name) && may_be(version) && may_be(release))
        .then(|| (name.to_owned(), format!("{version}-{release}")))
}
