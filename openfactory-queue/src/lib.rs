//! openfactory-queue.
