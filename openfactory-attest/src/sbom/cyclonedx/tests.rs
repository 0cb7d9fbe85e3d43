//! The document against what it has to say. That it is CycloneDX is for others to judge: `tests/it/sbom.rs`.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::Sha256Digest;
use crate::document::{FileDigest, ImageFile};

fn inventory(os_release: Option<&str>) -> Inventory {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "var/lib/dpkg/status",
        "Package: hello\nStatus: install reinstreq half-configured\nArchitecture: amd64\nVersion: 2.10-3+b1\n\
         Source: hello (2.10-3)\nMaintainer: Santiago Vila <sanvila@debian.org>\n\
         Homepage: https://www.gnu.org/software/hello/\nDescription: example package\n\n\
         Package: odd\nStatus: install ok installed\nArchitecture: all\nVersion: 1\nMaintainer: nobody\n\
         Homepage: ftp://x y\n",
    );
    if let Some(text) = os_release {
        write("usr/lib/os-release", text);
    }
    Inventory::of_directory(root.path()).unwrap()
}

fn written(inventory: &Inventory, subject: &Subject) -> Value {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_366_400);
    let json = document(inventory, subject, None, time).unwrap();
    assert_eq!(document(inventory, subject, None, time).unwrap(), json);
    serde_json::from_slice(&json).unwrap()
}

fn image(content: &[u8]) -> Subject {
    Subject::image(&ImageFile::new("image.squashfs", FileDigest::of(content)))
}

#[test]
fn a_package_with_all_that_is_known() {
    let bom = written(&inventory(Some("ID=debian\nVERSION_ID=12\nPRETTY_NAME='Debian 12'")), &image(b"abc"));
    let purl = "pkg:deb/debian/hello@2.10-3%2Bb1?arch=amd64&distro=debian-12";
    assert_eq!(
        bom["components"][1],
        json!({
            "type": "library",
            "bom-ref": purl,
            "supplier": {
                "name": "Santiago Vila",
                "contact": [{"name": "Santiago Vila", "email": "sanvila@debian.org"}]
            },
            "name": "hello",
            "version": "2.10-3+b1",
            "description": "example package",
            "purl": purl,
            "externalReferences": [{"url": "https://www.gnu.org/software/hello/", "type": "website"}],
            "properties": [
                {"name": "openfactory:deb:architecture", "value": "amd64"},
                {"name": "openfactory:deb:source-version", "value": "2.10-3"},
                {"name": "openfactory:deb:state", "value": "half-configured"}
            ]
        })
    );
    assert_eq!(bom["components"][0]["description"], "Debian 12");
    assert_eq!(bom["metadata"]["timestamp"], "2026-03-01T12:00:00Z");
    assert_eq!(bom["metadata"]["component"]["hashes"][0]["content"], Sha256Digest::of(b"abc").to_string());
    assert_eq!(bom["compositions"][0]["aggregate"], "unknown");
}

#[test]
fn what_is_not_known_is_left_out() {
    let bom = written(&inventory(None), &Subject::tree("root", Sha256Digest::of(b"manifest")));
    let odd = &bom["components"][1];
    assert_eq!(odd["bom-ref"], "deb:odd:all@1");
    assert_eq!(odd["supplier"], json!({"name": "nobody"}));
    for member in ["purl", "externalReferences", "licenses", "description"] {
        assert_eq!(odd.get(member), None, "{member}");
    }
    assert_eq!(bom["metadata"]["component"].get("hashes"), None);
}

#[test]
fn the_serial_number_is_the_subjects() {
    let inventory = inventory(None);
    let serial =
        |subject: &Subject| written(&inventory, subject)["serialNumber"].as_str().unwrap().to_owned();
    let of_image = serial(&image(b"abc"));
    assert_eq!(of_image, serial(&image(b"abc")));
    assert_ne!(of_image, serial(&image(b"abd")));
    assert_ne!(of_image, serial(&Subject::tree("image.squashfs", Sha256Digest::of(b"abc"))));
    // urn:uuid:xxxxxxxx-xxxx-8xxx-...
    assert_eq!(of_image.as_bytes()[9 + 14], b'8', "{of_image}");
}

#[test]
fn a_year_of_five_digits_is_refused() {
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 38);
    let written = document(&inventory(None), &image(b""), None, far);
    assert!(matches!(written, Err(CycloneDxError::Time)));
}
