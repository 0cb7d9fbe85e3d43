//! `attest recipe`, `intent`, `key`, `document` and `audit` as an operator and an auditor run them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::ran::{attest, pack};

const RECIPE: &str =
    r#"{"name": "press", "baseImage": "debian-trixie", "features": ["ssh"], "future": {"x": 1.50}}"#;

/// A directory with everything that a build leaves, and the platform's key.
fn build() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let root = path.join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/motd"), "hello\n").unwrap();
    pack(&root, &path.join("image"));
    fs::write(path.join("recipe.json"), RECIPE).unwrap();
    fs::write(path.join("request.txt"), "a press controller with ssh").unwrap();
    fs::write(path.join("build.log"), "done\n").unwrap();
    fs::write(path.join("report.json"), r#"{"version":1,"cases":[]}"#).unwrap();
    fs::write(path.join("sbom.json"), "{}").unwrap();
    attest(path, "key generate --kind build-platform-signing --out platform.key").expect(0);
    attest(
        path,
        "intent sign --recipe recipe.json --request request.txt --requester qa@example.com --base-version 13.1 \
         --key platform.key -o intent.json",
    )
    .expect(0);
    directory
}

const SIGN: &str = "document sign --image image --recipe recipe.json --build-log build.log --test-report report.json \
                    --sbom sbom.json --intent intent.json --key platform.key -o verification.json";
const VERIFY: &str = "document verify verification.json --trust platform.key.pub --image image --recipe recipe.json \
                      --intent intent.json --build-log build.log --test-report report.json --sbom sbom.json";

#[test]
fn the_recipe_hash_is_that_of_the_canonical_form() {
    let directory = build();
    let hash = attest(directory.path(), "recipe hash recipe.json").expect(0).stdout;
    let canonical = r#"{"baseImage":"debian-trixie","features":["ssh"],"future":{"x":1.5},"name":"press"}"#;
    fs::write(directory.path().join("canonical.json"), canonical).unwrap();
    assert_eq!(attest(directory.path(), "recipe hash canonical.json").stdout, hash);
    let expected = openfactory_attest::Sha256Digest::of(canonical.as_bytes());
    assert_eq!(hash, format!("{expected}\n"));

    for (text, told) in [
        ("{\"name\": 1, \"baseImage\": \"x\"}", "name"),
        ("{\"name\": \"x\"}", "baseImage"),
        ("{\"name\": \"x\", \"name\": \"y\", \"baseImage\": \"z\"}", "twice"),
        ("{", "JSON"),
    ] {
        fs::write(directory.path().join("bad.json"), text).unwrap();
        let ran = attest(directory.path(), "recipe hash bad.json").expect(2);
        assert!(ran.stdout.is_empty() && ran.stderr.contains(told), "{}", ran.stderr);
    }
}

#[test]
fn keys_are_private_and_never_overwritten() {
    let directory = build();
    let path = directory.path();
    let key = fs::read(path.join("platform.key")).unwrap();
    assert_eq!(fs::metadata(path.join("platform.key")).unwrap().permissions().mode() & 0o777, 0o600);
    let again = attest(path, "key generate --kind build-platform-signing --out platform.key").expect(2);
    assert!(again.stderr.contains("overwritten"), "{}", again.stderr);
    assert_eq!(fs::read(path.join("platform.key")).unwrap(), key);

    fs::write(path.join("other.key.pub"), "mine").unwrap();
    attest(path, "key generate --kind integration --out other.key").expect(2);
    assert!(!path.join("other.key").exists());
    assert!(attest(path, "key generate --kind fernet --out f").expect(2).stderr.contains("signs nothing"));
    assert!(attest(path, "key generate --kind nonsense --out f").expect(2).stderr.contains("root-signing"));
    attest(path, "key generate --kind integration --out nowhere/f").expect(2);

    let log =
        attest(path, "key generate --kind audit-log --out log.key --name example.com/log --json").expect(0);
    let told = log.json();
    assert!(told["verifier_key"].as_str().unwrap().starts_with("example.com/log+"));
    assert_eq!(told["trust"]["keys"][0]["kind"], "audit-log");
    // Nothing but what was asked for is left behind.
    let hidden = fs::read_dir(path).unwrap().filter_map(Result::ok);
    assert_eq!(hidden.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).count(), 0);
}

#[test]
fn a_signed_document_verifies_link_by_link() {
    let directory = build();
    let path = directory.path();
    let signed = attest(path, &format!("{SIGN} --build-id build-7 --json")).expect(0).json();
    let verified = attest(path, &format!("{VERIFY} --json")).expect(0).json();
    assert_eq!((&verified["verdict"], &verified["build_id"]), (&"proved".into(), &"build-7".into()));
    assert_eq!(verified["links"].as_array().unwrap().len(), 9);

    // The hash device made from the document's parameters has the same root hash.
    let (salt, uuid) = (signed["salt"].as_str().unwrap(), signed["uuid"].as_str().unwrap());
    let formatted = attest(path, &format!("verity format image hash --salt {salt} --uuid {uuid}")).expect(0);
    assert!(formatted.stdout.contains(signed["root_hash"].as_str().unwrap()), "{}", formatted.stdout);
    attest(path, &format!("{SIGN} --hash-file hash")).expect(0);
    fs::write(path.join("hash"), "").unwrap();
    attest(path, &format!("{SIGN} --hash-file hash")).expect(2);
    // And the manifest is that of `attest manifest`.
    attest(path, "manifest create image -o manifest.json").expect(0);
    let manifest = openfactory_attest::Sha256Digest::of(&fs::read(path.join("manifest.json")).unwrap());
    assert_eq!(signed["manifest_sha256"], manifest.to_string());

    let alone = attest(path, "document verify verification.json --trust platform.key.pub").expect(0);
    let last = "Chain: incomplete; not checked: recipe, intent, build-log, image, verity-root, manifest, test-report, \
                sbom sbom.json";
    assert_eq!(alone.stdout.lines().last(), Some(last));
}

#[test]
fn what_says_nothing_or_fits_no_bundle_is_not_signed() {
    let directory = build();
    let path = directory.path();
    for fact in ["--signer=", "--meaning=", "--builder=", "--build-id="] {
        let ran = attest(path, &format!("{SIGN} {fact}")).expect(2);
        assert!(ran.stderr.contains("has to say something"), "{}", ran.stderr);
    }
    fs::create_dir(path.join("x")).unwrap();
    for name in ["sbom.json", "image", "trust.json", "intent.entry", "SHA256SUMS", ".hid"] {
        fs::write(path.join("x").join(name), "{}").unwrap();
        let ran = attest(path, &format!("{SIGN} --sbom x/{name}")).expect(2);
        assert!(ran.stderr.contains("can't be the name of a file in a bundle"), "{}", ran.stderr);
    }
    fs::write(path.join("empty.txt"), " \n").unwrap();
    let intent = "intent sign --recipe recipe.json --requester qa@example.com --key platform.key -o no.json";
    let ran = attest(path, &format!("{intent} --request empty.txt --base-version 13.1")).expect(2);
    assert!(ran.stderr.contains("asks for nothing"), "{}", ran.stderr);
    attest(path, &format!("{intent} --request request.txt --base-version=")).expect(2);
    assert!(!path.join("no.json").exists() && !path.join("verification.json").exists());
}

#[test]
fn each_changed_artifact_breaks_its_link() {
    let directory = build();
    let path = directory.path();
    attest(path, SIGN).expect(0);
    for (file, link) in [
        ("image", "image"),
        ("recipe.json", "recipe"),
        ("build.log", "build-log"),
        ("report.json", "test-report"),
        ("sbom.json", "sbom sbom.json"),
    ] {
        let good = fs::read(path.join(file)).unwrap();
        let mut bad = good.clone();
        match file {
            "recipe.json" => bad = RECIPE.replace("ssh", "ftp").into_bytes(),
            _ => bad[0] ^= 1,
        }
        fs::write(path.join(file), bad).unwrap();
        let ran = attest(path, VERIFY).expect(1);
        let line = ran.stdout.lines().find(|line| line.starts_with(link)).unwrap();
        assert!(line.contains("broken"), "{}", ran.stdout);
        fs::write(path.join(file), good).unwrap();
    }
    attest(path, VERIFY).expect(0);

    // Another key, a document that was changed, one that is none, files that are not there.
    attest(path, "key generate --kind build-platform-signing --out other.key").expect(0);
    attest(path, &VERIFY.replace("platform.key.pub", "other.key.pub")).expect(1);
    let document = fs::read_to_string(path.join("verification.json")).unwrap();
    let at = document.find("payload\":\"").unwrap() + 40;
    let mut changed = document.clone().into_bytes();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    fs::write(path.join("verification.json"), changed).unwrap();
    attest(path, VERIFY).expect(1);
    // What can't be read as a document can't be checked.
    for none in [&document[..document.len() / 2], "", "{}"] {
        fs::write(path.join("verification.json"), none).unwrap();
        let ran = attest(path, VERIFY).expect(2);
        assert!(ran.stdout.is_empty() && ran.stderr.contains("is no envelope"), "{}", ran.stderr);
    }
    fs::remove_file(path.join("verification.json")).unwrap();
    attest(path, VERIFY).expect(2);
}

#[test]
fn what_cannot_be_signed_leaves_nothing_behind() {
    let directory = build();
    let path = directory.path();
    for (from, to) in [
        ("--image image", "--image nowhere"),
        ("--image image", "--image recipe.json"),
        ("--recipe recipe.json", "--recipe build.log"),
        ("--key platform.key", "--key platform.key.pub"),
        ("--intent intent.json", "--intent recipe.json"),
        ("--sbom sbom.json", "--sbom nowhere"),
    ] {
        let ran = attest(path, &SIGN.replace(from, to)).expect(2);
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
        assert!(!path.join("verification.json").exists(), "{to}");
    }
    // An intent for another recipe.
    fs::write(path.join("recipe.json"), RECIPE.replace("ssh", "ftp")).unwrap();
    attest(path, SIGN).expect(2);
}

#[test]
fn a_document_is_recorded_in_a_log_with_a_key_of_its_own() {
    let directory = build();
    let path = directory.path();
    attest(path, "key generate --kind audit-log --out log.key --name example.com/log").expect(0);
    let with_log = |key: &str| format!("{SIGN} --audit log --log-key {key} --log-origin example.com/log");
    let own = attest(path, &with_log("platform.key")).expect(2);
    assert!(own.stderr.contains("signing key"), "{}", own.stderr);
    assert!(!path.join("verification.json").exists() && !path.join("log").exists());

    attest(path, &with_log("log.key")).expect(0);
    let good = attest(path, "audit verify log --key log.key.pub --json").expect(0).json();
    // That it was signed, and for the signing ledger what the key signed.
    assert_eq!((&good["good"], &good["size"]), (&true.into(), &2.into()));
    fs::copy(path.join("log/checkpoint"), path.join("older")).unwrap();
    attest(path, &with_log("log.key")).expect(0);
    let verified = attest(path, "audit verify log --key log.key.pub --since older").expect(0);
    assert!(verified.stdout.contains("Entries verified: 4"), "{}", verified.stdout);

    attest(path, "audit prove log 1 -o proof").expect(0);
    assert!(fs::read_to_string(path.join("proof")).unwrap().starts_with("c2sp.org/tlog-proof@v1\nindex 1\n"));
    attest(path, "audit prove log 4").expect(2);

    // Another key, another log, a changed entry.
    let other = attest(path, "audit verify log --key platform.key.pub").expect(2);
    assert!(other.stderr.contains("nothing in log is signed by this key"), "{}", other.stderr);
    // Where an older checkpoint is signed by it, the log should be too.
    fs::rename(path.join("log/checkpoint"), path.join("newer")).unwrap();
    attest(path, "key generate --kind audit-log --out log2.key --name example.com/log").expect(0);
    attest(path, &with_log("log2.key").replace("--audit log ", "--audit log2 ")).expect(0);
    fs::copy(path.join("log2/checkpoint"), path.join("log/checkpoint")).unwrap();
    attest(path, "audit verify log --key log.key.pub").expect(2);
    let replaced = attest(path, "audit verify log --key log.key.pub --since older").expect(1);
    assert!(replaced.stdout.contains("BAD: the log's checkpoint is not believed"), "{}", replaced.stdout);
    fs::rename(path.join("newer"), path.join("log/checkpoint")).unwrap();

    attest(path, "audit verify log --key nonsense").expect(2);
    attest(path, "audit verify log --key log.key").expect(2);
    attest(path, "audit verify log --key recipe.json").expect(2);
    attest(path, "audit verify log --key nowhere.pub").expect(2);
    attest(path, "audit verify nowhere --key log.key.pub").expect(2);
    let journal = fs::read_to_string(path.join("log/journal")).unwrap();
    fs::write(path.join("log/journal"), journal.replacen("document.signed\"", "document.resigned\"", 1))
        .unwrap();
    let bad = attest(path, "audit verify log --key log.key.pub").expect(1);
    assert!(bad.stdout.contains("BAD: entry 0"), "{}", bad.stdout);
    attest(path, "audit prove log 1").expect(1);
}

#[test]
fn slsa_provenance_is_signed_beside_the_document_and_logged() {
    let directory = build();
    let path = directory.path();
    attest(path, "key generate --kind audit-log --out log.key --name example.com/log").expect(0);
    let sign = format!("{SIGN} --build-id build-7 --provenance slsa.json --audit log --log-key log.key");
    attest(path, &sign).expect(0);
    let read = |name: &str| openfactory_attest::Envelope::parse(&fs::read(path.join(name)).unwrap()).unwrap();
    let payload: Value = serde_json::from_slice(read("slsa.json").payload_unverified()).unwrap();
    assert_eq!(payload["predicateType"], "https://slsa.dev/provenance/v1");
    assert_eq!(payload["predicate"]["runDetails"]["metadata"]["invocationId"], "build-7");
    let trust = fs::read(path.join("platform.key.pub")).unwrap();
    let trust = openfactory_attest::TrustStore::parse(&trust).unwrap();
    let document =
        openfactory_attest::document::VerificationDocument::open(&read("verification.json"), &trust);
    let document = document.unwrap().into_inner();
    openfactory_attest::provenance::Provenance::open(&read("slsa.json"), &trust, &document).unwrap();
    // Each use of the key is in the ledger.
    let journal = fs::read_to_string(path.join("log/journal")).unwrap();
    assert!(journal.contains(&read("slsa.json").payload_digest().to_string()));
    // It is not written over what it is made of.
    attest(path, &sign.replace("slsa.json", "recipe.json")).expect(2);
}

#[test]
fn links_that_are_required_must_have_been_checked() {
    let directory = build();
    let path = directory.path();
    attest(path, SIGN).expect(0);
    attest(path, &format!("{VERIFY} --require all")).expect(0);
    attest(path, &format!("{VERIFY} --require image,sbom --require intent")).expect(0);

    let some = "document verify verification.json --trust platform.key.pub --recipe recipe.json";
    attest(path, &format!("{some} --require signature,recipe")).expect(0);
    let ran = attest(path, &format!("{some} --require recipe,image,sbom --json")).expect(2);
    assert!(ran.stderr.contains("not checked, but required: image, sbom sbom.json"), "{}", ran.stderr);
    let told = ran.json();
    assert_eq!(told["verdict"], "incomplete");
    assert_eq!(told["required_but_not_checked"], serde_json::json!(["image", "sbom sbom.json"]));
    assert_eq!(told["not_checked"].as_array().unwrap().len(), 7);
    attest(path, &format!("{some} --require all")).expect(2);
    assert!(attest(path, &format!("{some} --require imgae")).expect(2).stderr.contains("verity-root"));

    // What the document does not have is not checked either; what is broken is bad, whatever was required.
    attest(path, &SIGN.replace(" --test-report report.json", "")).expect(0);
    let without = VERIFY.replace(" --test-report report.json", "");
    attest(path, &format!("{without} --require all")).expect(0);
    let ran = attest(path, &format!("{without} --require test-report")).expect(2);
    assert!(ran.stderr.contains("required: test-report"), "{}", ran.stderr);
    fs::write(path.join("build.log"), "something else\n").unwrap();
    attest(path, &format!("{without} --require test-report")).expect(1);
}

const KEY_ID: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn nothing_that_is_read_is_written_over() {
    let directory = build();
    let path = directory.path();
    fs::hard_link(path.join("platform.key"), path.join("hard")).unwrap();
    std::os::unix::fs::symlink("recipe.json", path.join("soft")).unwrap();
    std::os::unix::fs::symlink("root", path.join("tree")).unwrap();
    attest(path, "key generate --kind audit-log --out log.key --name example.com/log").expect(0);
    let log = "--audit log --log-key log.key --log-origin example.com/log";
    attest(path, &format!("{SIGN} {log}")).expect(0);
    attest(path, "verity format image hash").expect(0);
    attest(path, "key generate --kind root-signing --out root.key").expect(0);
    attest(path, "trust init trust.json --root root.key.pub").expect(0);
    let read = |name: &str| fs::read(path.join(name)).unwrap();
    let intent = "intent sign --recipe recipe.json --request request.txt --requester qa@example.com \
                  --base-version 13.1 --key platform.key";
    let sign = |output: &str| SIGN.replace("-o verification.json", &format!("{log} -o {output}"));
    let revoke = |output: &str| {
        format!(
            "trust revoke trust.json --key-id {KEY_ID} --reason superseded --root-key root.key -o {output}"
        )
    };
    for (line, target) in [
        (format!("{intent} -o platform.key"), "platform.key"),
        (format!("{intent} -o hard"), "platform.key"),
        (format!("{intent} -o soft"), "recipe.json"),
        (format!("{intent} -o ./root/../request.txt"), "request.txt"),
        (sign("image"), "image"),
        (sign("build.log"), "build.log"),
        (sign("report.json"), "report.json"),
        (sign("sbom.json"), "sbom.json"),
        (sign("intent.json"), "intent.json"),
        (sign("hard"), "platform.key"),
        (sign("log.key"), "log.key"),
        (sign("log/journal"), "log/journal"),
        (format!("{} --hash-file hash", sign("hash")), "hash"),
        ("manifest create image -o image".to_owned(), "image"),
        ("manifest create root -o tree/etc/motd".to_owned(), "root/etc/motd"),
        ("sbom create image -o image".to_owned(), "image"),
        ("sbom create image --hash-file hash -o hash".to_owned(), "hash"),
        ("audit prove log 0 -o log/checkpoint".to_owned(), "log/checkpoint"),
        ("verity format image image".to_owned(), "image"),
        (revoke("root.key"), "root.key"),
        (revoke("trust.json"), "trust.json"),
    ] {
        let before = read(target);
        let ran = attest(path, &line).expect(2);
        assert!(ran.stderr.contains("which is read"), "{line}: {}", ran.stderr);
        assert_eq!(read(target), before, "{line}");
    }
    // What is only like an input is written, and what was written before is written anew.
    for _again in 0..2 {
        attest(path, &format!("{intent} -o platform.key.json")).expect(0);
        attest(path, "manifest create root -o root/etc/new").expect(0);
        fs::remove_file(path.join("root/etc/new")).unwrap();
    }
}

#[test]
fn a_private_key_that_is_open_to_others_is_refused() {
    let directory = build();
    let path = directory.path();
    attest(path, "key generate --kind audit-log --out log.key --name example.com/log").expect(0);
    for (key, line) in [
        ("platform.key", SIGN.to_owned()),
        ("log.key", format!("{SIGN} --audit log --log-key log.key --log-origin example.com/log")),
    ] {
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(path.join(key), fs::Permissions::from_mode(mode)).unwrap();
            let ran = attest(path, &line).expect(2);
            let told = format!("{key} is open to others on this machine: chmod 600 it first");
            assert!(ran.stderr.contains(&told), "{}", ran.stderr);
            assert!(!path.join("verification.json").exists());
        }
        fs::set_permissions(path.join(key), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_requester_is_an_address() {
    let directory = build();
    let line = "intent sign --recipe recipe.json --request request.txt --requester WHO --base-version 13.1 \
                --key platform.key -o other.json";
    for who in ["qa", "qa@", "<qa@example.com>"] {
        let ran = attest(directory.path(), &line.replace("WHO", who)).expect(2);
        assert!(ran.stderr.contains("no e-mail address"), "{}", ran.stderr);
    }
    attest(directory.path(), &line.replace("WHO", "qa+press@plant-7.example")).expect(0);
}

#[test]
fn what_a_killed_run_left_is_swept_by_the_next() {
    let directory = build();
    let path = directory.path();
    fs::write(path.join(".verification.json.4711.part"), "half").unwrap();
    fs::write(path.join(".hash.4711.part"), "half").unwrap();
    attest(path, SIGN).expect(0);
    attest(path, "verity format image hash").expect(0);
    let left = fs::read_dir(path).unwrap().filter_map(Result::ok);
    assert_eq!(left.filter(|entry| entry.file_name().to_string_lossy().ends_with(".part")).count(), 0);
}
