//! Twenty SIGKILLs at random moments.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::image;
use crate::told::{Told, assert_nothing_twice};

const KILLS: usize = 20;

pub(crate) fn demo(image: &Path, data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.arg("--json").arg("--image").arg(image).arg("--data-dir").arg(data_dir).stdin(Stdio::null());
    command
}

/// A run to the end.
pub(crate) fn tell(image: &Path, data_dir: &Path) -> Told {
    let Output { status, stdout, stderr } = demo(image, data_dir).output().unwrap();
    assert!(status.success(), "the demo ended with {status}: {}", String::from_utf8_lossy(&stderr));
    Told::of(&stdout)
}

/// Kills the demo after a while; false if it had come to its end before.
fn killed(mut child: Child, after: Duration) -> bool {
    std::thread::sleep(after);
    let over = child.try_wait().unwrap();
    if let Some(status) = over {
        assert!(status.success(), "the demo ended with {status} without being killed");
        return false;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

/// Pauses between 0 and 1.2 s, from a seed that is told so that a failure can be repeated.
struct Pauses(u64);

impl Pauses {
    fn next(&mut self) -> Duration {
        // The minimal standard generator (Park and Miller).
        self.0 = self.0 * 48_271 % 0x7fff_ffff;
        Duration::from_millis(self.0 % 1_200)
    }
}

#[test]
fn killed_twenty_times_it_ends_with_the_same_records_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let image = image::pack(folder.path());
    let undisturbed = tell(&image, &folder.path().join("undisturbed"));
    // Two builds and two rollbacks; a key revoked, rotated, and what it had signed signed anew.
    assert_eq!(undisturbed.count("change_request"), 2 + 2 + 3);
    // Two devices tampered with, one silent, one key in other hands.
    assert_eq!(undisturbed.count("incident"), 4);
    // A base image, two builds, five devices and the one on the bench, each device with its one relation.
    assert_eq!(undisturbed.count("cmdb"), 1 + 2 + 6);
    assert_eq!(undisturbed.count("relation"), 2 + 6);

    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let seed = std::env::var("OPENFACTORY_SEED").map_or(u64::from(nanos), |seed| seed.parse().unwrap());
    eprintln!("repeat with OPENFACTORY_SEED={seed}");
    let mut pauses = Pauses(seed.max(1));
    let mut kills = 0;
    for story in 0.. {
        let data_dir = folder.path().join(format!("killed-{story}"));
        while kills < KILLS {
            let child = demo(&image, &data_dir).stdout(Stdio::null()).spawn().unwrap();
            if !killed(child, pauses.next()) {
                break;
            }
            kills += 1;
        }
        assert_eq!(tell(&image, &data_dir), undisturbed, "story {story}, after {kills} kills");
        assert_nothing_twice(&data_dir);
        if kills == KILLS {
            break;
        }
    }
}
