//! `attest`: build evidence, made and checked offline.
fn main() {}
