//! Combined SBOMs, judged by other people's CycloneDX and SPDX.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use openfactory_attest::sbom::combined::{self, Zone2};
use openfactory_attest::sbom::{Inventory, Subject, cyclonedx, spdx};
use openfactory_attest::{Manifest, Work};
use serde_json::{Value, json};

use crate::python;

const APK: &str = "P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\nF:lib\nR:libc.so\nZ:Q1nIC5KDc++AsuZFnKQtw6GsOp7eQ=\n\n\
                   P:plus++\nV:1~2-r0\nA:noarch\nL:house rules\no:plus\n";

/// An image's inventory in both forms, and Zone 2's manifest.
fn parts() -> (Vec<u8>, Vec<u8>, Manifest) {
    let directory = tempfile::tempdir().unwrap();
    let (image, zone2) = (directory.path().join("image"), directory.path().join("zone2"));
    let write = |root: &Path, path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(&image, "lib/apk/db/installed", APK);
    write(&image, "lib/libc.so", "changed");
    write(&image, "etc/os-release", "ID=alpine\nVERSION_ID=3.20.3\n");
    write(&zone2, "etc/hostname", "press-1\n");
    write(&zone2, "calibration/a b\u{e9}.json", "{}");
    symlink("../zone/UTC", zone2.join("etc/localtime")).unwrap();
    let work = Work::on_all_cores();
    let inventory = Inventory::of_directory(&image).unwrap();
    let manifest = Manifest::of_directory(&image, &work).unwrap();
    let coverage = inventory.coverage_of_directory(&image, &manifest, &work).unwrap();
    let subject = Subject::tree("image", manifest.digest().unwrap());
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_366_400);
    (
        cyclonedx::document(&inventory, &subject, Some(&coverage), time).unwrap(),
        spdx::document(&inventory, &subject, Some(&coverage), time).unwrap(),
        Manifest::of_directory(&zone2, &work).unwrap(),
    )
}

fn judged(
    test: &str,
    script: &str,
    modules: &[&str],
    first: &[&str],
    document: &[u8],
    name: &str,
) -> Option<Value> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(name);
    fs::write(&file, document).unwrap();
    let arguments: Vec<&str> = first.iter().copied().chain([file.to_str().unwrap()]).collect();
    let output = python::run(test, modules, &python::script(script), &arguments)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn combined_documents_are_valid_for_others() {
    let test = "combined_documents_are_valid_for_others";
    let (of_cyclonedx, of_spdx, zone2) = parts();
    let combine = |base: &[u8]| {
        combined::document(base, &Zone2::of("press-1", &zone2), SystemTime::UNIX_EPOCH).unwrap()
    };
    let modules = ["cyclonedx.validation.json", "jsonschema", "packageurl"];
    let combined = combine(&of_cyclonedx);
    if let Some(valid) = judged(test, "sbom.py", &modules, &["validate"], &combined, "a.cdx.json") {
        assert_eq!(valid, json!([true]));
        // The library takes its references apart, too: each leads somewhere.
        let told = judged(test, "sbom.py", &modules, &["read"], &combined, "a.cdx.json").unwrap();
        assert_eq!((&told["subject"], &told["components"]), (&"press-1".into(), &2.into()));
    }
    let combined = combine(&of_spdx);
    let Some(told) = judged(test, "spdx.py", &["spdx_tools.spdx"], &[], &combined, "a.spdx.json") else {
        return;
    };
    assert_eq!(told[0]["faults"], json!([]));
    assert_eq!((&told[0]["subject"], &told[0]["contained"]), (&"press-1".into(), &2.into()));
}
