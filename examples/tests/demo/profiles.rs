//! The story on each kind of instance: what it leaves on a stock and on a hardened one is what it leaves on the guide's,
//! but for the differences that `PROFILES.md` of the simulator lists.

use std::path::Path;

use openfactory_simulator::Profile;

use crate::image;
use crate::kill::demo;
use crate::told::{Told, assert_notes_at_most};

fn told(image: &Path, data_dir: &Path, profile: Profile) -> Told {
    let output = demo(image, data_dir).args(["--profile", profile.name()]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{profile}: the demo ended with {}: {stderr}", output.status);
    Told::of(&output.stdout)
}

/// The lines of the block that begins with this line.
fn listed(list: &str, begins: &str) -> Vec<String> {
    let block = list.split_once(&format!("{begins}\n")).unwrap_or_else(|| panic!("no block {begins}")).1;
    block.lines().take_while(|line| !line.starts_with("```")).map(str::to_owned).collect()
}

#[test]
fn the_story_differs_between_the_profiles_as_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = std::fs::read_to_string(root.join("../openfactory-simulator/PROFILES.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let image = image::pack(folder.path());
    // Stories wait more than they work: they are told at once.
    let [guide, others @ ..] = std::thread::scope(|scope| {
        let telling = Profile::ALL.map(|profile| {
            let (image, data_dir) = (image.as_path(), folder.path().join(profile.name()));
            scope.spawn(move || {
                let told = told(image, &data_dir, profile);
                assert_notes_at_most(if profile == Profile::Hardened { 2 } else { 1 }, profile, &data_dir);
                told
            })
        });
        telling.map(|telling| telling.join().unwrap())
    });
    for (profile, other) in Profile::ALL[1..].iter().zip(others) {
        let found = guide.differences(&other);
        assert_eq!(found, listed(&list, &format!("```diff {profile}")), "{profile}:\n{}", found.join("\n"));
    }
}

#[test]
fn a_story_goes_on_in_its_own_profile_alone() {
    let folder = tempfile::tempdir().unwrap();
    let image = image::pack(folder.path());
    let data_dir = folder.path().join("data");
    std::fs::create_dir_all(data_dir.join("story")).unwrap();
    std::fs::write(data_dir.join("story/profile"), "hardened").unwrap();
    let output = demo(&image, &data_dir).args(["--profile", "stock"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("--profile hardened"), "{stderr}");
}
