//! What root keys sign: the input is what is signed here, so that a person can read it.

use openfactory_attest::trust::registry::{self, KeyRegistry};
use openfactory_attest::trust::revocation::{self, RevocationList};
use openfactory_attest::{Ed25519Key, Envelope, KeyKind, TrustStore, TrustedKey};

use super::{Refused, key};

fn signed(input: &[u8], payload_type: &str) -> Result<(Envelope, TrustStore), Box<dyn std::error::Error>> {
    let mut trust = TrustStore::new();
    trust.add(TrustedKey::new("root", KeyKind::RootSigning, key()))?;
    Ok((Envelope::sign(payload_type, input, &Ed25519Key::from_seed(&[7; 32]))?, trust))
}

pub(super) fn key_registry(input: &[u8]) -> Refused {
    let (envelope, trust) = signed(input, registry::PAYLOAD_TYPE)?;
    Ok(KeyRegistry::open(&envelope, &trust, 1).map(drop)?)
}

pub(super) fn revocation_list(input: &[u8]) -> Refused {
    let (envelope, trust) = signed(input, revocation::PAYLOAD_TYPE)?;
    Ok(RevocationList::open(&envelope, &trust).map(drop)?)
}
