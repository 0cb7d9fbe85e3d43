//! The disk of the audit log is full: the sender is told to come again, and nothing that was acknowledged is lost.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::World;

/// A file system of one megabyte, unmounted when the test is over.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    fn fill(&self) -> PathBuf {
        let filler = self.0.join("filler");
        let full = std::fs::write(&filler, vec![0; 2 << 20]).unwrap_err();
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

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let world = World::new().await;
    let Some(disk) = SmallDisk::mount(&world.path("audit")) else {
        let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
        assert!(!strict, "this test needs the right to mount a tmpfs");
        eprintln!("SKIPPED: a_full_disk_is_told_and_loses_nothing: needs the right to mount a tmpfs");
        return;
    };
    let router = world.start().await;
    assert_eq!(router.send(&world.request("b-1"), &world.platform).await.status, 202);
    world.change_request("b-1").await;
    router.until("queue_ready", 0).await;

    let filler = disk.fill();
    // What is left of the last page takes a few entries more.
    let mut taken = 1;
    let (event, told) = loop {
        let event = world.request(&format!("b-{}", taken + 1));
        let answer = router.send(&event, &world.platform).await;
        if answer.status != 202 {
            break (event, answer);
        }
        taken += 1;
        assert!(taken < 100, "the disk never becomes full");
    };
    assert_eq!(told.status, 503, "{}", told.body);
    assert!(told.retry_after, "the sender learns to come again");
    assert!(told.body["error"].as_str().unwrap().contains("audit log"), "{}", told.body);

    // Room again, and a restart: the log goes on where it was, and the same event is taken.
    std::fs::remove_file(filler).unwrap();
    router.stop().await;
    let router = world.start().await;
    assert_eq!(router.send(&event, &world.platform).await.status, 202);
    for build in 1..=taken + 1 {
        world.change_request(&format!("b-{build}")).await;
    }
    router.stop().await;
    assert_eq!(world.count("change_request"), taken + 1);
    world.audited();
}
