//! The monitor, as root on a loop device: what an open costs behind a gate that has decided before, how soon a write is told
//! while others write too, and what watching takes in memory.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use openfactory_benches::{Memory, kibibytes, median_time};
use openfactory_zone2::device::{Snapshot, Zone};
use openfactory_zone2::monitor::{Gate, GateRules, Operation, Watch};

use super::Result;

const OPENS: usize = 20_000;
const MAX_COST: f64 = 1.5;
const MAX_DELAY: Duration = Duration::from_millis(50);
const MAX_KIBIBYTES: u64 = 16 * 1024;

/// A mount that goes when this does.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // A measurement leaves no more behind than it can help.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

pub(crate) fn measure(dir: &Path, rounds: usize) -> Result<bool> {
    let folder = tempfile::tempdir_in(dir)?;
    let (image, root) = (folder.path().join("image"), folder.path().canonicalize()?.join("zone"));
    File::create(&image)?.set_len(256 << 20)?;
    fs::create_dir(&root)?;
    let (image, path) = (image.display().to_string(), root.display().to_string());
    let mounted = run("mkfs.ext4", &["-q", "-F", "-N", "20000", &image])
        .and_then(|()| run("mount", &["-o", "loop", &image, &path]));
    if let Err(error) = mounted {
        println!("monitor: not measured, which needs root and a loop device: {error}");
        return Ok(true);
    }
    let _mounted = Mounted(root.clone());
    let manifest = super::seal::files(&root)?;
    fs::write(root.join("canary"), "never read")?;

    let delay = median_time(delays(&root)?);
    let told = delay < MAX_DELAY;
    println!(
        "a write is told after {delay:.3?}, goal {MAX_DELAY:?}: {}",
        if told { "met" } else { "missed" }
    );

    let monitor = Command::new(std::env::current_exe()?).arg("--watch").arg(&root).output()?;
    if !monitor.status.success() {
        return Err(format!("the monitor: {}", String::from_utf8_lossy(&monitor.stderr).trim()).into());
    }
    let used: u64 = String::from_utf8(monitor.stdout)?.trim().parse()?;
    let small = used < MAX_KIBIBYTES;
    println!(
        "a process that watches 10,000 files: at most {used} KiB, goal {MAX_KIBIBYTES}: {}",
        if small { "met" } else { "missed" }
    );

    run("mount", &["-o", "remount,ro", &path])?;
    let files: Vec<_> = (0..100).map(|number| root.join(format!("etc/d{number:03}/f{number}"))).collect();
    let opens = || -> Result<Duration> {
        let begun = Instant::now();
        for number in 0..OPENS {
            drop(File::open(&files[number % files.len()])?);
        }
        Ok(begun.elapsed())
    };
    let (mut free, mut gated) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        opens()?;
        free.push(opens()?);
        let gate = Gate::start(GateRules::new(&root, manifest.clone(), root.join("canary")), &[&root])?;
        opens()?;
        gated.push(opens()?);
        drop(gate);
    }
    let (free, gated) = (median_time(free), median_time(gated));
    let cost = gated.as_secs_f64() / free.as_secs_f64();
    let cheap = cost <= MAX_COST;
    println!(
        "{OPENS} opens: free {free:.3?}, gated {gated:.3?}: {cost:.2} times, goal {MAX_COST}: {}",
        if cheap { "met" } else { "missed" }
    );
    Ok(told & small & cheap)
}

/// Does what a monitor does, and no more, and prints the most memory that it took: files are read once, then those that
/// changed.
pub(crate) fn alone(root: &Path) -> Result<bool> {
    let (zone, manifest) = (Zone::open(root)?, super::seal::manifest(root)?);
    let watch = Watch::start(&[root])?;
    let gate = Gate::start(GateRules::new(root, manifest.clone(), root.join("canary")), &[root])?;
    let mut seen = Snapshot::default();
    for _ in 0..3 {
        let (scan, now) = zone.scan_changed(&manifest, &seen);
        // The gate keeps it, too, from what the manifest does not allow.
        if scan.entries.len() < super::seal::FILES {
            return Err(format!("{} entries are not all", scan.entries.len()).into());
        }
        seen = now;
    }
    println!("{}", kibibytes(Memory::Peak)?);
    drop((watch, gate));
    Ok(true)
}

/// How long it takes until a write is told, while another thread writes all the time.
fn delays(root: &Path) -> Result<Vec<Duration>> {
    let mut watch = Watch::start(&[root])?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| -> std::io::Result<()> {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                fs::write(root.join(format!("load{}", number % 50)), "x")?;
                number += 1;
            }
            Ok(())
        });
        let mut delays = Vec::new();
        let mut failed = None;
        for number in 0..200 {
            let path = root.join(format!("probe{number}"));
            let begun = Instant::now();
            if let Err(error) = fs::write(&path, "x") {
                failed = Some(error);
                break;
            }
            let mut told = false;
            while !told && begun.elapsed() < Duration::from_secs(5) {
                let taken = watch.take(Duration::from_millis(100));
                told = taken.is_ok_and(|taken| {
                    taken.observations.iter().any(|found| {
                        found.path.as_deref() == Some(&path) && found.operation == Operation::Modified
                    })
                });
            }
            delays.push(begun.elapsed());
        }
        stop.store(true, Ordering::Relaxed);
        match (failed, load.join()) {
            (Some(error), _) | (None, Ok(Err(error))) => Err(error.into()),
            (None, Err(_)) => Err("the load ended by itself".into()),
            (None, Ok(Ok(()))) => Ok(delays),
        }
    })
}
