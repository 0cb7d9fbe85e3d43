//! Two slots, and power cuts at every step.

use std::fs;
use std::io;
use std::path::Path;

use openfactory_attest::Sha256Digest;
use openfactory_zone2::boot::{BootError, BootSlots, FileSlots, Slot, Standing};
use openfactory_zone2::migrate::Faults;
use tempfile::TempDir;

/// The power fails before the step of this number.
struct Cut(usize);

impl Faults for Cut {
    fn at(&mut self, step: &'static str) -> io::Result<()> {
        self.0 = self.0.checked_sub(1).ok_or_else(|| io::Error::other(step))?;
        Ok(())
    }
}

fn image(fill: u8) -> Vec<u8> {
    vec![fill; (1 << 20) + 77]
}

fn install(slots: &mut FileSlots, fill: u8) -> Result<Slot, BootError> {
    let bytes = image(fill);
    slots.install(&mut bytes.as_slice(), &Sha256Digest::of(&bytes), 2)
}

/// A device that runs image 1, which has proved itself.
fn running(directory: &Path) -> FileSlots {
    let mut slots = FileSlots::new(directory);
    install(&mut slots, 1).unwrap();
    slots.boot().unwrap();
    slots.mark_good().unwrap();
    slots
}

/// What is booted stands there whole.
fn boots_whole(slots: &mut FileSlots) -> u8 {
    let slot = slots.boot().unwrap();
    let found = fs::read(slots.image(slot)).unwrap();
    let named = slots.state().unwrap().slot(slot).unwrap().sha256;
    assert_eq!(Sha256Digest::of(&found), named);
    found[0]
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn power_cuts_at_every_step_leave_something_whole_to_boot() {
    for good in [true, false] {
        let mut cuts = 0;
        loop {
            let folder = folder();
            drop(running(folder.path()));
            let mut slots = FileSlots::new(folder.path()).with_faults(Box::new(Cut(cuts)));
            let mut update = || -> Result<(), BootError> {
                install(&mut slots, 2)?;
                slots.boot()?;
                if good { slots.mark_good() } else { slots.mark_bad() }
            };
            let whole = match update() {
                Ok(()) => true,
                Err(BootError::Io { .. }) => false,
                Err(error) => panic!("{error}"),
            };

            let mut slots = FileSlots::new(folder.path());
            let found = boots_whole(&mut slots);
            if whole {
                assert_eq!(found, if good { 2 } else { 1 });
                break;
            }
            // An update that nobody has judged is left again; one that was cut short can be begun again.
            for _ in 0..2 {
                boots_whole(&mut slots);
            }
            let last = boots_whole(&mut slots);
            assert!(last == 1 || good, "{cuts}");
            install(&mut slots, 3).unwrap();
            assert_eq!(boots_whole(&mut slots), 3);
            cuts += 1;
        }
        assert!(cuts >= 13, "{cuts} steps");
    }
}

#[test]
fn an_image_that_is_not_the_expected_one_is_not_booted() {
    let folder = folder();
    let mut slots = running(folder.path());
    let other = slots.install(&mut &b"other"[..], &Sha256Digest::of(b"expected"), 2);
    assert!(matches!(other, Err(BootError::OtherImage { .. })));
    assert_eq!((slots.state().unwrap().b, boots_whole(&mut slots)), (None, 1));
}

#[test]
fn nothing_is_installed_beside_an_image_on_trial() {
    let folder = folder();
    let mut slots = running(folder.path());
    install(&mut slots, 2).unwrap();
    slots.boot().unwrap();
    assert!(matches!(install(&mut slots, 3), Err(BootError::OnTrial)));
    assert!(matches!(slots.state().unwrap().b.unwrap().standing, Standing::OnTrial(1)));
}

#[test]
fn one_damaged_copy_is_no_loss_and_two_are_an_error() {
    let folder = folder();
    let mut slots = running(folder.path());
    let (first, second) = (folder.path().join("choice.0"), folder.path().join("choice.1"));
    for (damaged, runs) in [(&first, 1), (&second, 2)] {
        fs::write(damaged, "openfactory-boot 1\nturn 99\n").unwrap();
        assert_eq!(boots_whole(&mut slots), runs);
        slots.mark_good().unwrap();
        install(&mut slots, runs + 1).unwrap();
    }
    fs::write(&first, "").unwrap();
    fs::write(&second, "").unwrap();
    assert!(matches!(slots.boot(), Err(BootError::Damaged(_))));
    assert!(matches!(FileSlots::new(folder.path().join("none")).boot(), Err(BootError::NothingToBoot)));
}

#[cfg(feature = "monitor")]
#[test]
fn slots_may_be_partitions() {
    use super::disk::{Disk, run};

    let Some(disk) = Disk::new("slots_may_be_partitions") else { return };
    let devices = ["a", "b"].map(|name| {
        let backing = disk.root().join(name);
        fs::File::create(&backing).unwrap().set_len(4 << 20).unwrap();
        run("losetup", &["-f", "--show", backing.to_str().unwrap()]).trim().to_owned()
    });
    let folder = folder();
    let mut slots =
        FileSlots::new(folder.path()).at([devices[0].as_str().into(), devices[1].as_str().into()]);
    let installed = install(&mut slots, 1).and_then(|_| slots.boot());
    let second = slots.mark_good().and_then(|()| install(&mut slots, 2));
    let content = fs::read(&devices[1]).unwrap();
    for device in &devices {
        run("losetup", &["-d", device]);
    }
    assert_eq!((installed.unwrap(), second.unwrap()), (Slot::A, Slot::B));
    assert_eq!((content.len(), &content[..image(2).len()]), (4 << 20, &image(2)[..]));
}
