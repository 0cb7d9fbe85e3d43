//! Values of every format, by a policy's place.

use openfactory_zone2::constraint::Constraint;
use openfactory_zone2::live::FixedFacts;
use openfactory_zone2::policy::{EntryKind, Owner, Problem};
use openfactory_zone2::value::{FileMetadata, ReadFileError, ReadFiles, observe};
use openfactory_zone2::{Constraints, Observed};
use rcgen::{CertificateParams, DnType, KeyPair, SanType};

struct One(Vec<u8>);

impl ReadFiles for One {
    fn read(&self, _path: &str, _most: usize) -> Result<Option<Vec<u8>>, ReadFileError> {
        Ok(Some(self.0.clone()))
    }

    fn metadata(&self, _path: &str) -> Result<Option<FileMetadata>, ReadFileError> {
        let (kind, owner) = (EntryKind::File, Owner::new(0, 12));
        Ok(Some(FileMetadata::new(kind, 0o640, owner, self.0.len() as u64, super::support::at(0))))
    }
}

fn parse(format: &str, key: &str) -> Result<Constraints, Problem> {
    let place = serde_json::json!({ "file": "/etc/x", "key": key, "format": format });
    let constraint = serde_json::json!({ "id": "a", "type": "pattern", "pattern": ".*", "place": place });
    let text = serde_json::json!({ "version": 1, "constraints": [constraint] }).to_string();
    Constraints::parse(text.as_bytes()).map_err(|error| error.problem().clone())
}

fn look(format: &str, key: &str, content: impl AsRef<[u8]>) -> Observed {
    let policy = parse(format, key).unwrap();
    let place = policy.iter().next().map(Constraint::place).unwrap();
    observe(place, &One(content.as_ref().to_vec()), &FixedFacts::new())
}

#[test]
fn every_format_has_its_values() {
    let netplan = "network:\n  ethernets:\n    eth0: {addresses: [10.20.3.7/24]}\n";
    let table = [
        ("yaml", "network.ethernets.*.addresses", netplan, "10.20.3.7/24"),
        ("toml", "net.\"eth0.1\".address", "[net.\"eth0.1\"]\naddress = \"10.20.3.7/24\"\n", "10.20.3.7/24"),
        ("systemd", "Network.DNS", "[Network]\nDNS=10.0.0.1\nDNS=\nDNS=10.20.0.2\n", "10.20.0.2"),
        ("keyfile", "ipv4.addresses", "[ipv4]\naddress1=10.20.3.7/24,10.20.3.1\n", "10.20.3.7/24"),
        ("hosts", "mes", "10.20.0.2 mes # the plant's\n", "10.20.0.2"),
        ("regex", r"^ip address (\S+)$", "hostname a\nip address 10.20.3.7\n", "10.20.3.7"),
        ("metadata", "mode", "x", "0640"),
        ("metadata", "gid", "x", "12"),
        ("metadata", "size", "four", "4"),
        ("metadata", "kind", "x", "file"),
    ];
    for (format, key, content, expected) in table {
        assert_eq!(look(format, key, content), Observed::value(expected), "{format} {key}");
    }
}

#[test]
fn certificates_have_members() {
    let mut params = CertificateParams::new(vec!["press-7.example".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::IpAddress([10, 20, 3, 7].into()));
    params.distinguished_name.push(DnType::CommonName, "press-7");
    params.not_after = rcgen::date_time_ymd(2027, 1, 2);
    params.serial_number = Some(vec![0x0a, 0xff].into());
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let table = [
        ("dns", "press-7.example"),
        ("ip", "10.20.3.7"),
        ("subject", "press-7"),
        ("issuer", "press-7"),
        ("serial", "0AFF"),
        ("not-after", "2027-01-02T00:00:00Z"),
        ("key-type", "p256"),
        ("key-bits", "256"),
    ];
    for (member, expected) in table {
        assert_eq!(look("certificate", member, certificate.pem()), Observed::value(expected), "{member}");
        assert_eq!(look("certificate", member, certificate.der()), Observed::value(expected), "{member}");
    }
    let digest = openfactory_attest::Sha256Digest::of(certificate.der()).to_string();
    assert_eq!(look("certificate", "sha256", certificate.pem()), Observed::value(digest));
    assert!(matches!(look("certificate", "dns", "no certificate"), Observed::Unreadable(_)));
}

#[test]
fn keys_that_a_format_cannot_have_are_refused() {
    assert_eq!(parse("yaml", "a.\"b").unwrap_err(), Problem::KeyQuotes);
    assert_eq!(parse("json", "\"a\"b").unwrap_err(), Problem::KeyQuotes);
    assert!(matches!(parse("regex", "(").unwrap_err(), Problem::Pattern(_)));
    assert!(matches!(parse("regex", "(a)(b)").unwrap_err(), Problem::Pattern(_)));
    assert!(matches!(parse("certificate", "colour").unwrap_err(), Problem::UnknownWord { .. }));
    assert!(matches!(parse("metadata", "colour").unwrap_err(), Problem::UnknownWord { .. }));
}

/// A device whose files are known by content alone.
#[test]
fn metadata_that_nobody_knows_is_not_checked() {
    struct Content;
    impl ReadFiles for Content {
        fn read(&self, _path: &str, _most: usize) -> Result<Option<Vec<u8>>, ReadFileError> {
            Ok(None)
        }
    }
    let policy = parse("metadata", "mode").unwrap();
    let place = policy.iter().next().map(Constraint::place).unwrap();
    assert!(matches!(observe(place, &Content, &FixedFacts::new()), Observed::Unreadable(_)));
}
