//! Twenty SIGKILLs at random moments.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

/// Pauses from nothing to a sixth of what the whole story takes, so that the kills are spread over all of it; from a seed
/// that is told so that a failure can be repeated.
struct Pauses {
    seed: u64,
    longest: Duration,
}

impl Pauses {
    fn next(&mut self) -> Duration {
        // The minimal standard generator (Park and Miller).
        self.seed = self.seed * 48_271 % 0x7fff_ffff;
        self.longest.mul_f64(f64::from(u32::try_from(self.seed % 1000).unwrap()) / 1000.0)
    }
}

#[test]
fn killed_twenty_times_it_ends_with_the_same_records_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let image = image::pack(folder.path());
    let begun = Instant::now();
    let undisturbed = tell(&image, &folder.path().join("undisturbed"));
    let took = begun.elapsed();
    // Two builds, two rollbacks, an unlock; a key revoked and rotated, one build signed anew, one to be built anew.
    assert_eq!(undisturbed.count("change_request"), 2 + 2 + 1 + 4);
    // Two devices tampered with, one silent, an address and an executable in an overlay, a key in other hands.
    assert_eq!(undisturbed.count("incident"), 6);
    // A base image, two builds, five devices and the one on the bench, each device with its one relation.
    assert_eq!(undisturbed.count("cmdb"), 1 + 2 + 6);
    assert_eq!(undisturbed.count("relation"), 2 + 6);

    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let seed = std::env::var("OPENFACTORY_SEED").map_or(u64::from(nanos), |seed| seed.parse().unwrap());
    eprintln!("repeat with OPENFACTORY_SEED={seed}");
    let mut pauses = Pauses { seed: seed.max(1), longest: took / 6 };
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
