//! `attest`: build evidence, made and checked offline.

use std::process::ExitCode;

fn main() -> ExitCode {
    openfactory_examples::attest::main()
}
