//! openfactory-zone2.
