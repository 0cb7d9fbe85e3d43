//! Whose files are whose: `info/*.list`, `status.d/*.md5sums`, `diversions`.

use std::collections::HashMap;

use super::control::text;
use super::error::DpkgError;
use crate::manifest::{Manifest, TreePath};

/// An MD5.
pub(super) type Md5 = [u8; 16];

/// A path on each line, absolute. The root, `/.`, is left out.
pub(super) fn parse_list(bytes: &[u8]) -> Result<Vec<TreePath>, DpkgError> {
    let mut paths = collect(bytes, absolute)?;
    paths.retain(|path| !path.is_root());
    Ok(paths)
}

/// `MD5  PATH` on each line, relative.
pub(super) fn parse_md5sums(bytes: &[u8]) -> Result<Vec<(TreePath, Md5)>, DpkgError> {
    collect(bytes, |line| {
        let (sum, path) = line.split_at_checked(32)?;
        let path = path.strip_prefix(b"  ")?;
        Some((TreePath::new(path).ok()?, parse_md5(sum)?))
    })
}

/// 32 hexadecimal digits.
pub(super) fn parse_md5(digits: &[u8]) -> Option<Md5> {
    let mut sum = Md5::default();
    hex::decode_to_slice(digits, &mut sum).ok()?;
    Some(sum)
}

/// What is diverted, where to, and by which package. Three lines each; the third is `:` for the machine's own.
pub(super) fn parse_diversions(bytes: &[u8]) -> Result<HashMap<TreePath, (TreePath, String)>, DpkgError> {
    let mut diversions = HashMap::new();
    let mut lines = lines(bytes).enumerate();
    while let Some((index, from)) = lines.next() {
        let bad = DpkgError::Path { line: index + 1 };
        let (Some((_, to)), Some((_, by))) = (lines.next(), lines.next()) else { return Err(bad) };
        let (Some(from), Some(to)) = (absolute(from), absolute(to)) else { return Err(bad) };
        diversions.insert(from, (to, text(by)?.to_owned()));
    }
    Ok(diversions)
}

fn collect<T>(bytes: &[u8], parse: impl Fn(&[u8]) -> Option<T>) -> Result<Vec<T>, DpkgError> {
    let mut parsed = Vec::new();
    for (index, line) in lines(bytes).enumerate() {
        let one = parse(line).ok_or(DpkgError::Path { line: index + 1 })?;
        if parsed.len() == Manifest::MAX_ENTRIES {
            return Err(DpkgError::TooMany { what: "paths", limit: Manifest::MAX_ENTRIES });
        }
        parsed.push(one);
    }
    Ok(parsed)
}

/// Lines of bytes: names of files need not be UTF-8.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_empty = bytes.is_empty();
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.split(|&byte| byte == b'\n').filter(move |_line| !is_empty)
}

fn absolute(path: &[u8]) -> Option<TreePath> {
    TreePath::new(path.strip_prefix(b"/")?).ok()
}
