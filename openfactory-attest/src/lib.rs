//! openfactory-attest.
