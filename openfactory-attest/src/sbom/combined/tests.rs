//! What the combined document says of both its parts. That it is CycloneDX or SPDX is for others to judge:
//! `tests/it/combined.rs`.

use serde_json::json;

use super::*;
use crate::manifest::TreePath;

fn manifest(content: &[u8]) -> Manifest {
    let path = |text: &str| TreePath::new(text).unwrap();
    let digest = Sha256Digest::of(content);
    let entries = vec![
        Entry::new(TreePath::root(), EntryKind::Directory, 0o755),
        Entry::new(path("hostname"), EntryKind::File { size: 8, digest }, 0o644),
        Entry::new(path("localtime"), EntryKind::Symlink { target: b"../zone/UTC".to_vec() }, 0o777),
        Entry::new(path("gone"), EntryKind::CharDevice { major: 0, minor: 0 }, 0),
    ];
    Manifest::of_entries(entries).unwrap()
}

const CYCLONEDX: &str = r#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 3,
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "metadata": {"component": {"type": "operating-system", "bom-ref": "image", "name": "image"}},
    "components": [{"type": "library", "bom-ref": "a", "name": "hello", "version": "1", "purl": "pkg:deb/debian/hello@1"}],
    "dependencies": [{"ref": "image", "dependsOn": ["a"]}],
    "vulnerabilities": [{"id": "CVE-1", "affects": [{"ref": "a"}]}],
    "signature": {"algorithm": "Ed25519", "value": "of the base alone"}}"#;

const SPDX: &str = r#"{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "dataLicense": "CC0-1.0", "name": "image",
    "documentNamespace": "https://example.org/image", "packages": [
        {"SPDXID": "SPDXRef-Image", "name": "image", "downloadLocation": "NOASSERTION"},
        {"SPDXID": "SPDXRef-hello", "name": "hello", "versionInfo": "1", "downloadLocation": "NOASSERTION"}],
    "relationships": [
        {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-Image"},
        {"spdxElementId": "SPDXRef-Image", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-hello"}]}"#;

fn combine(base: &str, manifest: &Manifest) -> Result<Vec<u8>, CombineError> {
    document(base.as_bytes(), &Zone2::of("press-1", manifest), SystemTime::UNIX_EPOCH)
}

fn combined(base: &str) -> Value {
    serde_json::from_slice(&combine(base, &manifest(b"press-1\n")).unwrap()).unwrap()
}

#[test]
fn both_parts_stand_in_it_and_are_bound() {
    let digest = manifest(b"press-1\n").digest().unwrap();
    let bom = combined(CYCLONEDX);
    let base = Sha256Digest::of(CYCLONEDX.as_bytes());
    assert_eq!(
        (&bom["specVersion"], &bom["metadata"]["component"]["name"]),
        (&"1.6".into(), &"press-1".into())
    );
    let [image, zone2] = bom["components"].as_array().unwrap().as_slice() else { panic!("{bom:#}") };
    assert_eq!((&image["bom-ref"], &image["components"][0]["name"]), (&"image".into(), &"hello".into()));
    assert_eq!(
        image["externalReferences"],
        json!([{"type": "bom", "url": "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/3",
                "hashes": [{"alg": "SHA-256", "content": base}]}])
    );
    assert_eq!(zone2["properties"], json!([{"name": "openfactory:manifest:sha256", "value": digest}]));
    let names: Vec<&str> =
        zone2["components"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["./gone", "./hostname", "./localtime"]);
    assert_eq!(zone2["components"][1]["hashes"][0]["content"], Sha256Digest::of(b"press-1\n").to_string());
    assert_eq!(zone2["components"][2]["properties"][2]["value"], "symlink to ../zone/UTC");
    assert_eq!(bom["dependencies"][1], json!({"ref": DEVICE, "dependsOn": ["image", ZONE2]}));
    assert_eq!((&bom["vulnerabilities"][0]["id"], bom.get("signature")), (&"CVE-1".into(), None));

    let spdx = combined(SPDX);
    let reference = &spdx["externalDocumentRefs"][0];
    assert_eq!(reference["spdxDocument"], "https://example.org/image");
    assert_eq!(reference["checksum"]["checksumValue"], Sha256Digest::of(SPDX.as_bytes()).to_string());
    assert!(spdx["packages"][0]["comment"].as_str().unwrap().ends_with(&digest.to_string()));
    let relations: Vec<String> = spdx["relationships"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let text = |name: &str| it[name].as_str().unwrap().trim_start_matches("SPDXRef-");
            format!("{} {} {}", text("spdxElementId"), text("relationshipType"), text("relatedSpdxElement"))
        })
        .collect();
    let expected = [
        "DOCUMENT DESCRIBES Device",
        "Device CONTAINS Zone2",
        "Device CONTAINS Image",
        "Zone2 CONTAINS Zone2-0",
        "Zone2 CONTAINS Zone2-1",
        "Zone2 CONTAINS Zone2-2",
        "Image CONTAINS hello",
    ];
    assert_eq!(relations, expected);
}

const DEVICE: &str = "openfactory:device";
const ZONE2: &str = "openfactory:zone2";

#[test]
fn the_packages_are_still_those_of_the_image() {
    for base in [CYCLONEDX, SPDX] {
        let combined = combine(base, &manifest(b"")).unwrap();
        let names = |json: &[u8]| -> Vec<String> {
            Listing::parse(json).unwrap().packages().map(|it| it.name.clone()).collect()
        };
        assert!(names(&combined).contains(&"hello".to_owned()));
        assert_eq!(combined, combine(base, &manifest(b"")).unwrap());
        // Another Zone 2 is another document, under another number.
        let other: Value = serde_json::from_slice(&combine(base, &manifest(b"x")).unwrap()).unwrap();
        let this: Value = serde_json::from_slice(&combined).unwrap();
        let id = if base == SPDX { "documentNamespace" } else { "serialNumber" };
        assert_ne!(this[id], other[id]);
    }
}

#[test]
fn what_cannot_be_combined_is_told() {
    let of = |base: &str| combine(base, &manifest(b"")).unwrap_err();
    assert!(matches!(of("{"), CombineError::Json(_)));
    assert!(matches!(of("{}"), CombineError::Format));
    assert!(matches!(of(&CYCLONEDX.replace("1.5", "2.0")), CombineError::Format));
    let with = |from: &str, to: &str| of(&CYCLONEDX.replace(from, to));
    assert!(matches!(
        with("\"vulnerabilities\": [", "\"vulnerabilities\": 1, \"x\": ["),
        CombineError::Shape { .. }
    ));
    assert!(matches!(with("\"component\": {", "\"component\": 1, \"x\": {"), CombineError::Shape { .. }));
    assert!(matches!(
        with("\"bom-ref\": \"a\"", "\"bom-ref\": \"openfactory:zone2:1\""),
        CombineError::Id { .. }
    ));
    let of_spdx = |from: &str, to: &str| of(&SPDX.replace(from, to));
    assert!(matches!(of_spdx("documentNamespace", "namespace"), CombineError::Shape { .. }));
    assert!(matches!(of_spdx("SPDXRef-hello", "SPDXRef-Zone2-1"), CombineError::Id { .. }));
    // What was combined once is no base.
    let once = combine(CYCLONEDX, &manifest(b"")).unwrap();
    assert!(matches!(of(std::str::from_utf8(&once).unwrap()), CombineError::Id { .. }));
    let before = SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(1);
    let manifest = manifest(b"");
    let early = document(SPDX.as_bytes(), &Zone2::of("press-1", &manifest), before);
    assert!(matches!(early, Err(CombineError::Time)));
}

#[test]
fn a_base_whose_image_has_no_name_is_refused() {
    let base = CYCLONEDX.replace(r#""bom-ref": "image", "name": "image""#, r#""bom-ref": "image""#);
    assert!(Listing::parse(base.as_bytes()).is_ok());
    let error = combine(&base, &manifest(b"press-1\n")).unwrap_err();
    assert!(
        matches!(error, CombineError::Unreadable(ListingError::Shape { path: "components[].name", .. })),
        "{error:?}"
    );
}
