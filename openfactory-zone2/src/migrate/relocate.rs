//! Third phase: files are moved to where the new base looks for them.

use std::collections::BTreeMap;

use openfactory_attest::manifest::TreePath;

use super::{Failure, Move, Phase};
use crate::scan::{Kind, Scan, device_path};

/// The moves that are to be made, in the order of the plan. A move of what isn't there is none.
pub(super) fn judge(scan: &Scan, moves: &[Move]) -> (Vec<Move>, Vec<Failure>) {
    let mut kinds: BTreeMap<TreePath, bool> = BTreeMap::new();
    for found in &scan.entries {
        kinds.insert(found.path.clone(), found.kind == Kind::Directory);
    }
    let (mut wanted, mut failures) = (Vec::new(), Vec::new());
    for moved in moves {
        if !kinds.contains_key(&moved.from) {
            continue;
        }
        if let Some(reason) = obstacle(&kinds, moved) {
            failures.push(Failure::new(Phase::Relocation, device_path(&moved.from), reason));
            continue;
        }
        // What is below moves with it.
        let below: Vec<TreePath> =
            kinds.keys().filter(|path| within(path, &moved.from).is_some()).cloned().collect();
        for path in below {
            let Some(directory) = kinds.remove(&path) else { continue };
            if let Some(to) = within(&path, &moved.from).and_then(|rest| rebased(&moved.to, rest)) {
                kinds.insert(to, directory);
            }
        }
        let mut above = moved.to.parent();
        while let Some(directory) = above.filter(|directory| !directory.is_root()) {
            above = directory.parent();
            kinds.entry(directory).or_insert(true);
        }
        wanted.push(moved.clone());
    }
    (wanted, failures)
}

/// What stands in the way of a move.
fn obstacle(kinds: &BTreeMap<TreePath, bool>, moved: &Move) -> Option<String> {
    if within(&moved.to, &moved.from).is_some() {
        return Some("it would be moved into itself".to_owned());
    }
    if kinds.contains_key(&moved.to) {
        return Some(format!("there is something at {} already", device_path(&moved.to)));
    }
    let mut above = moved.to.parent();
    while let Some(directory) = above {
        if kinds.get(&directory) == Some(&false) {
            return Some(format!("{} is no directory", device_path(&directory)));
        }
        above = directory.parent();
    }
    None
}

/// What is left of a path below another, the other itself included.
pub(super) fn within<'p>(path: &'p TreePath, above: &TreePath) -> Option<&'p [u8]> {
    let rest = path.as_bytes().strip_prefix(above.as_bytes())?;
    (rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
}

/// The path below another place.
pub(super) fn rebased(to: &TreePath, rest: &[u8]) -> Option<TreePath> {
    TreePath::new([to.as_bytes(), rest].concat()).ok()
}
