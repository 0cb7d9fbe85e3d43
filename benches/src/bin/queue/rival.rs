//! The rival's round trip, measured by a program of a workspace of its own: two crates that link SQLite can't meet.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::Result;

/// Messages a second, as the program says on its last line.
pub(crate) fn measure(program: &Path, file: &Path, span: Duration) -> Result<f64> {
    let output = Command::new(program).arg(file).arg(span.as_secs_f64().to_string()).output()?;
    if !output.status.success() {
        return Err(format!("the rival: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let last = text.lines().last().ok_or("the rival says nothing")?;
    Ok(last.trim().parse()?)
}
