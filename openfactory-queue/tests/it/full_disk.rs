//! A disk that is really full, under the SQLite queue.

use std::path::{Path, PathBuf};
use std::process::Command;

use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::{ErrorKind, LeaseRequest, Message, Published, Settlement, SyncQueue};

/// A file system of four megabytes, unmounted when the test is over.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    /// Leaves less room than a page of the database.
    fn fill(&self) -> PathBuf {
        let filler = self.0.join("filler");
        let full = std::fs::write(&filler, vec![0; 8 << 20]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        filler
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(unmounted.unwrap().success());
    }
}

/// Each of a key of its own: what is undone had made those keys.
fn batch(n: usize) -> Vec<Message> {
    (0..8)
        .map(|m| Message::new(format!("{n}/{m}"), "k", vec![b'x'; 512]).with_key(format!("key{n}/{m}")))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_nothing_that_was_answered_is_lost() {
    const TEST: &str = "a_full_disk_is_told_and_nothing_that_was_answered_is_lost";
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&dir.path().join("disk")) else {
        let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|strict| strict == "1");
        assert!(!strict, "{TEST} needs the right to mount a tmpfs");
        eprintln!("SKIPPED: {TEST}: needs the right to mount a tmpfs");
        return;
    };
    let config = SqliteConfig::new(disk.0.join("queue.db"));
    let queue = SqliteQueue::open(config.clone()).await.unwrap();
    let mut stored = 0;
    while stored < 20 {
        queue.publish(batch(stored)).await.unwrap();
        stored += 1;
    }
    let leased = queue.lease(LeaseRequest::new("before")).await.unwrap().remove(0);
    let filler = disk.fill();
    // What is left of the last pages may take some more.
    let error = loop {
        match queue.publish(batch(stored)).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1000, "never full");
    };
    assert_eq!(error.kind(), ErrorKind::Full, "{error:?}");
    assert!(error.is_retryable());
    // It says so as long as it lasts, of each call that needs room, and looking needs none.
    assert_eq!(queue.publish(batch(stored)).await.unwrap_err().kind(), ErrorKind::Full);
    let settled = queue.settle(vec![(leased.token, Settlement::Ack)]).await;
    assert!(
        settled.is_ok() || settled.as_ref().is_err_and(|error| error.kind() == ErrorKind::Full),
        "{settled:?}"
    );
    let stats = queue.stats().await.unwrap();
    assert_eq!(stats.ready + stats.held + stats.leased, 8 * stored as u64 - u64::from(settled.is_ok()));

    // What was undone has left nothing behind, and what was answered is still known.
    for n in 0..stored {
        let again = queue.publish(batch(n)).await.unwrap();
        assert!(again.iter().all(|one| matches!(one, Published::Duplicate { .. })), "{n}: {again:?}");
    }

    std::fs::remove_file(filler).unwrap();
    queue.publish(batch(stored)).await.unwrap();
    stored += 1;
    if settled.is_err() {
        queue.settle(vec![(leased.token, Settlement::Ack)]).await.unwrap();
    }
    queue.close().await.unwrap();
    let queue = SqliteQueue::open(config).await.unwrap();
    let mut seen = vec![leased.message.id];
    loop {
        let leased = queue.lease(LeaseRequest::new("after").max(8)).await.unwrap();
        if leased.is_empty() {
            break;
        }
        seen.extend(leased.iter().map(|leased| leased.message.id.clone()));
        let acks = leased.iter().map(|leased| (leased.token, Settlement::Ack)).collect();
        queue.settle(acks).await.unwrap();
    }
    let mut expected: Vec<String> = (0..stored).flat_map(batch).map(|message| message.id).collect();
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected, "each message once");
}
