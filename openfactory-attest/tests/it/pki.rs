//! Certificate revocation lists and OCSP responses with openssl as the judge, and openssl's judged here.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use openfactory_attest::key::{Ed25519Key, KeyKind, Signer as _};
use openfactory_attest::pki::{
    Authority, AuthorityKey, Crl, Gap, KeyCertificate, OcspResponse, OcspStatus, PkiError, Published,
};
use openfactory_attest::trust::revocation::{Reason, RevocationList, RevokedKey};
use openfactory_attest::trust::{TrustStore, TrustedKey};
use openfactory_attest::verity::signature::{KeyAlgorithm, SigningKey};

use crate::tool;

const DAY: Duration = Duration::from_secs(86_400);

/// What it printed, on whichever stream, and whether it was content.
fn openssl(directory: &Path, arguments: &str) -> Option<(bool, String)> {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let output = tool::run("certificate revocation", directory, "openssl", &arguments)?;
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    Some((output.status.success(), text))
}

#[track_caller]
fn succeed(directory: &Path, arguments: &str) -> String {
    let (good, text) = openssl(directory, arguments).unwrap();
    assert!(good, "{arguments}: {text}");
    text
}

/// A root and two platform keys, of which the first is revoked.
fn store(root: &Ed25519Key, stolen: &Ed25519Key, good: &Ed25519Key, now: SystemTime) -> TrustStore {
    let mut trust = TrustStore::new();
    for (name, kind, key) in [
        ("root", KeyKind::RootSigning, root),
        ("stolen", KeyKind::BuildPlatformSigning, stolen),
        ("good", KeyKind::BuildPlatformSigning, good),
    ] {
        trust.add(TrustedKey::new(name, kind, key.public_key().clone())).unwrap();
    }
    let revoked = RevokedKey::new(*stolen.key_id(), Reason::KeyCompromise)
        .with_revoked_at(now - DAY)
        .with_invalid_since(SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000));
    let list = RevocationList::new(3, now).with(revoked);
    trust.take_revocations(&list.sign(root).unwrap()).unwrap();
    trust
}

#[test]
fn openssl_believes_what_is_made_here() {
    let (root, stolen, good) =
        (Ed25519Key::generate().unwrap(), Ed25519Key::generate().unwrap(), Ed25519Key::generate().unwrap());
    let rsa = SigningKey::generate(KeyAlgorithm::Rsa).unwrap();
    let p256 = SigningKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let now = SystemTime::now();
    let trust = store(&root, &stolen, &good, now);
    for key in [AuthorityKey::Ed25519(&root), AuthorityKey::Classic(&rsa), AuthorityKey::Classic(&p256)] {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let write = |name: &str, bytes: &[u8]| fs::write(directory.join(name), bytes).unwrap();
        let certificate = key.self_signed("Example root", now - DAY, now + 3650 * DAY).unwrap();
        let authority = Authority::new(key, &certificate).unwrap();
        write("root.crt", certificate.to_pem().unwrap().as_bytes());
        for (name, key) in [("stolen", &stolen), ("good", &good)] {
            let made = authority.certify(key.public_key(), name, now - DAY, now + 365 * DAY).unwrap();
            write(&format!("{name}.crt"), made.to_pem().unwrap().as_bytes());
        }
        let list = trust.revocations().unwrap();
        let crl = authority.crl(list, &[], now, now + 7 * DAY).unwrap();
        write("root.crl", crl.to_pem().unwrap().as_bytes());
        write("root.crl.der", &crl.to_der().unwrap());
        let keys = [*stolen.key_id(), *good.key_id()];
        let response = authority.ocsp(&keys, &trust, &[], now, now + 7 * DAY).unwrap();
        write("response", response.as_der());
        let other =
            AuthorityKey::Ed25519(&stolen).self_signed("Another root", now - DAY, now + 3650 * DAY).unwrap();
        write("other.crt", other.to_pem().unwrap().as_bytes());

        let shown = "crl -in root.crl -CAfile root.crt -noout -text";
        let Some((believed, shown)) = openssl(directory, shown) else { return };
        assert!(believed && shown.contains("verify OK"), "{key:?}: {shown}");
        for part in [
            "Issuer: CN = Example root",
            "Key Compromise",
            "Invalidity Date",
            "Oct  9 08:53:20 2025 GMT",
            "X509v3 CRL Number",
            "X509v3 Authority Key Identifier",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        succeed(directory, "crl -inform DER -in root.crl.der -CAfile root.crt -noout");
        let (_, shown) = openssl(directory, "crl -in root.crl -CAfile other.crt -noout").unwrap();
        assert!(!shown.contains("verify OK"), "{shown}");
        succeed(directory, "verify -x509_strict -check_ss_sig -CAfile root.crt root.crt");
        let check = "verify -x509_strict -crl_check -CAfile root.crt -CRLfile root.crl";
        succeed(directory, &format!("{check} good.crt"));
        let (good, told) = openssl(directory, &format!("{check} stolen.crt")).unwrap();
        assert!(!good && told.contains("certificate revoked"), "{told}");

        let ask = "ocsp -respin response -issuer root.crt -cert stolen.crt -cert good.crt -no_nonce";
        for anchor in ["-CAfile root.crt", "-VAfile root.crt"] {
            let told = succeed(directory, &format!("{ask} {anchor}"));
            for part in
                ["Response verify OK", "stolen.crt: revoked", "good.crt: good", "Reason: keyCompromise"]
            {
                assert!(told.contains(part), "{key:?}: {part}: {told}");
            }
            assert!(!told.contains("times invalid"), "{told}");
        }
        let (good, told) =
            openssl(directory, "ocsp -respin response -issuer other.crt -cert good.crt -CAfile other.crt")
                .unwrap();
        assert!(!good || !told.contains("good.crt: good"), "{told}");
    }
}

const CONFIG: &str = "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=default\n\
    default_crl_days=7\ncertificate=ca.crt\nprivate_key=ca.key\n[delta]\n2.5.29.27=critical,ASN1:INTEGER:1\n\
    [ocsp]\nextendedKeyUsage=OCSPSigning\n[none]\nbasicConstraints=CA:false\n";

#[test]
fn what_openssl_makes_is_judged_here() {
    for new_key in [
        "genpkey -algorithm ed25519 -out ca.key",
        "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out ca.key",
        "genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out ca.key",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
        let read = |name: &str| fs::read(directory.join(name)).unwrap();
        if openssl(directory, new_key).is_none() {
            return;
        }
        write("ca.cnf", CONFIG);
        write("number", "1001\n");
        // A key that became known on a certain day, and one of which only a serial number is known.
        write(
            "index.txt",
            "R\t351009085320Z\t251009085320Z,keyTime,20251008085320Z\t12345678\tunknown\t/CN=stolen\n\
             R\t351009085320Z\t251009085320Z,superseded\tABCD\tunknown\t/CN=old\n\
             V\t351009085320Z\t\t12345679\tunknown\t/CN=good\n",
        );
        succeed(directory, "req -new -x509 -key ca.key -subj /O=Example/CN=CA -days 3650 -out ca.crt");
        for (name, extensions, serial) in
            [("stolen", "none", "12345678"), ("good", "none", "12345679"), ("responder", "ocsp", "77")]
        {
            succeed(directory, &format!("genpkey -algorithm ed25519 -out {name}.key"));
            succeed(directory, &format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
            succeed(
                directory,
                &format!(
                    "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -set_serial 0x{serial} -days 365 \
                     -extfile ca.cnf -extensions {extensions} -out {name}.crt"
                ),
            );
        }
        succeed(directory, "ca -config ca.cnf -gencrl -out ca.crl");
        let ca = KeyCertificate::read(&read("ca.crt")).unwrap();
        // With what it says in words before it.
        let words =
            [succeed(directory, "x509 -in ca.crt -noout -text").into_bytes(), read("ca.crt")].concat();
        assert_eq!(KeyCertificate::read(&words).unwrap(), ca);
        let certificates = ["stolen.crt", "good.crt"].map(|name| KeyCertificate::read(&read(name)).unwrap());
        let [stolen, good] = &certificates;
        assert!(stolen.verify(&ca).is_ok() && ca.is_authority() && !stolen.is_authority());
        // The id of its key is what openssl and sha256sum make of it.
        let spki = "x509 -in stolen.crt -noout -pubkey -out stolen.pub";
        succeed(directory, spki);
        let public = openfactory_attest::PublicKey::from_pem(&String::from_utf8(read("stolen.pub")).unwrap());
        assert_eq!(stolen.key_id(), public.unwrap().key_id());

        let crl = Crl::read(&read("ca.crl"), &ca).unwrap();
        assert_eq!((crl.number(), crl.iter().count()), (Some("1001"), 2));
        let revocation = *crl.get(stolen.serial()).unwrap();
        let revoked = SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000);
        assert_eq!((revocation.time, revocation.reason()), (revoked, Some(Reason::KeyCompromise)));
        assert_eq!(revocation.invalid_since, Some(revoked - DAY));
        assert_eq!(crl.get(good.serial()), None);
        let now = SystemTime::now();
        assert!(crl.currency().check(now).is_ok());
        assert!(matches!(crl.currency().check(now + 8 * DAY), Err(PkiError::Stale { .. })));
        assert!(matches!(crl.currency().check(now - DAY), Err(PkiError::Early { .. })));
        // A list of changes is no list.
        succeed(directory, "ca -config ca.cnf -gencrl -crlexts delta -out delta.crl");
        assert!(matches!(Crl::read(&read("delta.crl"), &ca), Err(PkiError::Critical { .. })));

        // The authority itself, and one that it lets answer.
        let mut responses = Vec::new();
        let ask = "ocsp -issuer ca.crt -cert stolen.crt -cert good.crt -reqout request -no_nonce";
        succeed(directory, ask);
        for signer in ["ca", "responder"] {
            succeed(
                directory,
                &format!(
                    "ocsp -index index.txt -CA ca.crt -rsigner {signer}.crt -rkey {signer}.key -reqin request \
                     -respout {signer}.ocsp -ndays 7"
                ),
            );
            let response = OcspResponse::read(&read(&format!("{signer}.ocsp")), &ca).unwrap();
            assert_eq!(response.responder().is_some(), signer == "responder");
            assert!(response.check(now + DAY).is_ok());
            assert!(matches!(response.check(now + 8 * DAY), Err(PkiError::Stale { .. })));
            let told = response.get(stolen.serial()).unwrap().status;
            let OcspStatus::Revoked(told) = told else { panic!("{told:?}") };
            assert_eq!((told.time, told.reason()), (revocation.time, revocation.reason()));
            assert_eq!(response.get(good.serial()).unwrap().status, OcspStatus::Good);
            responses.push(response);
        }
        // One that it lets answer no more, as the list says.
        let index = String::from_utf8(read("index.txt")).unwrap();
        write("index.txt", &format!("{index}R\t351009085320Z\t251009085320Z\t77\tunknown\t/CN=responder\n"));
        succeed(directory, "ca -config ca.cnf -gencrl -out later.crl");
        let later = Crl::read(&read("later.crl"), &ca).unwrap();
        let list = RevocationList::new(1, now).with(RevokedKey::new(*stolen.key_id(), Reason::KeyCompromise));
        let published = Published::by(&ca).with_certificates(&certificates).with_crl(&later);
        assert_eq!(
            published.with_responses(&responses[1..]).gaps(&list, now + DAY),
            [Gap::StaleOcsp(*stolen.key_id())]
        );
        assert_eq!(published.with_responses(&responses).gaps(&list, now + DAY), []);
        // Nobody else may, however good its certificate is for other things.
        succeed(
            directory,
            "ocsp -index index.txt -CA ca.crt -rsigner good.crt -rkey good.key -reqin request -respout good.ocsp",
        );
        let refused = OcspResponse::read(&read("good.ocsp"), &ca);
        assert!(matches!(refused, Err(PkiError::BadSignature { .. })), "{refused:?}");

        // What is revoked here is held against what is published there: the key has a number of its own.
        let list = |key: &KeyCertificate| {
            RevocationList::new(1, now).with(RevokedKey::new(*key.key_id(), Reason::KeyCompromise))
        };
        let published = Published::by(&ca).with_crl(&crl).with_responses(&responses);
        let gaps = |list: &RevocationList| published.with_certificates(&certificates).gaps(list, now + DAY);
        assert_eq!(gaps(&list(stolen)), []);
        let good = *good.key_id();
        assert_eq!(
            gaps(&list(&certificates[1])),
            [Gap::NotInCrl(good), Gap::GoodByOcsp(good), Gap::GoodByOcsp(good)]
        );
        let stolen = *stolen.key_id();
        assert_eq!(
            published.gaps(&list(&certificates[0]), now + DAY),
            [Gap::NotInCrl(stolen), Gap::NotByOcsp(stolen)]
        );
    }
}
