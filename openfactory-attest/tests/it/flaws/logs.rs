//! What an audit log and its witnesses write.

use openfactory_attest::audit::policy::Policy;
use openfactory_attest::audit::tile::{parse_entries, parse_hashes};
use openfactory_attest::audit::{VerifierKey, WitnessKey};
use openfactory_attest::{Ed25519Key, Signer as _};

use super::{Refused, key};

/// Of three hashes.
pub(super) fn tile(input: &[u8]) -> Refused {
    Ok(parse_hashes(input, 3).map(drop)?)
}

/// Of three entries.
pub(super) fn tile_entries(input: &[u8]) -> Refused {
    Ok(parse_entries(input, 3).map(drop)?)
}

/// One of the one witness that is known has to be there.
pub(super) fn cosignature(input: &[u8]) -> Refused {
    let witness = Ed25519Key::from_seed(&[9; 32]).public_key().clone();
    let policy = Policy::at_least(1, [WitnessKey::new("example.com/witness", witness)?]);
    let policy = policy.of_log(VerifierKey::new("example.com/log", key())?);
    Ok(policy.open(input).map(drop)?)
}

pub(super) fn witness_policy(input: &[u8]) -> Refused {
    Ok(Policy::parse(input).map(drop)?)
}
