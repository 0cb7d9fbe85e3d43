//! Second phase, performed: each file of the plan is read, transformed, and put in the place of the old one.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Gid, Uid};

use super::transform::{self, Changed};
use super::{Failure, FileTransform, Phase};
use crate::device::Zone;
use crate::scan::device_path;
use crate::value::{MAX_FILE_BYTES, ReadFileError, ReadFiles as _};

/// A file's new content, and which of its values are others.
pub(super) type NewForm = (Vec<u8>, Vec<Changed>);

/// The file in its new form, where it is another then; nothing if there is no such file.
pub(super) fn judge(zone: &Zone, wanted: &FileTransform) -> Result<Option<NewForm>, Failure> {
    let path = device_path(&wanted.file);
    let failed = |reason: String| Failure::new(Phase::Schema, &path, reason);
    let bytes = match zone.read(&path, MAX_FILE_BYTES) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(ReadFileError::Io(source)) => return Err(failed(format!("it can't be read: {source}"))),
        Err(error) => return Err(failed(error.to_string())),
    };
    let (new, changed) = transform::apply(wanted, &bytes).map_err(|error| failed(error.to_string()))?;
    Ok((!changed.is_empty()).then_some((new, changed)))
}

/// Writes a file's new content, with the mode and owner of the old. The path was looked at: no link is on its way.
pub(super) fn write(root: &Path, wanted: &FileTransform, content: &[u8]) -> io::Result<()> {
    let path = wanted.file.below(root);
    let old = fs::symlink_metadata(&path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".migrating");
    let temporary = path.with_file_name(name);
    let mut file = fs::File::options().write(true).create_new(true).open(&temporary)?;
    file.write_all(content)?;
    file.set_permissions(old.permissions())?;
    rustix::fs::fchown(&file, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())))?;
    file.sync_all()?;
    fs::rename(&temporary, &path)
}
