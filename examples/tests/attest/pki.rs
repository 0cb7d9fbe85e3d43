//! `attest pki`: revocations for those who ask in X.509's words, with openssl as the judge where it is installed.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use openfactory_attest::trust::revocation::{Reason, RevocationList, RevokedKey};
use openfactory_attest::trust::{TrustStore, TrustedKey};
use openfactory_attest::{Ed25519Key, KeyKind, Signer as _};
use serde_json::Value;

use crate::ran::{says, tool};

/// What openssl says, and whether it was good; `None` where it is not installed.
fn openssl(directory: &Path, line: &str) -> Option<(bool, String)> {
    let output = tool("attest pki", directory, "openssl", &line.split_whitespace().collect::<Vec<_>>())?;
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

fn id(path: &Path, name: &str) -> String {
    let pem = fs::read_to_string(path.join(format!("{name}.pub"))).unwrap();
    openfactory_attest::PublicKey::from_pem(&pem).unwrap().key_id().to_string()
}

#[test]
fn what_is_revoked_is_published_and_what_is_not_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    says(path, "key generate --kind root-signing --out root", 0);
    for name in ["platform", "next", "other"] {
        says(path, &format!("key generate --kind build-platform-signing --out {name}"), 0);
    }
    says(path, "trust init trust.json --root root.pub", 0);
    for name in ["platform", "next", "other"] {
        let add = "trust add trust.json --kind build-platform-signing --name";
        says(path, &format!("{add} {name} --key {name}.pub"), 0);
    }
    // The authority's key is of a kind that every tool knows.
    says(path, "verity key --algorithm ecdsa-p256 --out ca.key", 0);
    says(path, "pki authority --key ca.key --name ExampleCA -o ca.crt", 0);
    says(path, "pki authority --key root --name OtherCA -o other.crt", 0);
    let ca = "--ca ca.crt --ca-key ca.key";
    says(path, &format!("pki certificate {ca} --key platform.pub --name platform -o platform.crt"), 0);
    says(path, "pki certificate --ca ca.crt --ca-key root --key next.pub --name next -o next.crt", 2);
    let crl = format!("pki crl --trust trust.json {ca} -o");
    let check = "pki check --trust trust.json --ca ca.crt";
    // Nothing was revoked so far, and there is no list that says so.
    says(path, &format!("{crl} none.crl"), 2);

    let (platform, next, other) = (id(path, "platform"), id(path, "next"), id(path, "other"));
    says(
        path,
        &format!(
            "trust revoke trust.json --key-id {platform} --reason key-compromise --incident INC0010001 \
             --superseded-by {next} --invalid-since 2026-02-27 --root-key root"
        ),
        0,
    );
    let told: Value = serde_json::from_str(&says(path, "trust show trust.json --json", 0)).unwrap();
    let told = told.to_string();
    // The rotation is linked to its incident.
    for part in ["INC0010001", &next, "2026-02-27T00:00:00Z", "revoked_at"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    says(path, &format!("{crl} first.crl"), 0);
    says(path, &format!("{check} --crl first.crl"), 0);
    let shown = says(path, "pki show first.crl --ca ca.crt", 0);
    let serial = format!("01{}", &platform[..38]);
    assert!(
        shown.contains(&format!("{serial} revoked"))
            && shown.contains("(key-compromise), invalid since 2026"),
        "{shown}"
    );

    // What is revoked later is in a later list only.
    says(path, &format!("trust revoke trust.json --key-id {other} --reason superseded --root-key root"), 0);
    let told = says(path, &format!("{check} --crl first.crl"), 1);
    assert!(told.contains(&format!("does not revoke the key {other}")), "{told}");
    says(path, &format!("{crl} second.crl"), 0);
    says(path, &format!("{check} --crl second.crl"), 0);
    let ocsp = format!("pki ocsp --trust trust.json {ca}");
    says(path, &format!("{ocsp} --certificate platform.crt --key-id {next} -o platform.ocsp"), 0);
    let told = says(path, &format!("{check} --crl second.crl --ocsp platform.ocsp"), 1);
    assert!(told.contains(&format!("no OCSP response speaks of the revoked key {other}")), "{told}");
    says(path, &format!("{ocsp} --key-id {other} -o other.ocsp"), 0);
    let both = format!("{check} --ocsp platform.ocsp --ocsp other.ocsp --json");
    let told: Value = serde_json::from_str(&says(path, &both, 0)).unwrap();
    assert_eq!((&told["revoked"], &told["findings"]), (&Value::from(2), &Value::Array(vec![])));
    let shown = says(path, "pki show platform.ocsp --ca ca.crt --json", 0);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let status = |serial: &str| {
        let lines = shown["certificates"].as_array().unwrap();
        lines.iter().find(|line| line["serial"] == serial).unwrap()["status"].clone()
    };
    assert_eq!(status(&serial), "revoked");
    assert_eq!(status(&format!("01{}", &next[..38])), "good");

    // Another authority's, changed, or nothing of the kind.
    let told = says(path, "pki show second.crl --ca other.crt", 1);
    assert!(told.contains("another authority's"), "{told}");
    says(path, "pki check --trust trust.json --ca other.crt --crl second.crl", 1);
    let mut bytes = fs::read(path.join("platform.ocsp")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(path.join("changed.ocsp"), bytes).unwrap();
    says(path, "pki show changed.ocsp --ca ca.crt", 1);
    says(path, &format!("{check} --ocsp changed.ocsp"), 1);
    fs::write(path.join("nothing"), "nothing").unwrap();
    says(path, "pki show nothing --ca ca.crt", 2);
    says(path, &format!("{check} --crl platform.ocsp"), 2);

    let asked = "ocsp -respin platform.ocsp -issuer ca.crt -cert platform.crt -CAfile ca.crt";
    let Some((good, told)) = openssl(path, asked) else { return };
    assert!(good && told.contains("platform.crt: revoked"), "{told}");
    let (good, told) =
        openssl(path, "verify -crl_check -CAfile ca.crt -CRLfile second.crl platform.crt").unwrap();
    assert!(!good && told.contains("certificate revoked"), "{told}");
}

#[test]
fn a_trust_store_of_several_megabytes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let root = Ed25519Key::generate().unwrap();
    let mut trust = TrustStore::new();
    trust.add(TrustedKey::new("root", KeyKind::RootSigning, root.public_key().clone())).unwrap();
    let mut list = RevocationList::new(1, SystemTime::now());
    list.revoked = (0..15_000)
        .map(|n| RevokedKey::new(format!("{n:064x}").parse().unwrap(), Reason::Superseded))
        .collect();
    trust.take_revocations(&list.sign(&root).unwrap()).unwrap();
    let bytes = trust.to_json();
    assert!(bytes.len() > 1 << 20, "{}", bytes.len());
    fs::write(path.join("trust.json"), bytes).unwrap();
    says(path, "trust show trust.json", 0);
    fs::write(path.join("trust.json"), vec![b' '; (16 << 20) + 1]).unwrap();
    let told = says(path, "trust show trust.json", 2);
    assert!(told.contains("larger than the 16777216 bytes"), "{told}");
}
