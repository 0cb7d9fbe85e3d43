//! `attest trust`, `attest compromise` and `attest document verify --at-log`: a stolen key, as an operator meets it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use openfactory_attest::key::Passphrase;
use serde_json::json;

use crate::ran::{attest, attest_with, pack};

/// The keys of a small house and a trust store that knows them; the id of the platform's key.
fn house(path: &Path) -> String {
    let mut platform = String::new();
    for (kind, file, name) in [
        ("root-signing", "root.key", "root"),
        ("root-signing", "root2.key", "root2"),
        ("build-platform-signing", "platform.key", "platform"),
        ("audit-log", "log.key", "example.com/log"),
    ] {
        let told = attest(path, &format!("key generate --kind {kind} --out {file} --name {name} --json"));
        if file == "platform.key" {
            platform = told.expect(0).json()["key_id"].as_str().unwrap().to_owned();
        }
    }
    attest(path, "trust init trust.json --root root.key.pub").expect(0);
    attest(path, "trust init trust.json --root root2.key.pub").expect(2);
    for (kind, file, name) in [
        ("root-signing", "root2.key.pub", "root2"),
        ("build-platform-signing", "platform.key.pub", "platform"),
        ("audit-log", "log.key.pub", "example.com/log"),
    ] {
        attest(path, &format!("trust add trust.json --kind {kind} --key {file} --name {name}")).expect(0);
    }
    platform
}

/// Signs the document of a build, and its intent, and records both in the log. The document's digest.
fn build(path: &Path, name: &str, audit: &str) -> String {
    let root = path.join("root");
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("motd"), name).unwrap();
    pack(&root, &path.join(format!("{name}.squashfs")));
    fs::write(path.join("recipe.json"), r#"{"name": "press", "baseImage": "debian-trixie"}"#).unwrap();
    fs::write(path.join("request"), "a press").unwrap();
    fs::write(path.join("build.log"), "built\n").unwrap();
    let intent = format!(
        "intent sign --recipe recipe.json --request request --requester qa@example.com --base-version 13 \
         --key platform.key -o {name}.intent {audit}"
    );
    attest(path, &intent).expect(0);
    let sign = format!(
        "document sign --image {name}.squashfs --recipe recipe.json --build-log build.log --intent {name}.intent \
         --build-id {name} --key platform.key -o {name}.json --json {audit}"
    );
    attest(path, &sign).expect(0).json()["document_digest"].as_str().unwrap().to_owned()
}

const AUDIT: &str = "--audit log --log-key log.key --log-origin example.com/log";

#[test]
fn a_stolen_key_from_revocation_to_blast_radius() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let platform = house(path);
    // Entries 0 to 3: of the intent and of the document, that it was signed and by which key. Then 4 to 7, in the window.
    let before = build(path, "day", AUDIT);
    let inside = build(path, "night", AUDIT);
    let backdated = build(path, "backdated", "");
    let verify = |name: &str, more: &str| {
        let line =
            format!("document verify {name}.json --intent {name}.intent --trust trust.json --json {more}");
        attest(path, &line)
    };
    for name in ["day", "night", "backdated"] {
        verify(name, "").expect(0);
    }

    let revoke = format!(
        "trust revoke trust.json --key-id {platform} --reason key-compromise --incident INC0010001 \
         --log example.com/log --from 4 --root-key root.key -o list.json"
    );
    attest(path, &revoke).expect(0);
    for name in ["day", "night", "backdated"] {
        let refused = verify(name, "").expect(1);
        assert!(refused.stdout.contains("INC0010001"), "{}", refused.stdout);
    }
    let good = verify("day", "--at-log log").expect(0).json();
    assert_eq!(good["links"][0]["status"], "accepted-by-log");
    assert_eq!(
        (&good["links"][0]["index"], &good["links"][0]["log"]),
        (&json!(3), &json!("example.com/log"))
    );
    assert_eq!(good["links"][2]["index"], 1);
    verify("night", "--at-log log").expect(1);
    verify("backdated", "--at-log log").expect(1);
    // No log, another key than the log's: could not check; a log that was changed: bad.
    verify("day", "--at-log nowhere").expect(2);
    attest(path, "document verify day.json --trust platform.key.pub --at-log log").expect(2);
    verify("day", "--at-log log --log-vkey platform.key.pub").expect(1);

    let fleet = json!({"version": 1, "devices": [
        {"device": "press", "build": "day", "document": before, "signed_by": platform},
        {"device": "mill", "build": "night", "document": inside, "signed_by": platform},
        {"device": "saw", "build": "backdated", "document": backdated, "signed_by": platform},
        {"device": "lathe"},
    ]});
    fs::write(path.join("fleet.json"), fleet.to_string()).unwrap();
    let assess =
        format!("compromise assess --audit log --key-id {platform} --from 4 --to 8 --fleet fleet.json");
    let text = attest(path, &assess).expect(0).stdout;
    assert!(text.contains("Log signature: not checked"), "{text}");
    assert!(text.contains("Artifacts: 2 inside the window, 0 after, 1 in no log, 2 before"), "{text}");
    let radius = attest(path, &format!("{assess} --log-vkey log.key.pub --json")).expect(0).json();
    let devices = |side: &str| -> Vec<String> {
        let all = radius[side].as_array().unwrap().iter();
        all.map(|device| device["device"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (devices("affected"), devices("outside")),
        (vec!["mill".into(), "saw".into(), "lathe".into()], vec!["press".into()])
    );
    assert_eq!(radius["builds"], json!(["backdated", "night"]));
    assert_eq!((&radius["log_signature_checked"], &radius["log_covered"]), (&json!(true), &json!(8)));
    attest(path, &format!("{assess} --log-vkey platform.key.pub")).expect(1);
    attest(path, &assess.replace("--to 8", "--to 4")).expect(2);
    let beyond = attest(path, &assess.replace("--from 4 --to 8", "--from 100")).expect(2);
    assert!(beyond.stderr.contains("beyond the log"), "{}", beyond.stderr);
    let stranger = assess.replace(&platform, &"00".repeat(32));
    let unknown = attest(path, &stranger).expect(2);
    assert!(unknown.stderr.contains("can't be told"), "{}", unknown.stderr);
    let alone = attest(path, &assess.replace(" --fleet fleet.json", "")).expect(0).stdout;
    assert!(alone.contains("Builds and devices: not assessed"), "{alone}");
    fs::write(path.join("fleet.json"), r#"{"version": 1, "version": 1, "devices": []}"#).unwrap();
    attest(path, &assess).expect(2);

    let journal = fs::read_to_string(path.join("log/journal")).unwrap();
    fs::write(path.join("log/journal"), journal.replacen("key.signed\"", "key.signet\"", 1)).unwrap();
    verify("day", "--at-log log").expect(1);
    attest(path, &assess.replace(" --fleet fleet.json", "")).expect(1);
}

#[test]
fn revocation_lists_are_taken_by_others_and_only_forward() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let platform = house(path);
    fs::copy(path.join("trust.json"), path.join("device.json")).unwrap();
    let revoke = |key: &str, root: &str, list: &str| {
        attest(
            path,
            &format!(
                "trust revoke trust.json --key-id {key} --reason key-compromise --root-key {root} -o {list}"
            ),
        )
    };
    revoke(&platform, "root.key", "list1").expect(0);
    // The platform's own key revokes nobody, and a root key not itself.
    revoke(&platform, "platform.key", "x").expect(2);
    let shown = attest(path, "trust show trust.json --json").expect(0).json();
    let root = shown["keys"].as_array().unwrap().iter().find(|key| key["name"] == "root").unwrap();
    let root = root["key_id"].as_str().unwrap().to_owned();
    revoke(&root, "root.key", "x").expect(2);
    revoke(&root, "root2.key", "list2").expect(0);
    assert!(!path.join("x").exists());
    revoke("3f", "root2.key", "x").expect(2);

    attest(path, "trust take device.json list2").expect(0);
    attest(path, "trust take device.json list2").expect(0);
    let old = attest(path, "trust take device.json list1").expect(1);
    // Its signer is revoked by now.
    assert!(old.stderr.contains("revoked"), "{}", old.stderr);
    let shown = attest(path, "trust show device.json").expect(0).stdout;
    assert_eq!(shown.matches("revoked (key-compromise)").count(), 2, "{shown}");
    let one = attest(path, &format!("trust show device.json --json --key-id {platform}")).expect(0).json();
    assert_eq!(one["keys"][0]["revoked"]["reason"], "key-compromise");
    assert_eq!((&one["revocation_list"], one["keys"].as_array().unwrap().len()), (&json!(2), 1));
    // A revoked key does not come back by being added, and a secret is no key to trust.
    attest(path, "trust add device.json --kind integration --key platform.key.pub --name again").expect(2);
    attest(path, "trust add device.json --kind fernet --key log.key.pub --name x").expect(2);
    // What is no list was not checked; what others signed is refused.
    attest(path, "trust take device.json trust.json").expect(2);
    attest(path, "trust take device.json nowhere").expect(2);
}

#[test]
fn encrypted_keys_sign_with_their_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("pass"), "two words\n").unwrap();
    fs::set_permissions(path.join("pass"), fs::Permissions::from_mode(0o600)).unwrap();
    let file = [("OPENFACTORY_PASSPHRASE_FILE", "pass")];
    let generate = "key generate --kind build-platform-signing --out platform.key --encrypt";
    attest_with(path, generate, &[("OPENFACTORY_PASSPHRASE", "")]).expect(2);
    attest_with(path, generate, &file).expect(0);
    let key = fs::read_to_string(path.join("platform.key")).unwrap();
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{key}");
    fs::write(path.join("recipe.json"), r#"{"name": "press", "baseImage": "debian-trixie"}"#).unwrap();
    fs::write(path.join("request"), "a press").unwrap();
    let sign = "intent sign --recipe recipe.json --request request --requester qa@example.com --base-version 13 \
                --key platform.key -o intent.json";
    for wrong in [
        ("OPENFACTORY_PASSPHRASE", "other words"),
        ("OPENFACTORY_PASSPHRASE_FILE", "nowhere"),
        // A file that others may read counts as known to them.
        ("OPENFACTORY_PASSPHRASE_FILE", "recipe.json"),
    ] {
        let ran = attest_with(path, sign, &[wrong]).expect(2);
        assert!(ran.stderr.contains("passphrase"), "{}", ran.stderr);
        assert!(!path.join("intent.json").exists());
    }
    attest_with(path, sign, &[("OPENFACTORY_PASSPHRASE", "two words")]).expect(0);

    // Root hash keys too.
    attest_with(path, "verity key --algorithm ecdsa-p256 --out images.key --encrypt", &file).expect(0);
    fs::write(path.join("image"), vec![7; 8192]).unwrap();
    let root = "0".repeat(64);
    let sign = format!("verity sign image {root} --key images.key --certificate images.key.crt");
    attest_with(path, &sign, &file).expect(0);
    attest_with(path, &sign, &[("OPENFACTORY_PASSPHRASE", "x")]).expect(2);
}

/// `script` runs it on a terminal of its own; what is typed there is not shown.
#[test]
fn passphrases_are_asked_for_on_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let generate = |typed: &str, out: &str| {
        let attest = env!("CARGO_BIN_EXE_attest");
        let line = format!("{attest} key generate --kind integration --out {out} --encrypt");
        let script = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut script = match script {
            Ok(script) => script,
            Err(_none) => {
                assert!(
                    std::env::var_os("OPENFACTORY_STRICT").is_none_or(|value| value != "1"),
                    "needs script"
                );
                eprintln!("SKIPPED: passphrases_are_asked_for_on_the_terminal: needs script");
                return None;
            }
        };
        script.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        Some(script.wait_with_output().unwrap())
    };
    let Some(output) = generate("two words\ntwo words\n", "key") else { return };
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("Passphrase for key: ") && shown.contains("The same again: "), "{shown}");
    let key = fs::read_to_string(folder.path().join("key")).unwrap();
    Passphrase::new("two words").decrypt(&key).unwrap();
    let output = generate("two words\nother words\n", "other").unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!folder.path().join("other").exists());
}

#[test]
fn registered_keys_count_for_as_long_as_the_root_keys_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (kind, file) in [
        ("root-signing", "root.key"),
        ("root-signing", "root2.key"),
        ("build-platform-signing", "platform.key"),
        ("build-platform-signing", "next.key"),
    ] {
        attest(path, &format!("key generate --kind {kind} --out {file}")).expect(0);
    }
    attest(path, "trust init trust.json --root root.key.pub --threshold 2").expect(0);
    attest(path, "trust add trust.json --kind root-signing --key root2.key.pub --name root2").expect(0);
    fs::copy(path.join("trust.json"), path.join("device.json")).unwrap();
    build(path, "day", "");
    let roots = "--root-key root.key --root-key root2.key";
    let register = |key: &str, more: &str| {
        let line = format!(
            "trust register trust.json --kind build-platform-signing --name platform --key {key}.key.pub \
             --holder service:builder --from 2026-01-01 --until 2126-01-01 -o registry.json {more}"
        );
        attest(path, &line)
    };
    // One root key of two is not enough, and a day that is none is no day.
    register("platform", "--expires 2100-01-01 --root-key root.key").expect(2);
    register("platform", &format!("--expires tomorrow {roots}")).expect(2);
    register("platform", &format!("--expires 2100-01-01 {roots}")).expect(0);
    let id = attest(path, "trust show trust.json --json").expect(0).json()["registry"]["keys"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let verify = |more: &str| {
        let line = format!("document verify day.json --intent day.intent --trust trust.json {more}");
        attest(path, &line)
    };
    verify("").expect(0);
    verify("--trust-at 2050-01-01").expect(0);
    verify("--trust-at 2025-12-31").expect(1);
    // The registry itself has expired: nobody can say.
    let expired = verify("--trust-at 2100-01-01").expect(2);
    assert!(expired.stderr.contains("has expired at 2100-01-01"), "{}", expired.stderr);

    // The successor names what it replaces and why; others take it.
    let incident = format!("--replaces {id} --incident INC0010001 --expires 2100-01-01 {roots}");
    register("next", &incident).expect(0);
    attest(path, "trust take device.json registry.json").expect(0);
    let shown = attest(path, "trust show device.json --json").expect(0).json();
    let keys = shown["registry"]["keys"].as_array().unwrap();
    let successor = keys.iter().find(|key| key["incident"] == "INC0010001").unwrap();
    assert_eq!((&successor["replaces"], &shown["registry"]["sequence"]), (&json!(id), &json!(2)));
    // What is registered is not trusted by another word, and may be revoked.
    attest(path, "trust add trust.json --kind operator --key platform.key.pub --name x").expect(2);
    let revoke = format!("trust revoke trust.json --key-id {id} --reason key-compromise --root-key root.key");
    attest(path, &revoke).expect(0);
    verify("").expect(1);

    let secret = format!(
        "trust register trust.json --kind luks-passphrase --name disks --id luks-1 --holder device:press-1 \
         --holder device:press-2 --parent {id} --expires 2026-02-01T00:00:00Z {roots}"
    );
    // A registry whose time is over already is not made.
    let over = attest(path, &secret).expect(2);
    assert!(over.stderr.contains("not valid") || over.stderr.contains("expire"), "{}", over.stderr);
    attest(path, &secret.replace("2026-02-01T00:00:00Z", "2100-01-01")).expect(0);
    let scope = attest(path, "trust scope trust.json luks-1").expect(0).stdout;
    assert!(scope.contains("High") && scope.contains("holder  device:press-2"), "{scope}");
    let scope = attest(path, &format!("trust scope trust.json {id} --json")).expect(0).json();
    assert_eq!(scope["keys"].as_array().unwrap().len(), 2);
    attest(path, "trust scope trust.json nobody").expect(2);
    attest(path, &format!("trust renew trust.json --expires 2101-01-01 --threshold 1 {roots}")).expect(0);
    attest(path, "trust renew trust.json --expires 2101-01-01 --root-key root.key").expect(2);
    let shown = attest(path, "trust show trust.json").expect(0).stdout;
    assert!(shown.contains("registry 4, expires 2101-01-01T00:00:00Z"), "{shown}");
    attest(path, "trust take device.json trust.json").expect(2);
}
