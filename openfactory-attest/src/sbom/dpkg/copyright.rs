//! Where a package's copyright file is: `usr/share/doc/NAME/copyright`.

use super::super::error::InventoryError;
use super::super::files::Files;
use super::super::license::{License, of_copyright};
use super::path;
use crate::manifest::TreePath;

/// Bytes of a copyright file that are read.
const MAX_FILE: usize = 16 << 20;

/// Links that are followed from one package's documentation to another's.
const MAX_LINKS: usize = 4;

/// The package's licence; `None` if there is no copyright file, or it is not machine-readable. Packages that are built
/// together link to each other's documentation: such a link is followed, if it stays there.
pub(super) fn license(files: &mut dyn Files, package: &str) -> Result<Option<License>, InventoryError> {
    let documentation = path("usr/share/doc")?;
    let mut directory = package.as_bytes().to_vec();
    for _ in 0..=MAX_LINKS {
        let Ok(place) = documentation.join(&directory) else { return Ok(None) };
        if let Some(target) = files.link(&place)? {
            let Some(next) = within_documentation(&target, false) else { return Ok(None) };
            directory = next;
            continue;
        }
        let Ok(file) = place.join(b"copyright") else { return Ok(None) };
        let Some(target) = files.link(&file)? else { return read(files, &file) };
        let next = within_documentation(&target, true).and_then(|next| {
            next.strip_suffix(b"/copyright").filter(|name| !name.contains(&b'/')).map(<[u8]>::to_vec)
        });
        let Some(next) = next else { return Ok(None) };
        directory = next;
    }
    Ok(None)
}

/// What a link below `usr/share/doc` names there: `NAME` or `/usr/share/doc/NAME` where it is in that directory, `../NAME`
/// where it is a level below.
fn within_documentation(target: &[u8], below: bool) -> Option<Vec<u8>> {
    let rest = match target.strip_prefix(b"/usr/share/doc/") {
        Some(rest) => rest,
        None if below => target.strip_prefix(b"../")?,
        None => target,
    };
    Some(rest.strip_suffix(b"/").unwrap_or(rest).to_vec())
}

fn read(files: &mut dyn Files, file: &TreePath) -> Result<Option<License>, InventoryError> {
    match files.read(file, MAX_FILE) {
        Ok(bytes) => Ok(bytes.as_deref().and_then(of_copyright)),
        // Whatever else is there says nothing of licences.
        Err(InventoryError::NotAFile { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
