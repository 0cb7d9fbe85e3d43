//! `agent`: is this device still what was built?

use std::process::ExitCode;

fn main() -> ExitCode {
    openfactory_examples::agent::command::main()
}
