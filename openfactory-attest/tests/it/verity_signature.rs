//! Root hash signatures with openssl as the judge, and openssl's judged here.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use openfactory_attest::verity::RootHash;
use openfactory_attest::verity::signature::{
    Certificate, CertificateError, KeyAlgorithm, KeyError, RootHashSignature, SignatureError, SigningKey,
};

use crate::tool;

const ALGORITHMS: [KeyAlgorithm; 2] = [KeyAlgorithm::Rsa, KeyAlgorithm::EcdsaP256];

fn root(digit: &str) -> RootHash {
    digit.repeat(64).parse().unwrap()
}

fn openssl(directory: &Path, arguments: &str) -> Option<std::process::Output> {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    tool::run("root hash signature", directory, "openssl", &arguments)
}

#[test]
fn openssl_verifies_what_is_signed_here() {
    for algorithm in ALGORITHMS {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let key = SigningKey::generate(algorithm).unwrap();
        let made = UNIX_EPOCH + Duration::from_secs(1_760_000_000);
        let century = made + Duration::from_secs(86_400 * 36_500);
        let certificate = Certificate::self_signed(&key, "image signing 1", made, century).unwrap();
        let signature = RootHashSignature::sign(&root("a"), &key, &certificate).unwrap();
        fs::write(directory.join("key.pem"), &*key.to_pem().unwrap()).unwrap();
        fs::write(directory.join("cert.pem"), certificate.to_pem().unwrap()).unwrap();
        fs::write(directory.join("good"), root("a").to_string()).unwrap();
        fs::write(directory.join("bad"), root("b").to_string()).unwrap();
        fs::write(directory.join("signature"), signature.as_der()).unwrap();

        let verify =
            "-verify -inform DER -in signature -certfile cert.pem -noverify -binary -nointern -content";
        for command in ["smime", "cms"] {
            let Some(good) = openssl(directory, &format!("{command} {verify} good")) else { return };
            assert!(good.status.success(), "{algorithm}: {good:?}");
            assert_eq!(good.stdout, root("a").to_string().into_bytes());
            let bad = openssl(directory, &format!("{command} {verify} bad")).unwrap();
            assert!(!bad.status.success(), "{algorithm}: {bad:?}");
        }
        // The certificate is sound, its own issuer, and for nothing but signatures.
        let shown = openssl(directory, "x509 -in cert.pem -noout -text -fingerprint -sha256").unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        for part in
            ["CN = image signing 1", "CA:FALSE", "Digital Signature\n", "X509v3 Subject Key Identifier"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let fingerprint = shown.lines().find_map(|line| line.strip_prefix("sha256 Fingerprint="));
        let fingerprint = fingerprint.unwrap().replace(':', "").to_lowercase();
        assert_eq!(fingerprint, certificate.fingerprint().to_string());
        let checked =
            openssl(directory, "verify -x509_strict -partial_chain -check_ss_sig -CAfile cert.pem cert.pem")
                .unwrap();
        assert!(checked.status.success(), "{algorithm}: {checked:?}");
        // The key is theirs too: the same public key comes out of key and certificate.
        let of_key = openssl(directory, "pkey -in key.pem -pubout").unwrap();
        let of_certificate = openssl(directory, "x509 -in cert.pem -noout -pubkey").unwrap();
        assert!(of_key.status.success() && of_key.stdout == of_certificate.stdout);
    }
}

#[test]
fn what_openssl_signs_is_verified_here() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    fs::write(directory.join("root"), root("a").to_string()).unwrap();
    for (name, new_key) in [
        ("rsa", "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out rsa.key"),
        ("ec", "genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out ec.key"),
    ] {
        let Some(made) = openssl(directory, new_key) else { return };
        assert!(made.status.success(), "{made:?}");
        let request =
            format!("req -new -x509 -key {name}.key -out {name}.crt -days 2 -subj /O=Some/CN={name}");
        assert!(openssl(directory, &request).unwrap().status.success());
        let read = |file: &str| fs::read_to_string(directory.join(file)).unwrap();
        let certificate = Certificate::from_pem(&read(&format!("{name}.crt"))).unwrap();
        let signed_by_them = |command: &str, options: &str| {
            let sign = format!(
                "{command} -sign -binary {options} -in root -signer {name}.crt -inkey {name}.key -outform DER -out sig"
            );
            let signed = openssl(directory, &sign).unwrap();
            assert!(signed.status.success(), "{signed:?}");
            let der = fs::read(directory.join("sig")).unwrap();
            RootHashSignature::parse(&der)
        };
        for (command, options) in [
            ("smime", "-noattr -nocerts"),
            ("smime", "-noattr"),
            ("cms", "-noattr -nocerts"),
            ("cms", "-noattr -md sha256"),
        ] {
            let signature = signed_by_them(command, options).unwrap();
            assert_eq!(signature.verify(&root("a"), &certificate), Ok(()), "{name} {command} {options}");
            assert_eq!(signature.verify(&root("b"), &certificate), Err(SignatureError::Bad));
        }
        if name == "rsa" {
            let signature = signed_by_them("smime", "-noattr -nocerts -md sha512").unwrap();
            assert_eq!(signature.verify(&root("a"), &certificate), Ok(()));
        }
        let form = |what| Err(SignatureError::Form { what });
        assert_eq!(signed_by_them("smime", "-nocerts"), form("with signed attributes"));
        assert_eq!(signed_by_them("cms", "-noattr -nodetach"), form("with content"));

        // Our signature with their key: by RSA, which has no chance in it, the same.
        let key = SigningKey::from_pem(&read(&format!("{name}.key"))).unwrap();
        let ours = RootHashSignature::sign(&root("a"), &key, &certificate).unwrap();
        ours.verify(&root("a"), &certificate).unwrap();
        if name == "rsa" {
            let theirs = signed_by_them("cms", "-noattr -nocerts -md sha256").unwrap();
            assert_eq!(hex::encode(ours.as_der()), hex::encode(theirs.as_der()));
        }
    }
    // Keys and certificates of other kinds.
    for (new_key, certificate, key) in [
        ("genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024 -out k", true, KeyError::Size { bits: 1024 }),
        ("genpkey -algorithm ed25519 -out k", true, KeyError::Malformed),
        ("genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-384 -out k", true, KeyError::Malformed),
        (
            "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -aes-256-cbc -pass pass:x -out k",
            false,
            KeyError::Encrypted,
        ),
    ] {
        assert!(openssl(directory, new_key).unwrap().status.success());
        let pem = fs::read_to_string(directory.join("k")).unwrap();
        assert_eq!(SigningKey::from_pem(&pem).unwrap_err(), key, "{new_key}");
        if certificate {
            assert!(
                openssl(directory, "req -new -x509 -key k -out c -days 2 -subj /CN=x")
                    .unwrap()
                    .status
                    .success()
            );
            let pem = fs::read_to_string(directory.join("c")).unwrap();
            assert_eq!(Certificate::from_pem(&pem), Err(CertificateError::Key), "{new_key}");
        }
    }
}
