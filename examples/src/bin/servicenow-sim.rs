//! `servicenow-sim`: a ServiceNow to test against, as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    openfactory_examples::servicenow_sim::main()
}
