use std::time::SystemTime;

use serde_json::json;

use super::*;
use crate::document::{FileDigest, ImageFile};
use crate::sbom::{Subject, cyclonedx, spdx};

fn inventory(packages: &[(&str, &str)]) -> Inventory {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("var/lib/dpkg")).unwrap();
    let status: String = packages
        .iter()
        .map(|(name, version)| {
            format!(
                "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n"
            )
        })
        .collect();
    std::fs::write(root.path().join("var/lib/dpkg/status"), status).unwrap();
    Inventory::of_directory(root.path()).unwrap()
}

fn package(name: &str, version: &str) -> ListedPackage {
    ListedPackage { name: name.to_owned(), version: version.to_owned() }
}

#[test]
fn what_is_written_here_is_read_back() {
    let inventory = inventory(&[("hello", "2.10-3"), ("libc6", "1:2.41-12")]);
    let image = FileDigest::of(b"image");
    let subject = Subject::image(&ImageFile::new("image", image));
    let time = SystemTime::UNIX_EPOCH;
    let documents = [
        (SbomFormat::CycloneDx, cyclonedx::document(&inventory, &subject, None, time).unwrap()),
        (SbomFormat::Spdx, spdx::document(&inventory, &subject, None, time).unwrap()),
    ];
    let less = self::inventory(&[("hello", "2.10-4")]);
    for (format, document) in documents {
        let listing = Listing::parse(&document).unwrap();
        assert_eq!(listing.format(), format);
        assert_eq!(listing.subjects().collect::<Vec<_>>(), [&image.sha256]);
        assert!(listing.difference(&inventory).is_empty(), "{listing:?}");
        let difference = listing.difference(&less);
        assert_eq!(difference.unlisted, [package("hello", "2.10-4")]);
        assert_eq!(difference.absent, [package("hello", "2.10-3"), package("libc6", "1:2.41-12")]);
    }
}

#[test]
fn only_packages_of_the_system_count() {
    let cyclonedx = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
        {"type": "library", "name": "flask", "version": "3", "purl": "pkg:pypi/flask@3"},
        {"type": "operating-system", "name": "debian", "version": "13"},
        {"type": "application", "name": "sudo", "version": "1", "purl": "pkg:deb/debian/sudo@1",
         "components": [{"type": "library", "name": "inner", "version": "2"}]},
    ]});
    let spdx = json!({"spdxVersion": "SPDX-2.3", "documentDescribes": ["SPDXRef-image"], "packages": [
        {"SPDXID": "SPDXRef-image", "name": "image"},
        {"SPDXID": "SPDXRef-1", "name": "flask", "versionInfo": "3",
         "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:pypi/flask@3"}]},
        {"SPDXID": "SPDXRef-2", "name": "sudo", "versionInfo": "1"},
        {"SPDXID": "SPDXRef-3", "name": "debian", "primaryPackagePurpose": "OPERATING-SYSTEM"},
        {"SPDXID": "SPDXRef-4", "name": "inner", "versionInfo": "2", "primaryPackagePurpose": "LIBRARY"},
    ]});
    for document in [cyclonedx, spdx] {
        let listing = Listing::parse(document.to_string().as_bytes()).unwrap();
        assert_eq!(
            listing.packages().cloned().collect::<Vec<_>>(),
            [package("inner", "2"), package("sudo", "1")]
        );
    }
}

#[test]
fn what_is_none_is_refused_each_with_its_reason() {
    let parse = |text: &str| Listing::parse(text.as_bytes()).unwrap_err();
    assert!(matches!(parse("{"), ListingError::Json(_)));
    assert!(matches!(
        parse(r#"{"bomFormat": "CycloneDX", "bomFormat": "CycloneDX"}"#),
        ListingError::Json(_)
    ));
    assert_eq!(parse("{}"), ListingError::Format);
    assert_eq!(parse(r#"{"bomFormat": "CycloneDX", "specVersion": "2.0"}"#), ListingError::Format);
    assert_eq!(parse(r#"{"spdxVersion": "SPDX-3.0"}"#), ListingError::Format);
    let shape = |text: &str| match parse(text) {
        ListingError::Shape { path, .. } => path,
        other => panic!("{other}"),
    };
    assert_eq!(shape(r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": 1}"#), "components");
    assert_eq!(
        shape(r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{}]}"#),
        "components[].name"
    );
    assert_eq!(shape(r#"{"spdxVersion": "SPDX-2.2", "packages": [{}]}"#), "packages[].name");
}
