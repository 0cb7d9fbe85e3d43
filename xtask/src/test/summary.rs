//! What came of each step.

use std::fmt;
use std::time::Duration;

/// What came of one step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Checked, and bad or not to be checked; with the reason.
    Failed(String),
    /// Checked and good.
    Passed,
    /// Good as far as it was checked; what was not, with the reasons.
    Skipped(Vec<String>),
}

impl Outcome {
    /// Passed, or skipped for these reasons.
    pub(super) fn passed_but(skipped: Vec<String>) -> Self {
        if skipped.is_empty() { Self::Passed } else { Self::Skipped(skipped) }
    }

    /// Passed, or failed for this reason.
    pub(super) fn passed_if(good: bool, reason: &str) -> Self {
        if good { Self::Passed } else { Self::Failed(reason.to_owned()) }
    }
}

/// All steps of a run; prints as a table.
#[derive(Debug)]
pub(super) struct Summary {
    strict: bool,
    rows: Vec<(&'static str, Outcome, Duration)>,
}

impl Summary {
    /// An empty table. If `strict`, what was skipped counts as failed.
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, rows: Vec::new() }
    }

    /// Adds what came of a step.
    pub(super) fn add(&mut self, step: &'static str, outcome: Outcome, time: Duration) {
        let outcome = match outcome {
            Outcome::Skipped(reasons) if self.strict => {
                Outcome::Failed(format!("skipped: {}", reasons.join("; ")))
            }
            outcome => outcome,
        };
        self.rows.push((step, outcome, time));
    }

    /// Whether no step failed.
    pub(super) fn is_good(&self) -> bool {
        !self.rows.iter().any(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<12} {:<8} {:>7}", "step", "result", "seconds")?;
        for (step, outcome, time) in &self.rows {
            let word = match outcome {
                Outcome::Failed(_) => "FAILED",
                Outcome::Passed => "passed",
                Outcome::Skipped(_) => "skipped",
            };
            writeln!(f, "{step:<12} {word:<8} {:>7.1}", time.as_secs_f64())?;
        }
        for (step, outcome, _) in &self.rows {
            match outcome {
                Outcome::Failed(reason) => writeln!(f, "FAILED {step}: {reason}")?,
                Outcome::Skipped(reasons) => {
                    reasons.iter().try_for_each(|reason| writeln!(f, "SKIPPED {step}: {reason}"))?;
                }
                Outcome::Passed => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(strict: bool) -> Summary {
        let mut summary = Summary::new(strict);
        summary.add("fmt", Outcome::Passed, Duration::from_millis(1250));
        summary.add("deny", Outcome::passed_but(vec!["no cargo-deny".into()]), Duration::ZERO);
        summary
    }

    #[test]
    fn the_table_tells_all() {
        let mut summary = summary(false);
        assert!(summary.is_good());
        summary.add("test", Outcome::passed_if(false, "2 failed"), Duration::from_secs(100));
        assert!(!summary.is_good());
        assert_eq!(
            summary.to_string(),
            "step         result   seconds\n\
             fmt          passed       1.2\n\
             deny         skipped      0.0\n\
             test         FAILED     100.0\n\
             SKIPPED deny: no cargo-deny\n\
             FAILED test: 2 failed\n"
        );
    }

    #[test]
    fn strict_lets_nothing_be_skipped() {
        let summary = summary(true);
        assert!(!summary.is_good());
        assert!(summary.to_string().contains("FAILED deny: skipped: no cargo-deny"));
    }
}
