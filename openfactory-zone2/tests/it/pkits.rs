//! NIST's PKITS (as in PyPI's `cryptography_vectors`): whether certificates chain, against a suite that others made.
//!
//! A test's name says what it expects. What is not asked here, with the reason, is in [`not_asked`] and [`STRICTER`].

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use openfactory_zone2::constraint::CaSet;

/// Why a test of the suite asks for something that no rule here wants; none if it is asked.
fn not_asked(name: &str) -> Option<&'static str> {
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    if has(&[
        "CRL",
        "cRL",
        "Revoked",
        "IDP",
        "distributionPoint",
        "DistributionPoint",
        "onlySomeReasons",
        "onlyContains",
    ]) {
        return Some("revocation lists are not looked at");
    }
    // By the suite's document these four are invalid since the certificate is revoked.
    let revoked = [
        "InvalidBasicSelfIssuedNewWithOldTest5",
        "InvalidBasicSelfIssuedOldWithNewTest2",
        "InvalidLongSerialNumberTest18",
        "InvalidNegativeSerialNumberTest15",
    ];
    if revoked.contains(&name) {
        return Some("revocation lists are not looked at");
    }
    if has(&["Polic", "policy", "inhibit", "CPSPointer", "UserNotice"]) {
        return Some("certificate policies are not looked at");
    }
    None
}

/// Valid by the suite, refused here, by the beginning of their names: stricter is the safe side, and each has its reason.
const STRICTER: &[(&str, &str)] = &[
    ("ValidDSA", "DSA is not believed"),
    ("ValidNameChainingWhitespace", "names are compared byte by byte"),
    ("ValidNameChainingCapitalization", "names are compared byte by byte"),
    ("ValidUTF8StringCaseInsensitiveMatch", "names are compared byte by byte"),
    ("ValidRolloverfromPrintableStringtoUTF8String", "names are compared byte by byte"),
    ("ValidNameUIDs", "unique identifiers, which RFC 5280 forbids to issue, are not read"),
    ("ValidDNname", "constraints on directory names are not understood, so they are refused"),
    ("ValidDNandRFC822name", "constraints on directory names are not understood, so they are refused"),
    ("ValidRFC822name", "constraints on mail addresses are not understood, so they are refused"),
    ("ValidURIname", "constraints on URIs are not understood, so they are refused"),
    ("ValidSelfIssuedpathLenConstraint", "certificates that issue themselves count as others"),
    ("ValidpathLenConstraintTest8EE", "a device's certificate issues none"),
    ("ValidpathLenConstraintTest14EE", "a device's certificate issues none"),
    ("Validpre2000UTCnotBeforeDate", "years before 1970 are not read"),
];

/// Where the certificates are; none, said out loud, where the package is not installed.
fn certificates() -> Option<PathBuf> {
    let python = std::env::var("OPENFACTORY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = "import cryptography_vectors, os; print(os.path.dirname(cryptography_vectors.__file__))";
    let output =
        Command::new(python).args(["-c", script]).output().ok().filter(|output| output.status.success());
    let Some(output) = output else {
        let strict = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|value| value == "1");
        assert!(!strict, "needs the Python module cryptography_vectors");
        let mut stderr = std::io::stderr();
        writeln!(stderr, "SKIPPED: pkits: needs the Python module cryptography_vectors").unwrap();
        return None;
    };
    let root = String::from_utf8(output.stdout).unwrap();
    Some(Path::new(root.trim()).join("x509/PKITS_data/certs"))
}

/// The names of issuer and subject, undecoded.
fn names(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let (_, certificate) = X509Certificate::from_der(der).unwrap();
    (certificate.issuer().as_raw().to_vec(), certificate.subject().as_raw().to_vec())
}

fn pem(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[test]
fn verdicts_agree_with_the_suite() {
    let Some(folder) = certificates() else { return };
    let mut all: Vec<(String, Vec<u8>)> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap())
        })
        .collect();
    all.sort();
    let anchor = all.iter().find(|(name, _)| name == "TrustAnchorRootCertificate").unwrap();
    let trusted = CaSet::of(vec![anchor.1.clone()]).unwrap();
    // 2026-01-01, when the suite's certificates are in force.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let issuers: Vec<_> =
        all.iter().filter(|(name, _)| !name.ends_with("EE")).map(|(_, der)| (names(der), der)).collect();
    let (mut asked, mut wrong) = (0, Vec::new());
    for (name, der) in all.iter().filter(|(name, _)| name.ends_with("EE")) {
        let Some(valid) = name.strip_suffix("EE").and_then(|name| match name {
            name if not_asked(name).is_some() => None,
            name if name.starts_with("Valid") => Some(true),
            name if name.starts_with("Invalid") => Some(false),
            _ => None,
        }) else {
            continue;
        };
        // All that may stand between: whoever has the name of an issuer.
        let mut chain = vec![der];
        let mut wanted = vec![names(der).0];
        while let Some(issuer) = wanted.pop() {
            for ((above, subject), der) in &issuers {
                if *subject == issuer && !chain.contains(der) && chain.len() < 16 {
                    chain.push(der);
                    wanted.push(above.clone());
                }
            }
        }
        let text: String = chain.iter().map(|der| pem(der)).collect();
        let verdict = trusted.verify(text.as_bytes(), now);
        let stricter = STRICTER.iter().any(|(test, _)| name.starts_with(test));
        asked += 1;
        if verdict.is_ok() != (valid && !stricter) {
            wrong.push(format!("{name}: {verdict:?}"));
        }
    }
    assert!(asked >= 80, "{asked} tests were asked");
    assert!(wrong.is_empty(), "{} of {asked}: {wrong:#?}", wrong.len());
}
