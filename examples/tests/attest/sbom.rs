//! `attest sbom` as an operator runs it, from the image to the verified chain.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::ran::{Ran, attest, pack, says};

const STATUS: &str = "Package: hello\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.10-3\n";

#[track_caller]
fn succeed(directory: &Path, line: &str) -> String {
    attest(directory, line).expect(0).stdout
}

/// A tree of one package and a file that is nobody's; the same as an image.
fn build() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("root/var/lib/dpkg/status", STATUS);
    write("root/var/lib/dpkg/info/hello.list", "/.\n/usr\n/usr/bin\n/usr/bin/hello\n");
    write("root/usr/lib/os-release", "ID=debian\nVERSION_ID=12\n");
    write("root/usr/bin/hello", "#!/bin/sh\n");
    write("recipe.json", r#"{"name": "press", "baseImage": "debian-bookworm"}"#);
    write("build.log", "done\n");
    pack(&directory.path().join("root"), &directory.path().join("image"));
    directory
}

#[test]
fn the_inventory_has_the_root_hash_that_is_signed_and_its_link_is_proved() {
    let directory = build();
    let path = directory.path();
    let told = succeed(path, "sbom create image --time 1772366400 -o sbom.cdx.json --json");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&told["packages"], &told["files"], &told["owned"], &told["unowned"]),
        (&1.into(), &4.into(), &1.into(), &3.into())
    );
    let document: Value = serde_json::from_slice(&fs::read(path.join("sbom.cdx.json")).unwrap()).unwrap();
    assert_eq!(document["metadata"]["timestamp"], "2026-03-01T12:00:00Z");
    let purl = "pkg:deb/debian/hello@2.10-3?arch=amd64&distro=debian-12";
    assert_eq!(document["components"][1]["purl"], purl);

    succeed(path, "key generate --kind build-platform-signing --out platform.key");
    let signed = succeed(
        path,
        "document sign --image image --recipe recipe.json --build-log build.log --sbom sbom.cdx.json \
         --key platform.key -o verification.json --json",
    );
    let signed: Value = serde_json::from_str(&signed).unwrap();
    let properties = document["metadata"]["component"]["properties"].as_array().unwrap();
    let root_hash = properties.iter().find(|it| it["name"] == "openfactory:verity:root-hash").unwrap();
    assert_eq!(root_hash["value"], signed["root_hash"]);

    let verify = "document verify verification.json --trust platform.key.pub --sbom sbom.cdx.json --json";
    let links = |ran: Ran| -> Vec<Value> {
        let report = ran.json();
        report["links"].as_array().unwrap().clone()
    };
    let status = |ran: Ran| {
        let links = links(ran);
        links.iter().find(|link| link["link"] == "sbom sbom.cdx.json").unwrap()["status"].clone()
    };
    assert_eq!(status(attest(path, verify)), "proved");
    fs::write(path.join("sbom.cdx.json"), "{}").unwrap();
    assert_eq!(status(attest(path, verify)), "broken");
}

#[test]
fn equal_input_gives_equal_bytes() {
    let directory = build();
    let path = directory.path();
    for (what, format) in [("image", "cyclonedx"), ("root", "cyclonedx"), ("image", "spdx"), ("root", "spdx")]
    {
        let line = format!("sbom create {what} --format {format} --time 1772366400");
        assert_eq!(succeed(path, &line), succeed(path, &line));
    }
    let spdx: Value =
        serde_json::from_str(&succeed(path, "sbom create image --format spdx --time 1772366400")).unwrap();
    assert_eq!((&spdx["spdxVersion"], &spdx["packages"][2]["name"]), (&"SPDX-2.3".into(), &"hello".into()));
    // The image of a tree holds the packages of the tree.
    let components = |what: &str| {
        let document = succeed(path, &format!("sbom create {what} --time 0"));
        serde_json::from_str::<Value>(&document).unwrap()["components"].clone()
    };
    assert_eq!(components("image"), components("root"));
}

#[test]
fn files_are_held_against_what_their_packages_recorded() {
    let directory = build();
    let path = directory.path();
    let root = path.join("root");
    let status =
        format!("{STATUS}Conffiles:\n /etc/hello 00000000000000000000000000000000\n /etc/new newconffile\n");
    fs::write(root.join("var/lib/dpkg/status"), status).unwrap();
    fs::create_dir(root.join("etc")).unwrap();
    fs::write(root.join("etc/hello"), "configured\n").unwrap();
    fs::write(root.join("var/lib/dpkg/info/hello.list"), "/.\n/usr/bin/hello\n/etc/hello\n/gone\n").unwrap();
    let sums = |digest: &str| {
        fs::write(root.join("var/lib/dpkg/info/hello.md5sums"), format!("{digest}  usr/bin/hello\n"))
            .unwrap();
    };
    // `printf '#!/bin/sh\n' | md5sum`
    sums("3e2b31c72181b87149ff995e7202c0e3");
    let told = succeed(path, "sbom coverage root");
    assert!(told.contains("    as it was:   1\n    modified:    0\n    configured:  1\n"), "{told}");
    assert!(told.ends_with("configured ./etc/hello (hello)\n"), "{told}");
    let told = succeed(path, "sbom coverage root --unowned");
    assert!(told.ends_with("unowned    ./var/lib/dpkg/status\n"), "{told}");

    sums("00000000000000000000000000000000");
    pack(&root, &path.join("changed"));
    for what in ["root", "changed"] {
        let told = attest(path, &format!("sbom coverage {what}")).expect(1).stdout;
        assert!(told.contains("\nmodified   ./usr/bin/hello (hello)\n"), "{told}");
        let told = attest(path, &format!("sbom coverage {what} --json")).json();
        assert_eq!(
            told["modified_files"],
            serde_json::json!([
                {"path": "./etc/hello", "package": "hello", "configuration": true},
                {"path": "./usr/bin/hello", "package": "hello", "configuration": false}
            ])
        );
        assert_eq!((&told["owned"], &told["unowned"], &told["missing"]), (&2.into(), &4.into(), &1.into()));
        assert_eq!(
            (&told["owned_percent"], &told["unowned_files"][0]),
            (&"33.3".into(), &"./usr/lib/os-release".into())
        );
    }
    // An inventory is written all the same; it says what was changed.
    let document = succeed(path, "sbom create changed --time 0");
    assert!(document.contains("\"openfactory:modified-file\""), "{document}");
    assert!(document.contains("\"openfactory:modified-configuration\""), "{document}");
    let told = succeed(path, "sbom create changed --time 0 -o sbom.json");
    assert!(told.contains("    modified:    1\n"), "{told}");
    attest(path, "sbom coverage nowhere").expect(2);
}

#[test]
fn an_image_and_zone_2_are_put_into_one_document() {
    let directory = build();
    let path = directory.path();
    fs::create_dir_all(path.join("zone2/etc")).unwrap();
    fs::write(path.join("zone2/etc/hostname"), "press-1\n").unwrap();
    succeed(path, "manifest create zone2 -o zone2.json");
    let digest =
        |name: &str| openfactory_attest::Sha256Digest::of(&fs::read(path.join(name)).unwrap()).to_string();
    for format in ["cyclonedx", "spdx"] {
        succeed(path, &format!("sbom create image --format {format} --time 0 -o {format}.json"));
        let line = format!("sbom combine {format}.json zone2 --device press-1 --time 0");
        let told = succeed(path, &format!("{line} -o combined.json --json"));
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["base_sha256"], digest(&format!("{format}.json")));
        assert_eq!(told["zone2_manifest_sha256"], digest("zone2.json"));
        assert_eq!(told["sha256"], digest("combined.json"));
        let combined = fs::read_to_string(path.join("combined.json")).unwrap();
        assert_eq!(succeed(path, &line), combined);
        assert_eq!(succeed(path, &line.replace("json zone2 ", "json zone2.json ")), combined);
        for part in [digest(&format!("{format}.json")), digest("zone2.json")] {
            assert!(combined.contains(&part), "{combined}");
        }
        let told = succeed(path, &format!("{line} -o combined.json"));
        assert!(told.ends_with(&format!("SBOM sha256:     {}\n", digest("combined.json"))), "{told}");
    }
    for line in
        ["sbom combine recipe.json zone2", "sbom combine spdx.json recipe.json", "sbom combine x zone2"]
    {
        assert_eq!(attest(path, line).status, 2, "{line}");
    }
}

#[test]
fn what_has_no_packages_is_told_as_such() {
    let directory = build();
    let path = directory.path();
    fs::remove_dir_all(path.join("root/var")).unwrap();
    for (line, reason) in [
        ("sbom create root", "no package database"),
        ("sbom create recipe.json", "no squashfs image"),
        ("sbom create nowhere", "cannot read nowhere"),
        ("sbom create image --format swid", "invalid value 'swid'"),
    ] {
        let ran = attest(path, &format!("{line} -o out"));
        assert_eq!(ran.status, 2, "{line}");
        let told = ran.stderr;
        assert!(told.contains(reason), "{line}: {told}");
        assert!(!path.join("out").exists());
    }
}

#[test]
fn a_document_is_signed_inside_itself_and_checked() {
    let directory = build();
    let path = directory.path();
    succeed(path, "sbom create root -o sbom.json");
    succeed(path, "key generate --kind build-platform-signing --out platform.pem");
    succeed(path, "key generate --kind release-signing --out other.pem");
    succeed(path, "sbom sign sbom.json --key platform.pem -o signed.json");
    let plain = fs::read_to_string(path.join("sbom.json")).unwrap();
    let signed = fs::read_to_string(path.join("signed.json")).unwrap();
    assert!(signed.starts_with(plain.trim_end().strip_suffix("\n}").unwrap()));

    let told = succeed(path, "sbom verify signed.json --trust platform.pem.pub");
    assert!(told.starts_with("signed by \"public key file\", key "), "{told}");
    let json: Value =
        serde_json::from_str(&succeed(path, "sbom verify signed.json --trust platform.pem.pub --json"))
            .unwrap();
    assert_eq!(
        (&json["signed"], &json["kind"]),
        (&Value::from(true), &Value::from("build-platform-signing"))
    );

    fs::write(path.join("changed.json"), signed.replace("2.10-3", "2.10-4")).unwrap();
    for (line, status, reason) in [
        ("sbom verify signed.json --trust other.pem.pub", 1, "which is not trusted"),
        ("sbom verify changed.json --trust platform.pem.pub", 1, "the signature does not match the document"),
        ("sbom verify sbom.json --trust platform.pem.pub", 1, "has no signature of its own"),
        ("sbom verify recipe.json --trust platform.pem.pub", 2, "not a CycloneDX document"),
        ("sbom sign signed.json --key platform.pem", 2, "signed already"),
        ("sbom sign sbom.json --key platform.pem -o sbom.json", 2, "sbom.json"),
    ] {
        let said = says(path, line, status);
        assert!(said.contains(reason), "{line}: {said}");
    }
}
