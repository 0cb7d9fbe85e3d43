//! The manifest of an image: every file hashed, on many threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use super::Image;
use super::content::Contents;
use super::error::SquashfsError;
use super::walk::{Found, walk};
use crate::digest::Sha256;
use crate::manifest::{Entry, EntryKind, Manifest};
use crate::read_at::ReadAt;
use crate::work::{ContentHasher, Work};

pub(crate) fn manifest(device: &dyn ReadAt, work: &Work<'_>) -> Result<Manifest, SquashfsError> {
    let image = Image::open(device)?;
    let mut found = walk(&image)?;
    // Every inode once: hard links get theirs from the first name.
    let begin = |entry: &Entry| entry.hard_link_to.is_none().then(Sha256::new);
    for (index, digest) in hash(&image, &found, &begin, work)? {
        if let Some(Found { entry: Entry { kind: EntryKind::File { digest: place, .. }, .. }, .. }) =
            found.get_mut(index)
        {
            *place = digest;
        }
    }
    let mut entries: Vec<Entry> = found.into_iter().map(|found| found.entry).collect();
    copy_to_links(&mut entries);
    Manifest::of_entries_with_xattrs(entries).map_err(SquashfsError::Structure)
}

/// Hashes the files for which `begin` gives something to do it with. Files whose tails share a fragment go to one thread,
/// in a row: it is unpacked once.
pub(super) fn hash<H: ContentHasher>(
    image: &Image<'_>,
    found: &[Found],
    begin: &(dyn Fn(&Entry) -> Option<H> + Sync),
    work: &Work<'_>,
) -> Result<Vec<(usize, H::Digest)>, SquashfsError> {
    let mut by_fragment: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    let mut jobs: Vec<Vec<usize>> = Vec::new();
    let mut total = 0;
    for (index, file) in found.iter().enumerate() {
        let Some(content) = file.content.filter(|_| begin(&file.entry).is_some()) else { continue };
        total += content.size;
        match content.tail {
            Some((fragment, _)) => by_fragment.entry(fragment).or_default().push(index),
            None => jobs.push(vec![index]),
        }
    }
    jobs.extend(by_fragment.into_values());

    let (next, done, failed) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let hash_some = || {
        let mut contents = Contents::of(image);
        let mut hashed = Vec::new();
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            for &index in job {
                let Some(file) = found.get(index) else { continue };
                let (Some(content), Some(mut hasher)) = (file.content, begin(&file.entry)) else { continue };
                let read = contents.read(content, &mut |block| {
                    hasher.update(block);
                    let block = block.len() as u64;
                    work.tell(done.fetch_add(block, Ordering::Relaxed) + block, total);
                    Ok::<_, SquashfsError>(())
                });
                read.inspect_err(|_error| failed.store(true, Ordering::Relaxed))?;
                hashed.push((index, hasher.finish()));
                if failed.load(Ordering::Relaxed) {
                    return Ok(hashed);
                }
            }
        }
        Ok(hashed)
    };
    let results: Result<Vec<_>, SquashfsError> = thread::scope(|scope| {
        let threads: Vec<_> = (0..work.threads().get()).map(|_| scope.spawn(hash_some)).collect();
        // What a thread panicked with, should one ever, goes on in this one.
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    Ok(results?.into_iter().flatten().collect())
}

/// Gives each hard link the digest of its first name, which comes before it.
fn copy_to_links(entries: &mut [Entry]) {
    for index in 0..entries.len() {
        let (before, rest) = entries.split_at_mut(index);
        if let Some(entry) = rest.first_mut()
            && let Some(first) = &entry.hard_link_to
            && let Ok(first) = before.binary_search_by(|candidate| candidate.path.cmp(first))
            && let Some(first) = before.get(first)
        {
            entry.kind = first.kind.clone();
        }
    }
}
