//! `attest bundle`, `verify-bundle` and `maturity` as a build platform and an auditor run them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use openfactory_attest::statement::PAYLOAD_TYPE;
use openfactory_attest::{Ed25519Key, Envelope, Sha256Digest};
use serde_json::Value;

use crate::ran::{Ran, attest, pack, tool};

const STATUS: &str = "Package: hello\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.10-3\n";
const SIGN: &str = "document sign --image build/press.squashfs --recipe build/recipe.json --build-log build/log.txt \
                    --test-report build/tests.xml --sbom build/sbom.cdx.json --intent build/intent.json \
                    --key platform.key --build-id press-7 -o build/verification.json \
                    --provenance build/provenance.json --audit log --log-key log.key --log-origin example.com/log";
pub(super) const CREATE: &str = "bundle create --build build --trust trust.json --audit log -o bundle";

/// A directory with the build in `build`, its log, its keys and whom to trust.
pub(super) fn build() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let root = path.join("root");
    fs::create_dir_all(root.join("var/lib/dpkg/info")).unwrap();
    fs::write(root.join("motd"), "hello\n").unwrap();
    fs::write(root.join("var/lib/dpkg/status"), STATUS).unwrap();
    fs::write(root.join("var/lib/dpkg/info/hello.list"), "/.\n/motd\n").unwrap();
    // The file was changed since, and the inventory says so.
    let sum = "0".repeat(32);
    fs::write(root.join("var/lib/dpkg/info/hello.md5sums"), format!("{sum}  motd\n")).unwrap();
    fs::create_dir(path.join("build")).unwrap();
    pack(&root, &path.join("build/press.squashfs"));
    let file = |name: &str, bytes: &[u8]| fs::write(path.join("build").join(name), bytes).unwrap();
    file("recipe.json", br#"{"name": "press", "baseImage": "debian-trixie"}"#);
    file("asked.txt", b"a press controller");
    file("log.txt", b"done\n");
    file("tests.xml", b"<testsuite/>");
    for (kind, name) in
        [("root-signing", "root"), ("build-platform-signing", "platform"), ("audit-log", "log")]
    {
        attest(path, &format!("key generate --kind {kind} --out {name}.key")).expect(0);
    }
    attest(path, "trust init trust.json --root root.key.pub").expect(0);
    attest(path, "trust add trust.json --key platform.key.pub --kind build-platform-signing --name platform")
        .expect(0);
    attest(path, "trust add trust.json --key log.key.pub --kind audit-log --name example.com/log").expect(0);
    attest(
        path,
        "intent sign --recipe build/recipe.json --request build/asked.txt --requester qa@example.com \
         --base-version 13.1 --key platform.key -o build/intent.json --audit log --log-key log.key \
         --log-origin example.com/log",
    )
    .expect(0);
    attest(path, "sbom create build/press.squashfs -o build/sbom.cdx.json").expect(0);
    attest(path, SIGN).expect(0);
    directory
}

/// The same, with the bundle made.
pub(super) fn bundle() -> tempfile::TempDir {
    let directory = build();
    attest(directory.path(), CREATE).expect(0);
    directory
}

pub(super) fn names(directory: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn a_bundle_holds_all_of_a_build_and_verifies() {
    let directory = bundle();
    let path = directory.path();
    let expected = [
        "SHA256SUMS",
        "build.log",
        "document.entry",
        "document.proof",
        "hash-device",
        "intent.entry",
        "intent.json",
        "intent.proof",
        "manifest.json",
        "manifest.sha256",
        "press.squashfs",
        "provenance.entry",
        "provenance.json",
        "provenance.proof",
        "recipe.json",
        "request.txt",
        "sbom.cdx.json",
        "test-report",
        "trust.json",
        "verification.json",
    ];
    assert_eq!(names(&path.join("bundle")), expected.map(str::to_owned).into());

    let ran = attest(path, "verify-bundle bundle").expect(0);
    assert!(ran.stdout.ends_with("Build:  press-7\nBundle: proved\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("the bundle's own trust store"), "{}", ran.stdout);
    let told = attest(path, "verify-bundle bundle --trust trust.json --json").expect(0).json();
    assert_eq!((&told["verdict"], &told["trust"]), (&"proved".into(), &"given".into()));
    let links = told["links"].as_array().unwrap();
    assert_eq!(links.len(), 38, "{told:#}");
    assert!(links.iter().all(|link| link["status"] == "proved"), "{told:#}");
    let kinds: Vec<&str> =
        told["keys"].as_array().unwrap().iter().map(|key| key["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["build-platform-signing", "audit-log"]);

    // Another's trust store does not know these keys.
    attest(path, "verify-bundle bundle --trust log.key.pub").expect(1);
    // Nothing else is left beside it, and it is not overwritten.
    assert!(attest(path, CREATE).expect(2).stderr.contains("not overwritten"));
    assert!(names(path).iter().all(|name| !name.starts_with('.')), "{:?}", names(path));
}

#[test]
fn other_peoples_tools_agree() {
    let directory = bundle();
    let bundle = directory.path().join("bundle");
    let test = "other_peoples_tools_agree";
    let Some(output) = tool(test, &bundle, "sha256sum", &["--strict", "--check", "SHA256SUMS"]) else {
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let root = directory.path().join("root");
    let sums = bundle.join("manifest.sha256");
    let output = tool(test, &root, "sha256sum", &["--strict", "--check", sums.to_str().unwrap()]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Positions in a file of this many bytes: both ends, and some between.
fn positions(len: usize) -> BTreeSet<usize> {
    let between = (0..22).map(|step| (step * 2_654_435_761_usize) % len);
    between.chain([0, len - 1]).collect()
}

#[test]
fn one_flipped_bit_anywhere_breaks_the_bundle_and_names_the_link() {
    let directory = bundle();
    let path = directory.path().join("bundle");
    for name in names(&path) {
        let file = path.join(&name);
        let good = fs::read(&file).unwrap();
        for at in positions(good.len()) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&file, bad).unwrap();
            let ran = attest(directory.path(), "verify-bundle bundle --json");
            assert_eq!(ran.status, 1, "{name}, byte {at}: {}{}", ran.stdout, ran.stderr);
            let told = ran.json();
            let broken: Vec<&str> =
                told["broken"].as_array().unwrap().iter().map(|link| link.as_str().unwrap()).collect();
            // A bit of the sums is a bit of what they say of a file.
            let own = format!("file {name}");
            let named = match name.as_str() {
                "SHA256SUMS" => broken.iter().any(|link| *link == "sums" || link.starts_with("file ")),
                _ => broken.contains(&own.as_str()),
            };
            assert!(named, "{name}, byte {at}: {broken:?}");
        }
        fs::write(&file, good).unwrap();
    }
    attest(directory.path(), "verify-bundle bundle").expect(0);
}

/// Lists a changed file as if it had always been so: what a forger does, who cannot sign.
pub(super) fn relist(bundle: &Path, name: &str) {
    let digest = Sha256Digest::of(&fs::read(bundle.join(name)).unwrap());
    let sums = fs::read_to_string(bundle.join("SHA256SUMS")).unwrap();
    let mut lines: Vec<String> =
        sums.lines().filter(|line| !line.ends_with(&format!("  {name}"))).map(str::to_owned).collect();
    lines.push(format!("{digest}  {name}"));
    lines.sort_by(|a, b| a[66..].cmp(&b[66..]));
    fs::write(bundle.join("SHA256SUMS"), lines.join("\n") + "\n").unwrap();
}

#[test]
fn what_is_forged_with_its_sum_breaks_its_own_link() {
    let directory = bundle();
    let path = directory.path();
    let bundle = path.join("bundle");
    for (name, links) in [
        ("press.squashfs", &["image", "verity-root"][..]),
        ("recipe.json", &["recipe"]),
        ("request.txt", &["request"]),
        ("build.log", &["build-log"]),
        ("test-report", &["test-report"]),
        ("sbom.cdx.json", &["sbom sbom.cdx.json"]),
        ("hash-device", &["hash-device"]),
        ("manifest.json", &["manifest-file"]),
        ("manifest.sha256", &["file-sums"]),
        ("intent.json", &["intent"]),
        ("intent.entry", &["log-intent"]),
        ("intent.proof", &["log-intent"]),
        ("document.entry", &["log-document"]),
        ("document.proof", &["log-document"]),
        ("provenance.json", &["provenance"]),
        ("provenance.entry", &["log-provenance"]),
        ("provenance.proof", &["log-provenance"]),
        ("verification.json", &["signature"]),
        ("trust.json", &[]),
    ] {
        let good = fs::read(bundle.join(name)).unwrap();
        let sums = fs::read(bundle.join("SHA256SUMS")).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(bundle.join(name), bad).unwrap();
        relist(&bundle, name);
        let ran = attest(path, "verify-bundle bundle").expect(1);
        assert_eq!(ran.link(&format!("file {name}")), "proved");
        for link in links {
            assert!(ran.link(link).starts_with("broken"), "{name}: {link}: {}", ran.stdout);
        }
        fs::write(bundle.join(name), good).unwrap();
        fs::write(bundle.join("SHA256SUMS"), sums).unwrap();
    }
    attest(path, "verify-bundle bundle").expect(0);

    // Evidence of nothing is none, even where it is listed.
    fs::write(bundle.join("notes.txt"), "all is well").unwrap();
    let ran = attest(path, "verify-bundle bundle").expect(1);
    assert!(ran.link("file notes.txt").contains("does not list it"));
    relist(&bundle, "notes.txt");
    let ran = attest(path, "verify-bundle bundle").expect(1);
    assert!(ran.link("file notes.txt").contains("nothing that is signed"));
    fs::remove_file(bundle.join("notes.txt")).unwrap();
    let ran = attest(path, "verify-bundle bundle").expect(1);
    assert!(ran.link("file notes.txt").contains("not there"));
}

#[test]
fn what_is_missing_is_not_checked_and_never_good() {
    let directory = bundle();
    let path = directory.path();
    let bundle = path.join("bundle");
    for (name, link) in [
        ("build.log", "build-log"),
        ("press.squashfs", "image"),
        ("request.txt", "request"),
        ("document.proof", "log-document"),
        ("intent.entry", "log-order"),
        ("trust.json", "trust"),
        ("manifest.sha256", "file-sums"),
    ] {
        let (good, sums) =
            (fs::read(bundle.join(name)).unwrap(), fs::read(bundle.join("SHA256SUMS")).unwrap());
        fs::remove_file(bundle.join(name)).unwrap();
        let lines = String::from_utf8(sums.clone()).unwrap();
        let lines: Vec<&str> = lines.lines().filter(|line| !line.ends_with(&format!("  {name}"))).collect();
        fs::write(bundle.join("SHA256SUMS"), lines.join("\n") + "\n").unwrap();
        // Without anybody to trust the document itself is not believed.
        let status = if name == "trust.json" { 1 } else { 2 };
        let ran = attest(path, "verify-bundle bundle").expect(status);
        assert!(ran.link(link).starts_with("not checked"), "{name}: {}", ran.stdout);
        assert!(status == 1 || ran.stderr.contains(link), "{}", ran.stderr);
        fs::write(bundle.join(name), good).unwrap();
        fs::write(bundle.join("SHA256SUMS"), sums).unwrap();
    }
    attest(path, "verify-bundle nowhere").expect(2);
    assert!(attest(path, "verify-bundle build").expect(2).stderr.contains("SHA256SUMS"));
    fs::remove_file(bundle.join("build.log")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", bundle.join("build.log")).unwrap();
    assert!(attest(path, "verify-bundle bundle").expect(1).link("file build.log").contains("regular file"));
}

#[test]
fn a_bundle_is_made_whole_or_not_at_all() {
    let directory = build();
    let path = directory.path();
    let refused = |status: i32, told: &str| {
        let ran = attest(path, CREATE).expect(status);
        assert!(ran.stderr.contains(told) || ran.stdout.contains(told), "{}{}", ran.stdout, ran.stderr);
        assert!(!path.join("bundle").exists());
    };
    for (name, told) in [
        ("log.txt", "no file in build is the build log"),
        ("asked.txt", "no file in build is the request"),
        ("press.squashfs", "no file in build is the image"),
        ("sbom.cdx.json", "no file in build is the SBOM"),
        ("intent.json", "no intent.json in build"),
        ("recipe.json", "no recipe.json in build"),
    ] {
        let (here, away) = (path.join("build").join(name), path.join("away"));
        fs::rename(&here, &away).unwrap();
        refused(2, told);
        fs::rename(&away, &here).unwrap();
    }
    // A recipe that was changed after it was signed for.
    let recipe = fs::read(path.join("build/recipe.json")).unwrap();
    fs::write(path.join("build/recipe.json"), r#"{"name": "other", "baseImage": "x"}"#).unwrap();
    refused(1, "recipe");
    fs::write(path.join("build/recipe.json"), recipe).unwrap();
    // A log that never held the intent, which signing the document does not make up for.
    fs::rename(path.join("log"), path.join("kept")).unwrap();
    let elsewhere =
        SIGN.replace("-o build/verification.json", "-o elsewhere.json").replace("press-7", "press-8");
    let elsewhere = elsewhere.replace("build/provenance.json", "elsewhere.provenance");
    let warned = attest(path, &elsewhere).expect(0).stderr;
    assert!(warned.contains("the audit log does not hold the build intent"), "{warned}");
    refused(2, "does not hold intent.json");
    fs::remove_dir_all(path.join("log")).unwrap();
    fs::rename(path.join("kept"), path.join("log")).unwrap();
    assert!(!attest(path, &elsewhere).expect(0).stderr.contains("warning"));
    // A log that never held the document.
    let signed = fs::read(path.join("build/verification.json")).unwrap();
    let unlogged = SIGN.split(" --provenance").next().unwrap();
    attest(path, unlogged).expect(0);
    refused(2, "does not hold verification.json");
    fs::write(path.join("build/verification.json"), signed).unwrap();
    // Provenance of another build.
    let provenance = fs::read(path.join("build/provenance.json")).unwrap();
    fs::copy(path.join("elsewhere.provenance"), path.join("build/provenance.json")).unwrap();
    refused(1, "the provenance is not believed");
    fs::write(path.join("build/provenance.json"), provenance).unwrap();
    // A key that was revoked.
    let key = attest(path, "trust show trust.json --json").expect(0).json();
    let platform = key["keys"].as_array().unwrap().iter().find(|key| key["name"] == "platform").unwrap();
    let revoke = format!(
        "trust revoke trust.json --key-id {} --reason key-compromise --root-key root.key --log example.com/log --from",
        platform["key_id"].as_str().unwrap()
    );
    // Entries 0 and 1 are of the intent, 2 to 4 of document and provenance.
    attest(path, &format!("{revoke} 2")).expect(0);
    refused(1, "not believed");
}

#[test]
fn a_revoked_key_counts_where_the_bundles_proof_is_older() {
    let directory = build();
    let path = directory.path();
    let key = attest(path, "trust show trust.json --json").expect(0).json();
    let platform = key["keys"].as_array().unwrap().iter().find(|key| key["name"] == "platform").unwrap();
    let id = platform["key_id"].as_str().unwrap();
    attest(
        path,
        &format!(
            "trust revoke trust.json --key-id {id} --reason key-compromise --root-key root.key \
             --log example.com/log --from 5"
        ),
    )
    .expect(0);
    attest(path, CREATE).expect(0);
    let ran = attest(path, "verify-bundle bundle").expect(0);
    assert!(ran.link("signature").contains("example.com/log held it before, at index 4"), "{}", ran.stdout);
    assert!(ran.link("intent").contains("at index 1"), "{}", ran.stdout);
    assert!(ran.link("provenance").contains("at index 3"), "{}", ran.stdout);
}

#[test]
fn maturity_follows_from_the_evidence() {
    let directory = bundle();
    let path = directory.path();
    let told = attest(path, "maturity bundle --trust trust.json --json").expect(0).json();
    assert_eq!((&told["level"], &told["next"]), (&"L2".into(), &"L3".into()), "{told:#}");
    let text = attest(path, "maturity bundle").expect(0).stdout;
    assert!(text.contains("Level: L2 Image signing\nFor L3: a device reports"), "{text}");

    // Packages that the signed SBOM does not list: the platform signed what is not so.
    let build = path.join("build");
    let sbom = fs::read_to_string(build.join("sbom.cdx.json")).unwrap();
    fs::write(build.join("sbom.cdx.json"), sbom.replace("2.10-3", "2.10-2")).unwrap();
    attest(path, SIGN).expect(0);
    attest(path, &CREATE.replace("-o bundle", "-o other")).expect(0);
    let told = attest(path, "maturity other --json").expect(0).json();
    assert_eq!((&told["level"], &told["next"]), (&Value::Null, &"L1".into()));
    let reason = told["criteria"][1]["reason"].as_str().unwrap();
    assert!(reason.contains("does not list hello 2.10-3") && reason.contains("hello 2.10-2"), "{reason}");

    // A changed file that the signed SBOM is silent about.
    fs::write(build.join("sbom.cdx.json"), sbom.replace("openfactory:modified-file", "other")).unwrap();
    attest(path, SIGN).expect(0);
    attest(path, &CREATE.replace("-o bundle", "-o silent")).expect(0);
    let told = attest(path, "maturity silent --json").expect(0).json();
    let reason = told["criteria"][1]["reason"].as_str().unwrap();
    assert!(reason.ends_with("are not as their packages had them: ./motd"), "{reason}");

    // No criterion is about what was asked for in words; the bundle is bad all the same.
    fs::write(path.join("bundle/request.txt"), "other\n").unwrap();
    let text = attest(path, "maturity bundle").expect(1).stdout;
    assert!(text.contains("Level: none, the bundle is broken: ") && text.contains("request"), "{text}");
    let told = attest(path, "maturity bundle --json").expect(1).json();
    assert_eq!(told["level"], Value::Null);
    assert!(told["broken"].as_array().unwrap().contains(&"request".into()), "{told:#}");
    attest(path, "maturity build").expect(2);
}

/// A build whose image is shipped in an ISO image that xorriso made; `None` if that is not here.
fn build_of_iso(test: &str) -> Option<tempfile::TempDir> {
    let directory = build();
    let path = directory.path();
    fs::create_dir_all(path.join("iso/live")).unwrap();
    fs::rename(path.join("build/press.squashfs"), path.join("iso/live/filesystem.squashfs")).unwrap();
    let how = ["-as", "mkisofs", "-quiet", "-R", "-o", "build/press.iso", "iso"];
    assert!(tool(test, path, "xorriso", &how)?.status.success());
    attest(path, "sbom create build/press.iso -o build/sbom.cdx.json").expect(0);
    attest(path, &SIGN.replace("press.squashfs", "press.iso")).expect(0);
    Some(directory)
}

#[test]
fn an_image_within_an_iso_image_is_bound_with_it() {
    let Some(directory) = build_of_iso("an_image_within_an_iso_image_is_bound_with_it") else { return };
    let path = directory.path();
    let digest = |name: &str| Sha256Digest::of(&fs::read(path.join(name)).unwrap()).to_string();
    let (iso, image) = (digest("build/press.iso"), digest("iso/live/filesystem.squashfs"));
    let sbom = fs::read_to_string(path.join("build/sbom.cdx.json")).unwrap();
    assert!(sbom.contains(&iso) && sbom.contains(&image), "{sbom}");
    // The squashfs alone has the same files.
    let manifest = |what: &str| attest(path, &format!("manifest create {what}")).expect(0).stdout;
    assert_eq!(manifest("build/press.iso"), manifest("iso/live/filesystem.squashfs"));
    assert_eq!(manifest("build/press.iso --squashfs /live/filesystem.squashfs"), manifest("build/press.iso"));
    attest(path, "manifest create build/press.iso --squashfs live/other").expect(2);
    attest(path, "manifest create iso/live/filesystem.squashfs --squashfs live/x").expect(2);

    let verify = "document verify build/verification.json --trust trust.json --json --image";
    let links = |image: &str| -> Vec<(String, String)> {
        let told: Value = serde_json::from_str(&attest(path, &format!("{verify} {image}")).stdout).unwrap();
        let text = |link: &Value, name: &str| link[name].as_str().unwrap().to_owned();
        let links = told["links"].as_array().unwrap().iter();
        links.map(|link| (text(link, "link"), text(link, "status"))).collect()
    };
    let has = |links: &[(String, String)], name: &str, status: &str| {
        links.contains(&(name.to_owned(), status.to_owned()))
    };
    let of_iso = links("build/press.iso");
    for name in ["image", "container", "verity-root", "manifest"] {
        assert!(has(&of_iso, name, "proved"), "{name}: {of_iso:?}");
    }
    let alone = links("iso/live/filesystem.squashfs");
    assert!(has(&alone, "image", "proved") && has(&alone, "container", "not-checked"), "{alone:?}");

    attest(path, CREATE).expect(0);
    assert_eq!(digest("bundle/press.iso"), iso);
    assert_eq!(digest("bundle/filesystem.squashfs"), image);
    attest(path, "verify-bundle bundle --trust trust.json").expect(0);
    // A byte of the ISO image that is none of the squashfs's.
    let mut bytes = fs::read(path.join("bundle/press.iso")).unwrap();
    bytes[0] ^= 1;
    fs::write(path.join("bundle/press.iso"), &bytes).unwrap();
    let told = attest(path, "verify-bundle bundle --trust trust.json").expect(1).stdout;
    assert!(told.contains("container") && told.contains("the document names the ISO image"), "{told}");
    fs::write(path.join("build/press.iso"), &bytes).unwrap();
    another_iso_is_signed(path);
    let changed = links("build/press.iso");
    assert!(has(&changed, "container", "broken") && has(&changed, "image", "proved"), "{changed:?}");
}

/// The platform signs what is not so: the bundle's document, changed.
fn sign_anew(path: &Path, change: impl FnOnce(&mut Value)) {
    let file = path.join("bundle/verification.json");
    let envelope = Envelope::parse(&fs::read(&file).unwrap()).unwrap();
    let mut payload: Value = serde_json::from_slice(envelope.payload_unverified()).unwrap();
    change(&mut payload["predicate"]);
    let key = Ed25519Key::from_pem(&fs::read_to_string(path.join("platform.key")).unwrap()).unwrap();
    let payload = openfactory_attest::canonical::to_vec_signed(&payload).unwrap();
    fs::write(&file, Envelope::sign(PAYLOAD_TYPE, &payload, &key).unwrap().to_json()).unwrap();
    relist(&path.join("bundle"), "verification.json");
}

/// An ISO image without the image in it, for which the platform signs all the same: both digests are right.
fn another_iso_is_signed(path: &Path) {
    fs::write(path.join("iso/live/filesystem.squashfs"), b"another image").unwrap();
    let how = ["-as", "mkisofs", "-quiet", "-R", "-o", "bundle/press.iso", "iso"];
    assert!(tool("another_iso_is_signed", path, "xorriso", &how).unwrap().status.success());
    relist(&path.join("bundle"), "press.iso");
    let iso = fs::read(path.join("bundle/press.iso")).unwrap();
    for (place, expected) in [
        ("live/filesystem.squashfs", "broken: the ISO image has another file at the document's path"),
        ("live/nowhere.squashfs", "broken: ./live/nowhere.squashfs is not in the image"),
        ("live", "broken: "),
        ("../etc", "broken: "),
    ] {
        sign_anew(path, |document| {
            let container = &mut document["container"];
            container["size"] = iso.len().into();
            container["sha256"] = Sha256Digest::of(&iso).to_string().into();
            container["path"] = place.into();
        });
        let told = attest(path, "verify-bundle bundle --trust trust.json").expect(1);
        assert!(told.link("container").starts_with(expected), "{place}: {}", told.stdout);
    }
}

#[test]
fn what_was_signed_does_not_steer_the_terminal() {
    let directory = bundle();
    let path = directory.path();
    let name = "\u{1b}]0;owned\u{7}\nBundle: proved\u{202e}";
    sign_anew(path, |document| document["sboms"][0]["name"] = name.into());
    for line in [
        "verify-bundle bundle --trust trust.json",
        "document verify bundle/verification.json --trust trust.json",
        "maturity bundle --trust trust.json",
    ] {
        let ran = attest(path, line);
        let shown = ran.stdout.clone() + &ran.stderr;
        assert!(shown.contains("\\u{1b}]0;owned\\u{7}"), "{line}: {shown:?}");
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{line}: {shown:?}");
        assert!(!shown.lines().any(|line| line == "Bundle: proved"), "{line}: {shown}");
    }
    // Machines are told exactly.
    let told = attest(path, "verify-bundle bundle --trust trust.json --json").expect(1).json();
    let links = told["links"].as_array().unwrap();
    assert!(links.iter().any(|link| link["link"] == format!("sbom {name}")), "{told:#}");
    assert_eq!(
        (&told["version"], &told["tests"]["categories"]["boot"]),
        (&1.into(), &"not-checked".into()),
        "{told:#}"
    );
}

/// Runs the auditor's program on the bundle; `None`, said aloud, where Python or its package is missing.
pub(super) fn python(test: &str, directory: &Path, arguments: &[&str]) -> Option<Ran> {
    let python = std::env::var("OPENFACTORY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = tool(test, directory, &python, &["-c", "import cryptography"])?;
    if !found.status.success() {
        let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
        assert!(!strict, "{test}: needs the Python module cryptography");
        eprintln!("SKIPPED: {test}: needs the Python module cryptography");
        return None;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit/verify_bundle.py");
    let arguments: Vec<&str> = [&["-B", script, "bundle"], arguments].concat();
    let output = tool(test, directory, &python, &arguments)?;
    Some(Ran::of(output))
}

#[test]
fn a_python_auditor_reads_bundles_of_iso_images() {
    let test = "a_python_auditor_reads_bundles_of_iso_images";
    let Some(directory) = build_of_iso(test) else { return };
    let path = directory.path();
    attest(path, CREATE).expect(0);
    let Some(good) = python(test, path, &[]) else { return };
    assert_eq!(good.status, 0, "{}{}", good.stdout, good.stderr);
    let mut bytes = fs::read(path.join("bundle/press.iso")).unwrap();
    bytes[0] ^= 1;
    fs::write(path.join("bundle/press.iso"), bytes).unwrap();
    assert_eq!(python(test, path, &[]).unwrap().status, 1);
}

#[test]
fn a_python_auditor_comes_to_the_same_verdicts() {
    let directory = build();
    let path = directory.path();
    let test = "a_python_auditor_comes_to_the_same_verdicts";
    // Numbers and names that RFC 8785 spells in its own way.
    let recipe = r#"{"name": "press", "baseImage": "x", "b\u20ac": [1.50, 1e-7, 0.000001, -0.0, 0.1, 1.5e-9],
                     "\ufb33": null, "\ud83d\ude00": "\u007f\u0001\/", "n": 9007199254740991}"#;
    fs::write(path.join("build/recipe.json"), recipe).unwrap();
    let intent = "intent sign --recipe build/recipe.json --request build/asked.txt --requester qa@example.com \
                  --base-version 13.1 --key platform.key -o build/intent.json --audit log --log-key log.key";
    attest(path, intent).expect(0);
    attest(path, SIGN).expect(0);
    attest(path, CREATE).expect(0);
    let Some(ran) = python(test, path, &[]) else { return };
    let ran = ran.expect(0);
    assert!(ran.stdout.ends_with("good: the evidence of build press-7\n"), "{}", ran.stdout);
    python(test, path, &["trust.json"]).unwrap().expect(0);

    let bundle = path.join("bundle");
    for name in names(&bundle) {
        let (good, sums) =
            (fs::read(bundle.join(&name)).unwrap(), fs::read(bundle.join("SHA256SUMS")).unwrap());
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(bundle.join(&name), bad).unwrap();
        python(test, path, &["trust.json"]).unwrap().expect(1);
        // With its sum, whatever is not the forger's own word is still found.
        if !matches!(name.as_str(), "SHA256SUMS" | "trust.json") {
            relist(&bundle, &name);
            python(test, path, &["trust.json"]).unwrap().expect(1);
            attest(path, "verify-bundle bundle --trust trust.json").expect(1);
        }
        fs::write(bundle.join(&name), good).unwrap();
        fs::write(bundle.join("SHA256SUMS"), sums).unwrap();
    }
    python(test, path, &["nowhere"]).unwrap().expect(2);
    // Revoked: before the proof, and after it.
    let keys = attest(path, "trust show trust.json --json").expect(0).json();
    let platform = keys["keys"].as_array().unwrap().iter().find(|key| key["name"] == "platform").unwrap();
    let revoke = format!(
        "trust revoke trust.json --key-id {} --reason key-compromise --root-key root.key --log example.com/log --from",
        platform["key_id"].as_str().unwrap()
    );
    for (from, status) in [(10, 0), (1, 1)] {
        attest(path, &format!("{revoke} {from}")).expect(0);
        attest(path, "verify-bundle bundle --trust trust.json").expect(status);
        python(test, path, &["trust.json"]).unwrap().expect(status);
    }
}

#[test]
fn verifying_calls_no_network() {
    let directory = bundle();
    let test = "verifying_calls_no_network";
    let attest = env!("CARGO_BIN_EXE_attest");
    let arguments = ["-f", "-qq", "-e", "trace=%network", "-o", "calls", attest, "verify-bundle", "bundle"];
    let Some(output) = tool(test, directory.path(), "strace", &arguments) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_to_string(directory.path().join("calls")).unwrap(), "");
}
