//! What a batch of requests comes to: pure, from the index and the entries to lines and answers.

use std::collections::HashMap;

use super::entry::{Entry, EntryError};
use super::index::{IdHash, Index, Place, Staged};
use super::journal;
use super::log::Appended;
use super::tree::{TreeHead, leaf_hash};
use crate::digest::Sha256Digest;

/// An entry in the form in which it is stored.
pub(super) struct Encoded {
    id: IdHash,
    leaf: Sha256Digest,
    json: Vec<u8>,
}

impl Encoded {
    pub(super) fn of(entry: &Entry) -> Result<Self, EntryError> {
        let json = entry.to_bytes()?;
        Ok(Self { id: IdHash::of(&entry.id), leaf: leaf_hash(&json), json })
    }
}

/// What is written for a batch, and what is answered once it is durable.
pub(super) struct Plan {
    pub(super) lines: Vec<u8>,
    pub(super) staged: Vec<Staged>,
    pub(super) answers: Vec<Vec<Appended>>,
}

impl Plan {
    pub(super) fn of(batch: &[Vec<Encoded>], index: &Index) -> Self {
        let mut plan = Self { lines: Vec::new(), staged: Vec::new(), answers: Vec::new() };
        let mut tree = index.tree.clone_frontier();
        let mut fresh: HashMap<IdHash, (u64, Sha256Digest)> = HashMap::new();
        for request in batch {
            let answers = request.iter().map(|entry| {
                let known = match index.find(entry.id) {
                    Some(first) => index.tree.leaf(first).map(|leaf| (first, *leaf)),
                    None => fresh.get(&entry.id).copied(),
                };
                if let Some((first, leaf)) = known {
                    return Appended::Duplicate { index: first, same: leaf == entry.leaf };
                }
                let stored = tree.size();
                let line = journal::entry_line(&entry.leaf, &entry.json);
                let json_at = index.end + (plan.lines.len() + line.len() - 1 - entry.json.len()) as u64;
                // An entry has at most 65,535 bytes.
                let len = u32::try_from(entry.json.len()).unwrap_or(u32::MAX);
                plan.staged.push(Staged {
                    id: entry.id,
                    leaf: entry.leaf,
                    place: Place { offset: json_at, len },
                });
                plan.lines.extend_from_slice(&line);
                tree.push(entry.leaf);
                fresh.insert(entry.id, (stored, entry.leaf));
                Appended::Stored { index: stored }
            });
            plan.answers.push(answers.collect());
        }
        if !plan.staged.is_empty() {
            let head = TreeHead::new(tree.size(), tree.root());
            plan.lines.extend_from_slice(journal::commit_line(head).as_bytes());
        }
        plan
    }
}
