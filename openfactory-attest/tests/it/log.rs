//! The log that is tested, and whose it is.

use std::sync::{Arc, LazyLock};

use openfactory_attest::audit::VerifierKey;
use openfactory_attest::{Ed25519Key, Signer};

pub(crate) const ORIGIN: &str = "example.com/audit/router-1";

pub(crate) fn signer() -> Arc<Ed25519Key> {
    Arc::new(Ed25519Key::from_seed(&[3; 32]))
}

pub(crate) fn key() -> VerifierKey {
    static KEY: LazyLock<VerifierKey> =
        LazyLock::new(|| VerifierKey::new(ORIGIN, signer().public_key().clone()).unwrap());
    KEY.clone()
}
