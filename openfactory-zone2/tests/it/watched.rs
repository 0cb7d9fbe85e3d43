//! The monitor on a real file system: each forbidden thing is done by a real process, each hole of deny mode is attacked.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use openfactory_attest::Sha256Digest;
use openfactory_zone2::device::Zone;
use openfactory_zone2::monitor::audit::AuditLog;
use openfactory_zone2::monitor::watchdog::{self, Bitten};
use openfactory_zone2::monitor::{Canary, Gate, GateRules, Observation, Operation, Watch};
use openfactory_zone2::scan::Scan;
use openfactory_zone2::seal::Binding;
use openfactory_zone2::{Priority, Row, Seal, check};

use super::disk::{Disk, run, skipped};
use super::support::{at, manifest};

const PATIENCE: Duration = Duration::from_secs(10);

fn rules(disk: &Disk) -> GateRules {
    let canary = disk.write("var/log/canary", "never read");
    GateRules::new(disk.root(), manifest(), canary)
}

/// A process of its own that runs a line of shell.
pub(crate) fn shell(line: &str, root: &Path) -> Output {
    Command::new("sh").args(["-c", line]).current_dir(root).output().unwrap()
}

/// What a gate has refused, when it has refused something.
fn refused(gate: &Gate) -> Vec<Observation> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let taken = gate.take();
        if !taken.observations.is_empty() {
            return taken.observations;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Vec::new()
}

/// What was told of a path, until that operation was.
pub(crate) fn told(watch: &mut Watch, path: &Path, operation: Operation) -> Option<Observation> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let taken = watch.take(Duration::from_millis(200)).unwrap();
        let found = taken
            .observations
            .into_iter()
            .find(|found| found.operation == operation && found.path.as_deref() == Some(path));
        if found.is_some() {
            return found;
        }
    }
    None
}

fn seal(root: &Path) -> (Seal, impl Fn() -> Scan) {
    let root = root.to_owned();
    let scan = move || Zone::open(&root).unwrap().scan_disk(&manifest());
    let binding = Binding::new("press-1", at(0), "lock-1", Sha256Digest::of(b"policy"));
    (Seal::of(&scan(), binding).unwrap(), scan)
}

/// Integration guide, "Unauthorized Zone 2 Modification": "Zone 2 hash mismatch (daemon detects modification)", P1: by a
/// process, and with the process that did it.
#[test]
pub(crate) fn guide_row_zone_2_hash_mismatch_by_a_real_process() {
    let Some(disk) = Disk::new("guide_row_zone_2_hash_mismatch_by_a_real_process") else { return };
    let file = disk.write("etc/a.conf", "address=10.20.3.7\n");
    let (seal, scan) = seal(disk.root());
    let mut watch = Watch::start(&[disk.root()]).unwrap();
    assert!(shell("echo address=10.99.0.1 > etc/a.conf", disk.root()).status.success());
    let found = told(&mut watch, &file, Operation::Modified).expect("the write is told");
    assert!(!found.refused && found.who.pid > 0, "{found:?}");
    let results = check::seal(&scan(), &seal);
    assert_eq!((results.findings[0].row, results.findings[0].priority), (Row::HashMismatch, Priority::P1));
    assert_eq!(results.findings[0].subject, "/etc/a.conf");
}

/// "Write attempt to read-only Zone 2 in deny mode", P2: blocked path, process, operation type. On the read-only mount
/// fanotify sees nothing; the kernel's audit log does.
#[test]
pub(crate) fn guide_row_write_attempt_on_the_read_only_mount() {
    let test = "guide_row_write_attempt_on_the_read_only_mount";
    let Some(disk) = Disk::new(test) else { return };
    let file = disk.write("etc/a.conf", "x");
    disk.remount("ro");
    let mut log = match AuditLog::start(disk.root()) {
        Ok(log) => log,
        Err(error) => return skipped(test, &format!("the kernel's audit log: {error}")),
    };
    for (line, call) in [
        ("echo y > etc/a.conf", "openat"),
        ("rm -f etc/a.conf", "unlinkat"),
        ("mv etc/a.conf etc/b.conf", "renameat2"),
        ("mkdir etc/new.d", "mkdir"),
        ("chmod 0777 etc/a.conf", "fchmodat"),
    ] {
        assert!(!shell(line, disk.root()).status.success(), "{line}");
        let begun = Instant::now();
        let mut attempts = Vec::new();
        while attempts.is_empty() && begun.elapsed() < PATIENCE {
            attempts = log.take(Duration::from_millis(200)).unwrap().attempts;
        }
        let attempt = attempts.first().unwrap_or_else(|| panic!("{line} is told"));
        let finding = attempt.finding().unwrap();
        assert_eq!((finding.row, finding.priority), (Row::WriteAttempt, Priority::P2), "{line}");
        assert!(
            attempt.path.as_deref().is_some_and(|path| path.starts_with(disk.root().join("etc"))),
            "{attempt:?}"
        );
        assert!(attempt.who.executable.is_some() && attempt.who.uid == Some(0), "{attempt:?}");
        assert_eq!(attempt.name, Some(call), "{line}");
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "x");
}

/// The same row, and "New executable detected", in a window in which Zone 2 may be written: deny mode refuses.
#[test]
fn guide_row_write_and_exec_attempts_in_deny_mode() {
    let Some(disk) = Disk::new("guide_row_write_and_exec_attempts_in_deny_mode") else { return };
    let sealed = disk.write("etc/a.conf", "sealed");
    let log = disk.write("var/log/a", "log\n");
    let tool = disk.write("etc/tool.conf", "#!/bin/sh\necho ran\n");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let gate = Gate::start(rules(&disk), &[disk.root()]).unwrap();
    // What may be done.
    assert_eq!(shell("cat etc/a.conf", disk.root()).stdout, b"sealed");
    assert!(shell("echo more >> var/log/a", disk.root()).status.success());
    assert_eq!(fs::read_to_string(&log).unwrap(), "log\nmore\n");
    assert_eq!(gate.take().observations, []);
    // What may not.
    let attempts: [(&str, Operation, &Path); 4] = [
        ("echo x > etc/a.conf", Operation::Write, &sealed),
        ("echo x >> etc/a.conf", Operation::Write, &sealed),
        ("echo x > other", Operation::Write, &disk.root().join("other")),
        ("etc/tool.conf", Operation::Exec, &tool),
    ];
    for (line, operation, path) in attempts {
        let output = shell(line, disk.root());
        assert!(!output.status.success(), "{line}");
        let found = refused(&gate);
        let found = found
            .iter()
            .find(|found| found.operation == operation)
            .unwrap_or_else(|| panic!("{line} {found:?}"));
        assert_eq!((found.path.as_deref(), found.refused), (Some(path), true), "{line}");
        assert!(found.who.uid == Some(0) && found.who.executable.is_some(), "{found:?}");
        let finding = found.finding().unwrap();
        assert_eq!((finding.row, finding.priority), (Row::WriteAttempt, Priority::P2));
    }
    assert_eq!(fs::read_to_string(&sealed).unwrap(), "sealed");
    assert_eq!(gate.prove(), Canary::Refused);
}

/// "New executable detected in Zone 2", P1, and "Zone 2 file outside manifest", P3: a process brings them.
#[test]
pub(crate) fn guide_rows_new_executable_and_file_outside_manifest_by_a_real_process() {
    let Some(disk) = Disk::new("guide_rows_new_executable_and_file_outside_manifest") else { return };
    let mut watch = Watch::start(&[disk.root()]).unwrap();
    assert!(shell("cp /bin/true etc/a.conf; echo x > etc/stray.txt", disk.root()).status.success());
    assert!(told(&mut watch, &disk.root().join("etc/stray.txt"), Operation::Created).is_some());
    let results = check::manifest(&Zone::open(disk.root()).unwrap().scan(&manifest()), &manifest());
    let of = |row| results.findings.iter().find(|finding| finding.row == row).unwrap();
    assert_eq!(
        (of(Row::Executable).priority, of(Row::Executable).subject.as_str()),
        (Priority::P1, "/etc/a.conf")
    );
    assert_eq!(of(Row::OutsideManifest).priority, Priority::P3);
    assert!(
        results
            .findings
            .iter()
            .any(|found| found.row == Row::OutsideManifest && found.subject == "/etc/stray.txt")
    );
}

/// What deny mode can't stop is told at once, and a scan finds it.
#[test]
fn holes_of_deny_mode_are_told_and_found() {
    let Some(disk) = Disk::new("holes_of_deny_mode_are_told_and_found") else { return };
    let names =
        ["truncated", "renamed", "unlinked", "chmodded", "linked", "replaced", "opened", "attributed"];
    let path = |name: &str| disk.root().join(format!("etc/{name}.conf"));
    for name in names {
        disk.write(&format!("etc/{name}.conf"), "sealed content");
    }
    let rules = rules(&disk);
    let opened = File::options().write(true).open(path("opened")).unwrap();
    let (seal, scan) = seal(disk.root());
    let gate = Gate::start(rules, &[disk.root()]).unwrap();
    let mut watch = Watch::start(&[disk.root()]).unwrap();
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    let python = |line: &str| run("python3", &["-c", line]);
    python(&format!("import os; os.truncate({:?}, 3)", text("truncated")));
    run("mv", &["-T", &text("renamed"), &text("other")]);
    run("rm", &[&text("unlinked")]);
    run("chmod", &["0600", &text("chmodded")]);
    run("ln", &[&text("linked"), &text("link")]);
    run("ln", &["-sfT", "/etc/shadow", &text("replaced")]);
    run("python3", &["-c", &format!("import os; os.setxattr({:?}, 'user.a', b'1')", text("attributed"))]);
    opened.write_all_at(b"CHANGED", 0).unwrap();
    let expected = [
        ("truncated", Operation::Modified),
        ("renamed", Operation::MovedFrom),
        ("other", Operation::MovedTo),
        ("unlinked", Operation::Deleted),
        ("chmodded", Operation::Attributes),
        ("link", Operation::Created),
        ("replaced", Operation::MovedTo),
        ("attributed", Operation::Attributes),
        ("opened", Operation::Modified),
    ];
    let mut all = Vec::new();
    let begun = Instant::now();
    let missing = |all: &[Observation]| {
        let seen = |name: &str, operation| {
            all.iter().any(|found| {
                found.operation == operation && found.path == Some(path(name)) && found.who.pid > 0
            })
        };
        expected.into_iter().filter(|(name, operation)| !seen(name, *operation)).collect::<Vec<_>>()
    };
    while !missing(&all).is_empty() && begun.elapsed() < PATIENCE {
        all.extend(watch.take(Duration::from_millis(100)).unwrap().observations);
    }
    assert!(missing(&all).is_empty(), "{:?} of {all:#?}", missing(&all));
    let results = check::seal(&scan(), &seal);
    let found: Vec<_> = results.findings.iter().map(|finding| finding.subject.as_str()).collect();
    for name in
        ["truncated", "renamed", "unlinked", "chmodded", "replaced", "attributed", "opened", "other", "link"]
    {
        assert!(found.contains(&format!("/etc/{name}.conf").as_str()), "{name} of {found:?}");
    }
    assert_eq!(gate.prove(), Canary::Refused);
}

/// Another mount of the same file system, and the overlay above it, are no ways around the gate.
#[test]
fn other_mounts_of_the_file_system_are_gated_too() {
    let Some(mut disk) = Disk::new("other_mounts_of_the_file_system_are_gated_too") else { return };
    let sealed = disk.write("etc/a.conf", "sealed");
    fs::create_dir(disk.root().join("work")).unwrap();
    let (bound, merged, lower) = (disk.beside("bound"), disk.beside("merged"), disk.beside("lower"));
    let root = disk.root().to_str().unwrap().to_owned();
    disk.mount(&["--bind", &root], &bound);
    let options = format!("lowerdir={},upperdir={root}/etc,workdir={root}/work", lower.display());
    disk.mount(&["-t", "overlay", "-o", &options, "overlay"], &merged);
    let gate = Gate::start(rules(&disk), &[disk.root(), &merged]).unwrap();
    for file in [bound.join("etc/a.conf"), merged.join("a.conf")] {
        let line = format!("echo x > {}", file.display());
        assert!(!shell(&line, Path::new("/")).status.success(), "{line}");
        assert!(refused(&gate).iter().any(|found| found.operation == Operation::Write), "{line}");
    }
    assert_eq!(fs::read_to_string(sealed).unwrap(), "sealed");
}

/// What is written to the block device below the page cache is in no event: the next interval's scan finds it.
#[test]
fn a_write_to_the_block_device_is_found_by_the_next_scan() {
    let Some(disk) = Disk::new("a_write_to_the_block_device_is_found_by_the_next_scan") else { return };
    let content = "calibration=0.0417 of the press 7, as sealed; ".repeat(40);
    let file = disk.write("etc/a.conf", &content);
    rustix::fs::sync();
    let (seal, scan) = seal(disk.root());
    let device = disk.device();
    let image = fs::read(&device).unwrap();
    let offset =
        image.windows(64).position(|part| part == &content.as_bytes()[..64]).expect("the file's block");
    let raw = File::options().write(true).open(&device).unwrap();
    raw.write_all_at(b"calibration=9", offset as u64).unwrap();
    raw.sync_all().unwrap();
    // The system still has it in memory.
    assert_eq!(fs::read_to_string(&file).unwrap(), content);
    let results = check::seal(&scan(), &seal);
    assert_eq!(results.findings.len(), 1, "{results:?}");
    assert_eq!(
        (results.findings[0].row, results.findings[0].subject.as_str()),
        (Row::HashMismatch, "/etc/a.conf")
    );
}

/// A shared mapping that was made before writes without any event: the next scan finds it.
#[test]
fn a_write_by_a_mapping_is_found_by_the_next_scan() {
    let Some(disk) = Disk::new("a_write_by_a_mapping_is_found_by_the_next_scan") else { return };
    let file = disk.write("etc/a.conf", "sealed content");
    let (seal, scan) = seal(disk.root());
    let script = "import mmap, sys; f = open(sys.argv[1], 'r+b'); m = mmap.mmap(f.fileno(), 0); m[0:6] = b'BROKEN'; m.flush()";
    run("python3", &["-c", script, file.to_str().unwrap()]);
    assert_eq!(check::seal(&scan(), &seal).findings.len(), 1);
}

/// A gate that is gone asks nobody. Its canary tells, and the watchdog makes the file system read-only.
#[test]
fn a_dead_monitor_leaves_a_read_only_file_system() {
    let Some(disk) = Disk::new("a_dead_monitor_leaves_a_read_only_file_system") else { return };
    disk.write("etc/a.conf", "sealed");
    let gate = Gate::start(rules(&disk), &[disk.root()]).unwrap();
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    // The process whose life is watched: it has the other end, and is killed.
    let mut monitor = Command::new("sleep").arg("600").stdout(Stdio::from(write)).spawn().unwrap();
    let mount: PathBuf = disk.root().to_owned();
    let dog = std::thread::spawn(move || watchdog::watch(read, Duration::from_secs(600), &mount));
    assert_eq!(gate.prove(), Canary::Refused);
    drop(gate);
    monitor.kill().unwrap();
    monitor.wait().unwrap();
    assert_eq!(dog.join().unwrap().unwrap(), Bitten::Gone);
    let output = shell("echo x > etc/a.conf", disk.root());
    assert!(String::from_utf8_lossy(&output.stderr).contains("Read-only"), "{output:?}");
    assert_eq!(fs::read_to_string(disk.root().join("etc/a.conf")).unwrap(), "sealed");
}

/// A canary proves the gate: without one that answers it is open, without the file nothing is known.
#[test]
fn a_canary_tells_a_gate_that_does_not_work() {
    let Some(disk) = Disk::new("a_canary_tells_a_gate_that_does_not_work") else { return };
    let other = tempfile::tempdir().unwrap();
    // A gate on another file system than the one that it has to be on.
    let gate = Gate::start(rules(&disk), &[Path::new("/proc")]);
    if let Ok(gate) = gate {
        assert_eq!(gate.prove(), Canary::Open);
        fs::remove_file(disk.root().join("var/log/canary")).unwrap();
        assert_eq!(gate.prove(), Canary::NotChecked);
    }
    assert!(
        Gate::start(GateRules::new(disk.root(), manifest(), other.path().join("none")), &[disk.root()])
            .is_err()
    );
}

/// More than the kernel keeps: what was lost is said, and whoever writes has not waited.
#[test]
fn an_overflow_says_that_something_was_lost() {
    let Some(disk) = Disk::new("an_overflow_says_that_something_was_lost") else { return };
    let most = fs::read_to_string("/proc/sys/fs/fanotify/max_queued_events").unwrap();
    let most: usize = most.trim().parse().unwrap();
    if most > 50_000 {
        return skipped("an_overflow_says_that_something_was_lost", "a small fs.fanotify.max_queued_events");
    }
    let mut watch = Watch::start(&[disk.root()]).unwrap();
    for number in 0..=most {
        // Each of another name: what is done to one and the same is merged.
        let file = disk.root().join(format!("var/log/{number}"));
        File::create(&file).unwrap();
        fs::remove_file(&file).unwrap();
    }
    let mut lost = false;
    loop {
        let taken = watch.take(Duration::from_millis(100)).unwrap();
        lost |= taken.lost;
        if taken.observations.is_empty() {
            break;
        }
    }
    assert!(lost);
    // Afterwards it tells again.
    disk.write("var/log/b", "x");
    assert!(told(&mut watch, &disk.root().join("var/log/b"), Operation::Created).is_some());
}

/// Names that are no UTF-8, links that lead out and pipes neither hang nor mislead the monitor.
#[test]
fn strange_names_links_and_pipes_do_not_mislead() {
    use std::os::unix::ffi::OsStrExt as _;
    let Some(disk) = Disk::new("strange_names_links_and_pipes_do_not_mislead") else { return };
    let name = disk.root().join(OsStr::from_bytes(b"etc/\xff\n.conf"));
    let mut watch = Watch::start(&[disk.root()]).unwrap();
    fs::write(&name, "x").unwrap();
    assert!(told(&mut watch, &name, Operation::Created).is_some());
    symlink("/etc/passwd", disk.root().join("etc/out.conf")).unwrap();
    run("mkfifo", &[disk.root().join("etc/pipe").to_str().unwrap()]);
    let gate = Gate::start(rules(&disk), &[disk.root()]).unwrap();
    let mut file = File::options().append(true).open(disk.root().join("var/log/canary"));
    assert!(file.is_err());
    file = File::open(disk.root().join("etc/out.conf"));
    assert!(file.is_ok(), "outside of the zone nobody is asked");
    let scan = Zone::open(disk.root()).unwrap().scan(&manifest());
    assert!(scan.entries.iter().any(|found| found.kind.name() == "fifo"));
    assert!(writeln!(std::io::sink(), "{:?}", gate.take()).is_ok());
}
