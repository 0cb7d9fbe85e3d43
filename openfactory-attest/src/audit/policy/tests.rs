use std::time::SystemTime;

use super::*;
use crate::audit::note;
use crate::key::{Ed25519Key, Signer as _};

const TEXT: &str = "example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

fn log(seed: u8) -> (VerifierKey, Ed25519Key) {
    let signer = Ed25519Key::from_seed(&[seed; 32]);
    (VerifierKey::new("example.com/log", signer.public_key().clone()).unwrap(), signer)
}

fn witness(number: u8) -> WitnessKey {
    let signer = Ed25519Key::from_seed(&[number; 32]);
    WitnessKey::new(&format!("w{number}.example.com"), signer.public_key().clone()).unwrap()
}

/// A checkpoint of the log, cosigned by these.
fn cosigned(numbers: &[u8]) -> String {
    let (key, signer) = log(100);
    let mut note = note::sign(TEXT, &key, &signer).unwrap();
    for number in numbers {
        let key = Ed25519Key::from_seed(&[*number; 32]);
        note += &cosignature::sign(TEXT, SystemTime::UNIX_EPOCH, &witness(*number), &key).unwrap();
    }
    note
}

/// The example of c2sp.org/tlog-policy, with keys.
fn example() -> String {
    let w = witness;
    format!(
        "log {}\n\nwitness X1 {}\nwitness X2 {}\nwitness\tX3  {} https://w.example\n  # two of them\ngroup X-witnesses 2 X1 X2 X3\n\n\
         witness Y1 {}\nwitness Y2 {}\nwitness Y3 {}\ngroup Y-witnesses any Y1 Y2 Y3\n\n\
         group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n",
        log(100).0,
        w(1),
        w(2),
        w(3),
        w(4),
        w(5),
        w(6)
    )
}

#[test]
fn two_of_three_here_and_one_of_three_there() {
    let policy = Policy::parse(example().as_bytes()).unwrap();
    assert_eq!((policy.logs().count(), policy.witnesses().count()), (1, 6));
    for set in 0_u8..64 {
        let numbers: Vec<u8> = (1..=6).filter(|number| set & (1 << (number - 1)) != 0).collect();
        let enough = (set & 7).count_ones() >= 2 && set >> 3 != 0;
        let note = cosigned(&numbers);
        let opened = policy.open(note.as_bytes());
        assert_eq!(opened.is_ok(), enough, "{numbers:?}");
        match opened {
            Ok((checkpoint, cosignatures)) => {
                assert_eq!((checkpoint.head.size, cosignatures.len()), (0, numbers.len()));
            }
            Err(PolicyError::Quorum { witnesses }) => assert_eq!(witnesses.len(), numbers.len()),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_does_not_count() {
    let policy = Policy::parse(example().as_bytes()).unwrap();
    let note = cosigned(&[1, 2, 4]);
    // A witness that nobody knows is ignored; a known one's that does not verify makes the whole not believed.
    assert!(policy.open(cosigned(&[1, 2, 4, 9]).as_bytes()).is_ok());
    let last = note.rfind(' ').unwrap() + 20;
    let forged = format!(
        "{}{}{}",
        &note[..last],
        if &note[last..=last] == "A" { "B" } else { "A" },
        &note[last + 1..]
    );
    assert!(matches!(policy.open(forged.as_bytes()), Err(PolicyError::Note(NoteError::BadSignature { .. }))));
    // Another log's.
    let (other, signer) = log(101);
    let other = note::sign(TEXT, &other, &signer).unwrap();
    assert!(matches!(policy.open(other.as_bytes()), Err(PolicyError::Checkpoint(_))));

    let two = Policy::at_least(2, [witness(1), witness(2), witness(1)]);
    assert_eq!(two.cosigned(note.as_bytes()).unwrap().len(), 2);
    let once = Err(PolicyError::Quorum { witnesses: vec!["w1.example.com".to_owned()] });
    assert_eq!(two.cosigned(cosigned(&[1, 1]).as_bytes()), once);
    assert_eq!(two.open(note.as_bytes()), Err(PolicyError::NoLog));
    let nobody = Policy::parse(b"quorum none\n").unwrap();
    assert_eq!(nobody.cosigned(note.as_bytes()), Ok(Vec::new()));
    assert!(matches!(nobody.cosigned(b"nothing"), Err(PolicyError::Note(NoteError::Malformed { .. }))));
    assert_eq!(Policy::at_least(0, []).cosigned(note.as_bytes()), Ok(Vec::new()));
    assert!(Policy::at_least(1, []).cosigned(note.as_bytes()).is_err());
}

#[test]
fn each_flaw_of_a_policy_has_its_line() {
    let parse = |text: &str| Policy::parse(text.as_bytes()).unwrap_err().to_string();
    let (w1, w2) = (witness(1), witness(2));
    let base = format!("witness a {w1}\nwitness b {w2}\n");
    let after = |line: &str| parse(&format!("{base}{line}\nquorum a\n"));
    assert_eq!(parse(""), "line 1 of the policy: there is no quorum line");
    assert_eq!(parse(&base), "line 2 of the policy: there is no quorum line");
    for (line, reason) in [
        ("quorum a", "line 4 of the policy: there is a quorum already"),
        ("quorum c", "line 3 of the policy: it names a witness or group that is not there before it"),
        ("group g any none", "line 3 of the policy: it names a witness or group that is not there before it"),
        (
            "group g 3 a b",
            "line 3 of the policy: its threshold is neither any, all, nor a number of its members",
        ),
        (
            "group g 0 a b",
            "line 3 of the policy: its threshold is neither any, all, nor a number of its members",
        ),
        (
            "group g 01 a b",
            "line 3 of the policy: its threshold is neither any, all, nor a number of its members",
        ),
        ("group g any a a", "line 3 of the policy: one of its members is in a group already"),
        ("group g any", "line 3 of the policy: it is no line of log, witness, group or quorum"),
        ("group a any b", "line 3 of the policy: its name is taken"),
        ("group none any b", "line 3 of the policy: its name is taken"),
        ("nonsense", "line 3 of the policy: it is no line of log, witness, group or quorum"),
        ("quorum\u{b}a", "line 3 of the policy: it has control characters"),
    ] {
        assert_eq!(after(line), reason, "{line}");
    }
    assert_eq!(
        after(&format!("witness c {w1}")),
        "line 3 of the policy: a witness of this key is there already"
    );
    let twice = format!("log {0}\nlog {0}\nquorum none\n", log(100).0);
    assert_eq!(parse(&twice), "line 2 of the policy: a log of this key is there already");
    let as_log = after(&format!("log {w1}"));
    assert!(as_log.starts_with("line 3 of the policy: the key can't be used: "), "{as_log}");
    assert_eq!(parse(&"#".repeat(70_000)), "line 1 of the policy: it is too long");
    let many: String = (0..300)
        .map(|n| format!("group g{n} any {}\n", if n == 0 { "a".to_owned() } else { format!("g{}", n - 1) }))
        .collect();
    assert_eq!(after(&many), "line 257 of the policy: there are too many witnesses and groups");
}
