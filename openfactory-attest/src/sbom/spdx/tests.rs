//! The document against what it has to say. That it is SPDX is for others to judge: `tests/it/sbom.rs`.

use super::*;
use crate::Sha256Digest;

#[test]
fn ids_differ_where_names_do() {
    let package = |name: &str, architecture: &str| {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("var/lib/dpkg")).unwrap();
        let status = format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: {architecture}\nVersion: 1\n"
        );
        std::fs::write(root.path().join("var/lib/dpkg/status"), status).unwrap();
        id(&Inventory::of_directory(root.path()).unwrap().packages()[0])
    };
    assert_eq!(package("libstdc++6", "amd64"), "SPDXRef-Package-libstdc.2B.2B6..amd64");
    assert_ne!(package("a-b", "c"), package("a", "b-c"));
    assert_ne!(package("a.2B", "all"), package("a+", "all"));
}

#[test]
fn suppliers_are_as_spdx_spells_them() {
    assert_eq!(supplier("A Team <a@b.example>"), "Organization: A Team (a@b.example)");
    assert_eq!(supplier("A (x) Team <bad>"), "Organization: A x Team ()");
    assert_eq!(supplier("nobody"), "Organization: nobody ()");
}

#[test]
fn seconds_are_whole_and_the_namespace_is_the_subjects() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("var/lib/dpkg")).unwrap();
    std::fs::write(root.path().join("var/lib/dpkg/status"), "").unwrap();
    let inventory = Inventory::of_directory(root.path()).unwrap();
    let written = |subject: &[u8], millis| {
        let subject = Subject::tree("root", Sha256Digest::of(subject));
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let json = document(&inventory, &subject, None, time).unwrap();
        serde_json::from_slice::<serde_json::Value>(&json).unwrap()
    };
    let one = written(b"one", 1_772_366_400_999);
    assert_eq!(one["creationInfo"]["created"], "2026-03-01T12:00:00Z");
    assert_eq!(one, written(b"one", 1_772_366_400_000));
    assert_ne!(one["documentNamespace"], written(b"two", 1_772_366_400_000)["documentNamespace"]);
    assert_eq!(one["packages"][0]["licenseDeclared"], "NOASSERTION");
    let before = document(
        &inventory,
        &Subject::tree("root", Sha256Digest::of(b"")),
        None,
        SystemTime::UNIX_EPOCH - Duration::from_secs(1),
    );
    assert!(matches!(before, Err(SpdxError::Time)));
}
