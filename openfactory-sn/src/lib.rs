//! openfactory-sn.
