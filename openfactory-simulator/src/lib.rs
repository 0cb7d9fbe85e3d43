//! openfactory-simulator.
