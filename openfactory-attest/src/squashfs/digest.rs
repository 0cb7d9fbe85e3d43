//! The manifest of an image: every file hashed, on many threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::Image;
use super::content::Contents;
use super::error::SquashfsError;
use super::metadata::Metadata;
use super::walk::{Found, walk};
use crate::digest::Sha256;
use crate::manifest::{Entry, EntryKind, Manifest, copy_to_links};
use crate::read_at::ReadAt;
use crate::work::{ContentHasher, Work};

pub(crate) fn manifest(device: &dyn ReadAt, work: &Work<'_>) -> Result<Manifest, SquashfsError> {
    let image = Image::open(device)?;
    let mut found = walk(&image)?;
    // Every inode once: hard links get theirs from the first name.
    let begin = |entry: &Entry| entry.hard_link_to.is_none().then(Sha256::new);
    let done = |entry: &mut Entry, digest| {
        if let EntryKind::File { digest: place, .. } = &mut entry.kind {
            *place = digest;
        }
    };
    hash(&image, &mut found, &begin, &done, work)?;
    let mut entries: Vec<Entry> = found.into_iter().map(|found| found.entry).collect();
    copy_to_links(&mut entries);
    Manifest::of_entries_with_xattrs(entries).map_err(SquashfsError::Structure)
}

/// Hashes the files for which `begin` gives something to do it with, and tells `done`. Files whose tails share a fragment
/// go to one thread, in a row: it is unpacked once.
pub(super) fn hash<H: ContentHasher>(
    image: &Image<'_>,
    found: &mut [Found],
    begin: &(dyn Fn(&Entry) -> Option<H> + Sync),
    done: &(dyn Fn(&mut Entry, H::Digest) + Sync),
    work: &Work<'_>,
) -> Result<(), SquashfsError> {
    let mut metadata = Metadata::new(image.device, &image.superblock);
    let (mut files, mut total) = (Vec::new(), 0);
    for file in found {
        if begin(&file.entry).is_some()
            && let Some(content) = file.content(image, &mut metadata)?
        {
            total += content.size;
            files.push((content.tail.map(|(fragment, _at)| fragment), file));
        }
    }
    drop(metadata);
    files.sort_by_key(|&(fragment, _)| fragment);
    let jobs = files.chunk_by_mut(|(fragment, _), (next, _)| fragment.is_some() && fragment == next);
    let jobs = Mutex::new(jobs);
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();

    let (hashed, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let hash_some = || {
        let mut contents = Contents::of(image);
        while let Some(job) = next() {
            for (_fragment, file) in job {
                let Some(mut hasher) = begin(&file.entry) else { continue };
                let read = contents.read(file, &mut |block| {
                    hasher.update(block);
                    let block = block.len() as u64;
                    work.tell(hashed.fetch_add(block, Relaxed) + block, total);
                    Ok::<_, SquashfsError>(())
                });
                read.inspect_err(|_error| failed.store(true, Relaxed))?;
                done(&mut file.entry, hasher.finish());
                if failed.load(Relaxed) {
                    return Ok(());
                }
            }
        }
        Ok(())
    };
    work.on_each_thread(hash_some).map(drop)
}
