//! What an intruder would do to a device: change a file that the image says is something else.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use openfactory_attest::Manifest;
use openfactory_attest::manifest::{Entry, EntryKind, TreePath};

use super::error::{DemoError, During as _};

/// Places whose change is security-critical (integration guide, "Drift Severity Mapping"), the best first.
const CRITICAL: [&[u8]; 8] =
    [b"etc/ssh/", b"etc/pam.d/", b"usr/sbin/", b"usr/bin/", b"sbin/", b"bin/", b"usr/lib/", b"lib/"];

/// Appends to a file below `root` that the manifest has, and tells which. The content is replaced by rename, as a
/// package manager or an intruder would, so it needs no right to write to the file itself. It is prepared at
/// `aside`, on the same file system but outside of the tree.
pub(crate) fn change(root: &Path, manifest: &Manifest, aside: &Path) -> Result<String, DemoError> {
    let entry =
        target(manifest).ok_or_else(|| DemoError::new("the image holds no regular file to change"))?;
    let path = entry.path.below(root);
    let what = format!("change {}", path.display());
    let mut content = fs::read(&path).during(&what)?;
    content.extend_from_slice(b"\n# changed by someone who was never asked\n");
    let mode = fs::metadata(&path).during(&what)?.permissions();
    let mut file = File::create(aside).during(&what)?;
    file.write_all(&content).during(&what)?;
    file.set_permissions(mode).during(&what)?;
    fs::rename(aside, &path).during(&what)?;
    Ok(entry.path.to_string())
}

fn target(manifest: &Manifest) -> Option<Entry> {
    let files = || manifest.entries().filter(|entry| matches!(entry.kind, EntryKind::File { .. }));
    let critical = CRITICAL.iter().find_map(|place| files().find(|entry| starts(&entry.path, place)));
    critical.or_else(|| files().next())
}

fn starts(path: &TreePath, place: &[u8]) -> bool {
    path.as_bytes().starts_with(place)
}
