//! Quotes by software TPMs, with each scheme; altered; and what tpm2-tools and OpenSSL say to the same.
//! `tests/evidence/README.md` says how they were made.

use std::fs;
use std::path::{Path, PathBuf};

use openfactory_attest::ima::{Attested, BinaryList, Check, Event, Replay};
use openfactory_attest::tpm::quote::{AttestationKey, Expected, MAX_QUOTE, Quote, QuoteError, Selection};
use openfactory_attest::tpm::{Bank, PcrValues};

const NONCE: &str = "00112233445566778899aabbccddeeff";

/// Folder, what is quoted there, and the hash of the scheme.
const QUOTES: [(&str, &str, &str); 4] = [
    ("quotes/rsassa", "sha1:10+sha256:0,1,10", "sha256"),
    ("quotes/rsapss", "sha1:10+sha256:0,1,10", "sha256"),
    ("quotes/ecdsa", "sha1:10+sha256:0,1,10", "sha256"),
    ("quotes/rsassa-sha384", "sha1:10+sha256:0,1,10", "sha384"),
];

fn evidence(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence").join(name)
}

fn read(name: &str) -> Vec<u8> {
    fs::read(evidence(name)).unwrap()
}

fn key(folder: &str) -> AttestationKey {
    AttestationKey::from_pem(&String::from_utf8(read(&format!("{folder}/ak.pem"))).unwrap()).unwrap()
}

fn pcrs(name: &str) -> PcrValues {
    PcrValues::parse(&read(name)).unwrap()
}

fn verify(folder: &str, asked: &str, message: &[u8], signature: &[u8]) -> Result<Quote, QuoteError> {
    let (nonce, asked) = (hex::decode(NONCE).unwrap(), asked.parse::<Selection>().unwrap());
    Expected::new(&key(folder), &nonce, &asked, &pcrs("quotes/pcrs.txt")).verify(message, signature)
}

#[test]
fn genuine_quotes_hold_and_no_changed_byte_does() {
    for (folder, asked, _) in QUOTES {
        let (message, signature) =
            (read(&format!("{folder}/quote.msg")), read(&format!("{folder}/quote.sig")));
        let quote = verify(folder, asked, &message, &signature).unwrap();
        assert_eq!(quote.pcrs.len(), asked.parse::<Selection>().unwrap().pcrs().count(), "{folder}");
        for at in 0..message.len() {
            let mut changed = message.clone();
            changed[at] ^= 1;
            let refused = verify(folder, asked, &changed, &signature);
            assert_eq!(refused, Err(QuoteError::Signature), "{folder}: byte {at} of the quote");
        }
        for at in 0..signature.len() {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert!(
                verify(folder, asked, &message, &changed).is_err(),
                "{folder}: byte {at} of the signature"
            );
            assert!(verify(folder, asked, &message, &signature[..at]).is_err(), "{folder}: {at} bytes");
        }
        assert!(verify(folder, asked, &message, &[&signature[..], &[0]].concat()).is_err(), "{folder}");
    }
}

#[test]
fn other_keys_nonces_and_schemes_are_refused() {
    let (message, signature) = (read("quotes/rsassa/quote.msg"), read("quotes/rsassa/quote.sig"));
    let asked: Selection = QUOTES[0].1.parse().unwrap();
    let (nonce, pcrs) = (hex::decode(NONCE).unwrap(), pcrs("quotes/pcrs.txt"));
    let by = |key: &AttestationKey| Expected::new(key, &nonce, &asked, &pcrs).verify(&message, &signature);
    assert_eq!(by(&key("boot")), Err(QuoteError::Signature));
    assert_eq!(by(&key("quotes/ecdsa")), Err(QuoteError::Scheme { scheme: 0x14, hash: 0xb }));
    let own = key("quotes/rsassa");
    for other in [&nonce[..15], b"", &[&nonce[..], &[0]].concat()] {
        let replayed = Expected::new(&own, other, &asked, &pcrs).verify(&message, &signature);
        assert_eq!(replayed, Err(QuoteError::Nonce));
    }
    // SHA-1 is not taken, whoever signed.
    let mut weak = signature.clone();
    weak[2..4].copy_from_slice(&[0, 4]);
    let refused = Expected::new(&own, &nonce, &asked, &pcrs).verify(&message, &weak);
    assert_eq!(refused, Err(QuoteError::Scheme { scheme: 0x14, hash: 4 }));
    let long = Expected::new(&own, &nonce, &asked, &pcrs).verify(&vec![0; MAX_QUOTE + 1], &signature);
    assert_eq!(long, Err(QuoteError::Form { what: "TPMS_ATTEST" }));
    assert_eq!(AttestationKey::from_pem("x").unwrap_err(), QuoteError::Key);
}

#[test]
fn what_a_list_leads_to_is_what_was_quoted_after_one_of_its_entries() {
    let list = read("boot/ima.bin");
    let list: Vec<Event> = BinaryList::new(&list[..]).collect::<Result<_, _>>().unwrap();
    let asked: Selection = "sha1:10+sha256:0,1,2,3,4,5,6,7,8,9,10".parse().unwrap();
    let (key, nonce) = (key("boot"), hex::decode(NONCE).unwrap());
    let mut pcrs = pcrs("boot/pcrs.txt");
    let mut replay = Replay::new([Bank::Sha1, Bank::Sha256]);
    let mut quoted = Vec::new();
    for event in &list {
        replay.extend(event);
        for value in replay.values() {
            pcrs.insert(10, *value);
        }
        let verified = Expected::new(&key, &nonce, &asked, &pcrs)
            .verify(&read("boot/quote.msg"), &read("boot/quote.sig"));
        match verified {
            Ok(quote) => quoted.push((replay.entries(), quote)),
            Err(error) => assert_eq!(error, QuoteError::Digest),
        }
    }
    let [(after, quote)] = &quoted[..] else { panic!("{quoted:?}") };
    let report = Check::new().expecting(&quote.pcrs).run(list.into_iter().map(Ok)).unwrap();
    assert_eq!(report.attested, Attested::Prefix { entries: *after, tail: 57 - after });
    assert!(*after < 57);
}

#[test]
fn other_peoples_tools_say_the_same() {
    let folder = crate::tool::quick_directory();
    for (name, asked, hash) in QUOTES {
        let (message, signature) = (read(&format!("{name}/quote.msg")), read(&format!("{name}/quote.sig")));
        let changed = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            bytes
        };
        let cases = [
            (message.clone(), signature.clone(), true),
            (changed(&message), signature.clone(), false),
            (message.clone(), changed(&signature), false),
        ];
        for (message, signature, good) in cases {
            fs::write(folder.path().join("msg"), &message).unwrap();
            fs::write(folder.path().join("sig"), &signature).unwrap();
            fs::write(folder.path().join("bare"), signature.get(6..).unwrap()).unwrap();
            let (ak, values) = (evidence(&format!("{name}/ak.pem")), evidence(&format!("{name}/quote.pcrs")));
            let (ak, values) = (ak.to_str().unwrap(), values.to_str().unwrap());
            let quote = ["-u", ak, "-m", "msg", "-s", "sig", "-f", values, "-q", NONCE, "-g", hash];
            let padding = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:auto"];
            let pss =
                [&["dgst", "-sha256", "-verify", ak, "-signature", "bare"][..], &padding, &["msg"]].concat();
            // Debian 12's tpm2_checkquote knows no RSAPSS.
            let by_openssl = name == "quotes/rsapss";
            let (tool, arguments) =
                if by_openssl { ("openssl", &pss[..]) } else { ("tpm2_checkquote", &quote[..]) };
            let test = "other_peoples_tools_say_the_same";
            let Some(output) = crate::tool::run(test, folder.path(), tool, arguments) else { return };
            assert_eq!(output.status.success(), good, "{name}: {}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(verify(name, asked, &message, &signature).is_ok(), good, "{name}");
        }
    }
}
