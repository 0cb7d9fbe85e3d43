use super::*;
use crate::key::Ed25519Key;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::AtomicU8;
use std::time::SystemTime;

/// A journal on a real file whose writes, syncs or truncations fail on demand.
struct Faulty {
    file: File,
    faults: Arc<AtomicU8>,
}

const WRITE: u8 = 1;
const SYNC: u8 = 2;
const TRUNCATE: u8 = 4;

impl Faulty {
    fn check(&self, fault: u8, error: io::ErrorKind) -> io::Result<()> {
        if self.faults.load(Ordering::SeqCst) & fault == 0 { Ok(()) } else { Err(error.into()) }
    }
}

impl Storage for Faulty {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Err(error) = self.check(WRITE, io::ErrorKind::StorageFull) {
            // A full disk takes the beginning.
            self.file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(error);
        }
        Storage::write_at(&self.file, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.check(SYNC, io::ErrorKind::Other)?;
        Storage::sync(&self.file)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.check(TRUNCATE, io::ErrorKind::Other)?;
        Storage::truncate(&self.file, len)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        Storage::read_at(&self.file, bytes, offset)
    }
}

fn open(directory: &Path) -> (Log, Arc<AtomicU8>) {
    let mut log = Log::open(directory, "example.com/log", Arc::new(Ed25519Key::from_seed(&[3; 32]))).unwrap();
    let faults = Arc::new(AtomicU8::new(0));
    let file = OpenOptions::new().read(true).write(true).open(directory.join("journal")).unwrap();
    let inner = Arc::get_mut(&mut log.inner).unwrap();
    inner.journal = Box::new(Faulty { file, faults: Arc::clone(&faults) });
    (log, faults)
}

fn entry(id: u32) -> Entry {
    Entry::new(format!("id-{id}"), "tester", "tested", SystemTime::UNIX_EPOCH, "log")
}

#[test]
fn a_full_disk_acknowledges_nothing_and_is_survived() {
    let directory = tempfile::tempdir().unwrap();
    let (log, faults) = open(directory.path());
    log.append(&[entry(0)]).unwrap();
    let before = fs::read(directory.path().join("journal")).unwrap();

    faults.store(WRITE, Ordering::SeqCst);
    assert!(matches!(log.append(&[entry(1), entry(2)]), Err(AppendError::Full(_))));
    assert_eq!(fs::read(directory.path().join("journal")).unwrap(), before);
    assert_eq!(log.size(), 1);

    faults.store(0, Ordering::SeqCst);
    assert_eq!(log.append(&[entry(1)]).unwrap(), [Appended::Stored { index: 1 }]);
}

#[test]
fn what_cannot_be_taken_back_poisons_until_reopened() {
    let directory = tempfile::tempdir().unwrap();
    let (log, faults) = open(directory.path());
    log.append(&[entry(0)]).unwrap();
    faults.store(WRITE | TRUNCATE, Ordering::SeqCst);
    assert!(matches!(log.append(&[entry(1)]), Err(AppendError::Full(_))));
    faults.store(0, Ordering::SeqCst);
    assert!(matches!(log.append(&[entry(1)]), Err(AppendError::Poisoned)));
    drop(log);

    let (log, _) = open(directory.path());
    assert!(log.torn_tail().is_some());
    assert_eq!(log.append(&[entry(1)]).unwrap(), [Appended::Stored { index: 1 }]);
}

#[test]
fn after_a_failed_fsync_nothing_goes_on_until_reopened() {
    let directory = tempfile::tempdir().unwrap();
    let (log, faults) = open(directory.path());
    faults.store(SYNC, Ordering::SeqCst);
    assert!(matches!(log.append(&[entry(0)]), Err(AppendError::Sync(_))));
    faults.store(0, Ordering::SeqCst);
    assert!(matches!(log.append(&[entry(0)]), Err(AppendError::Poisoned)));
    assert_eq!(log.size(), 0);
    drop(log);

    // The bytes were there after all: they count from now on, and the same id is not stored twice.
    let (log, _) = open(directory.path());
    assert_eq!(log.append(&[entry(0)]).unwrap(), [Appended::Duplicate { index: 0, same: true }]);
}

#[test]
fn an_entry_changed_on_disk_is_not_given_out() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = open(directory.path());
    log.append(&[entry(0), entry(1)]).unwrap();
    assert_eq!(log.entry(1).unwrap(), entry(1));
    let place = log.inner.index().place(1).unwrap();
    let file = OpenOptions::new().write(true).open(directory.path().join("journal")).unwrap();
    file.write_all_at(b"X", place.offset + 9).unwrap();
    assert!(matches!(log.entry(1), Err(ReadEntryError::Changed { index: 1 })));
    assert!(matches!(log.entry(2), Err(ReadEntryError::NoSuchEntry { index: 2, size: 2 })));
}
