use super::*;
use crate::audit::{Checkpoint, VerifierKey, note};
use crate::key::Ed25519Key;

/// The text of a checkpoint.
const TEXT: &str = "example.com/log\n7\nAAAA\n";

fn witness(number: u8) -> (WitnessKey, Ed25519Key) {
    let signer = Ed25519Key::from_seed(&[number; 32]);
    let key =
        WitnessKey::new(&format!("witness.example.com/w{number}"), signer.public_key().clone()).unwrap();
    (key, signer)
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn checkpoint() -> (String, VerifierKey) {
    let signer = Ed25519Key::from_seed(&[9; 32]);
    let key = VerifierKey::new("example.com/log", signer.public_key().clone()).unwrap();
    (note::sign(TEXT, &key, &signer).unwrap(), key)
}

#[test]
fn a_witness_key_is_of_its_own_type() {
    let (key, signer) = witness(1);
    assert_eq!(key.to_string().parse(), Ok(key.clone()));
    let log = VerifierKey::new(key.name(), signer.public_key().clone()).unwrap();
    let error = ParseVerifierKeyError::Type { expected: 0x04, found: 0x01 };
    assert_eq!(log.to_string().parse::<WitnessKey>(), Err(error));
    let error = ParseVerifierKeyError::Type { expected: 0x01, found: 0x04 };
    assert_eq!(key.to_string().parse::<VerifierKey>(), Err(error));
    assert_ne!(log.to_string().split('+').nth(1), key.to_string().split('+').nth(1));
}

#[test]
fn cosignatures_are_added_verified_and_replaced() {
    let (note, log) = checkpoint();
    let ((one, signer), (two, other)) = (witness(1), witness(2));
    let lines = [sign(TEXT, at(100), &one, &signer).unwrap(), sign(TEXT, at(50), &two, &other).unwrap()];
    let both = add(&note, &lines.concat(), &[&one, &two]).unwrap();
    assert!(both.starts_with(&note));
    let told = |note: &str, keys: &[&WitnessKey]| {
        let found = verify(note.as_bytes(), keys).unwrap();
        found.into_iter().map(|found| (found.witness, found.time)).collect::<Vec<_>>()
    };
    let (of_one, of_two) = ((one.name().to_owned(), at(100)), (two.name().to_owned(), at(50)));
    assert_eq!(told(&both, &[&one, &two]), [of_one.clone(), of_two.clone()]);
    assert_eq!(told(&both, &[&two]), [of_two]);
    assert_eq!(told(&note, &[&one, &two]), []);
    // The log's own signature stands.
    assert_eq!(note::open(both.as_bytes(), &log), Ok(TEXT));

    // Only of those who are known; a later one in place of an earlier one.
    let first = add(&note, &lines.concat(), &[&one]).unwrap();
    assert_eq!(told(&first, &[&one, &two]), [of_one]);
    let again = add(&both, &sign(TEXT, at(200), &one, &signer).unwrap(), &[&one]).unwrap();
    assert_eq!(again.lines().count(), both.lines().count());
    assert_eq!(told(&again, &[&one]), [(one.name().to_owned(), at(200))]);
    assert_eq!(add(&note, &lines[1], &[&one]), Err(AddCosignatureError::Unknown));
}

#[test]
fn a_cosignature_is_of_its_text_its_time_and_its_witness() {
    let (note, _log) = checkpoint();
    let ((one, signer), (_, other)) = (witness(1), witness(2));
    let bad = AddCosignatureError::Note(NoteError::BadSignature { name: one.name().to_owned() });
    let refused = |line: &str| assert_eq!(add(&note, line, &[&one]), Err(bad.clone()), "{line}");
    refused(&sign("example.com/log\n8\nAAAA\n", at(1), &one, &signer).unwrap());
    refused(&sign(TEXT, at(1), &one, &other).unwrap());
    refused(&one.0.line(b""));
    refused(&one.0.line(&[0; 8]));
    // A plain signature is none.
    refused(&one.0.line(&[&1_u64.to_be_bytes()[..], &signer.sign(TEXT.as_bytes()).unwrap()].concat()));
    // Later than 2^63 - 1.
    let late = u64::MAX;
    let signature = signer.sign(message(TEXT, late).as_bytes()).unwrap();
    refused(&one.0.line(&[&late.to_be_bytes()[..], &signature].concat()));

    let good = add(&note, &sign(TEXT, at(1), &one, &signer).unwrap(), &[&one]).unwrap();
    for bit in 0..good.len() * 8 {
        let mut flipped = good.clone().into_bytes();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let counted = verify(&flipped, &[&one]).is_ok_and(|found| found.len() == 1);
        let line_of_log = note.len() * 8 > bit && bit >= (TEXT.len() + 1) * 8;
        assert!(!counted || line_of_log, "bit {bit}");
    }
    for lines in ["", "\n", "no line\n", "\u{2014} name\n", "\u{2014} name !\n"] {
        let error = add(&note, lines, &[&one]).unwrap_err();
        assert!(matches!(error, AddCosignatureError::Note(NoteError::Malformed { .. })), "{lines:?}");
    }
}

/// The example in c2sp.org/tlog-cosignature: its witness's key id is that of the line.
#[test]
fn the_specifications_example_is_read() {
    let example = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let note = Note::parse(example.as_bytes()).unwrap();
    let [_log, line] = &note.signatures[..] else { panic!("two signatures") };
    assert_eq!((line.bytes.len(), &line.bytes[..8]), (72, &1_679_315_147_u64.to_be_bytes()[..]));
    assert!(verify(example.as_bytes(), &[&witness(1).0]).unwrap().is_empty());
    assert!(Checkpoint::open(example.as_bytes(), &checkpoint().1).is_err());
}
