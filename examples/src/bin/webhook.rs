//! `webhook`: receives ServiceNow's calls and hands them on.

use std::process::ExitCode;

fn main() -> ExitCode {
    openfactory_examples::webhook::command::main()
}
