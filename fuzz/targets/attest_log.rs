//! What comes from published logs and their witnesses: tiles, bundles of entries, cosignatures, policies, proofs of
//! consistency. Read or refused; what is read is written as what was read; what nobody signed is believed by nobody.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::audit::tile::{parse_entries, parse_hashes};
use openfactory_attest::audit::tree::TreeHead;
use openfactory_attest::audit::witness::Request;
use openfactory_attest::audit::{Checkpoint, Policy, VerifierKey, WitnessKey, cosignature};
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::{Ed25519Key, Signer as _};

fuzz_target!(|input: &[u8]| {
    let public = Ed25519Key::from_seed(&[7; 32]).public_key().clone();
    let other = Ed25519Key::from_seed(&[8; 32]).public_key().clone();
    let log = VerifierKey::new("example.com/log", other).expect("a name");
    let witness = WitnessKey::new("w1.example.com", public).expect("a name");
    if let Some((width, tile)) = input.split_first_chunk() {
        tiles(u16::from_be_bytes(*width) % 257, tile);
    }
    // The seeds are signed by other keys; nobody guesses a signature of these.
    assert!(Policy::at_least(1, [witness.clone()]).cosigned(input).is_err());
    let head = Checkpoint::unverified(input);
    if let Ok(request) = Request::parse(input) {
        assert_eq!(Request::parse(request.to_string().as_bytes()), Ok(request.clone()));
        assert!(request.verify(head.unwrap_or(TreeHead::new(0, Sha256Digest::of(b""))), &log).is_err());
    }
    if let Ok(policy) = Policy::parse(input) {
        // No log signed this, whatever policy it is held against.
        let note =
            "example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\u{2014} x AAAAAAAA\n";
        assert!(policy.open(note.as_bytes()).is_err());
        assert!(policy.witnesses().count() <= 256);
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(key) = text.parse::<WitnessKey>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    let (note, lines) = text.split_once('\0').unwrap_or((text, text));
    assert!(cosignature::add(note, lines, &[&witness]).is_err());
});

fn tiles(width: u16, tile: &[u8]) {
    if let Ok(hashes) = parse_hashes(tile, width) {
        assert_eq!(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<u8>>(), tile);
    }
    if let Ok(entries) = parse_entries(tile, width) {
        assert_eq!(entries.len(), usize::from(width));
        let len = |entry: &&[u8]| u16::try_from(entry.len()).expect("a length of two bytes").to_be_bytes();
        let written: Vec<u8> = entries.iter().flat_map(|entry| [&len(entry)[..], *entry].concat()).collect();
        assert_eq!(written, tile);
    }
}
