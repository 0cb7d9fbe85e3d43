//! The story with a package inventory, and without.

use std::fs;
use std::process::Command;

use openfactory_attest::Sha256Digest;
use serde_json::Value;

use crate::image;
use crate::kill::demo;

const SBOM: &str = "builds/press-line-edge-1/sbom.cdx.json";

/// The summary of a story, and its inventory. The evidence that it leaves is checked as an auditor would.
fn tell(database: image::Database) -> (Value, Option<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let image = image::pack_with(folder.path(), database);
    let data_dir = folder.path().join("data");
    let output = demo(&image, &data_dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bundle = data_dir.join("bundles/press-line-edge-1");
    let audited =
        Command::new(env!("CARGO_BIN_EXE_attest")).arg("verify-bundle").arg(bundle).output().unwrap();
    let told = String::from_utf8_lossy(&audited.stdout);
    assert!(audited.status.success(), "{told}{}", String::from_utf8_lossy(&audited.stderr));
    // The build platform's key was stolen after it had signed.
    assert!(told.contains("signature") && told.contains("openfactory.example/demo held it before"), "{told}");
    (serde_json::from_slice(&output.stdout).unwrap(), fs::read(data_dir.join(SBOM)).ok())
}

fn attached(summary: &Value) -> usize {
    let attachments = summary["records"]["attachment"].as_array().unwrap();
    attachments.iter().filter(|attachment| attachment["summary"] == "sbom.cdx.json").count()
}

#[test]
fn an_inventory_is_signed_and_attached() {
    let (summary, sbom) = tell(image::Database::Good);
    assert_eq!(summary["sbom"], Sha256Digest::of(&sbom.unwrap()).to_string());
    assert_eq!(attached(&summary), 2, "to the change request of each build");
    assert_eq!(summary["evidence"]["level"], "L2", "{summary:#}");
}

#[test]
fn an_image_whose_packages_are_not_known_has_its_story_too() {
    for database in [image::Database::Missing, image::Database::Damaged] {
        let (summary, sbom) = tell(database);
        assert_eq!((&summary["sbom"], sbom), (&Value::Null, None), "{database:?}");
        assert_eq!(attached(&summary), 0, "{database:?}");
        assert_eq!(summary["evidence"]["level"], Value::Null, "{database:?}");
    }
}
