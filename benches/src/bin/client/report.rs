//! Figures beside goals.

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<String>,
    missed: bool,
}

impl Report {
    /// A figure that is to be at least so much.
    pub(crate) fn at_least(&mut self, what: &str, figure: f64, goal: f64) {
        self.judge(what, figure, "at least", goal, figure >= goal);
    }

    /// A figure that is to be at most so much.
    pub(crate) fn at_most(&mut self, what: &str, figure: f64, goal: f64) {
        self.judge(what, figure, "at most", goal, figure <= goal);
    }

    /// A figure without a goal.
    pub(crate) fn tell_of(&mut self, what: &str, figure: f64) {
        self.lines.push(format!("{what:60} {figure:10.2}  (reported)"));
    }

    /// What could not be measured.
    pub(crate) fn missing(&mut self, what: &str) {
        self.lines.push(format!("NOT MEASURED: {what}"));
    }

    fn judge(&mut self, what: &str, figure: f64, relation: &str, goal: f64, met: bool) {
        self.missed |= !met;
        let verdict = if met { "met" } else { "MISSED" };
        self.lines.push(format!("{what:60} {figure:10.2}  ({relation} {goal}: {verdict})"));
    }

    /// Prints everything; whether all goals are met.
    pub(crate) fn tell(&self) -> bool {
        println!();
        self.lines.iter().for_each(|line| println!("{line}"));
        !self.missed
    }
}

#[cfg(test)]
mod tests {
    use openfactory_benches::median;

    use super::*;

    #[test]
    fn one_goal_missed_is_all_missed() {
        let mut report = Report::default();
        report.at_least("a", 2.0, 1.0);
        report.at_most("b", 0.0, 0.0);
        assert!(report.tell());
        report.at_least("c", median(&[0.1, 9.0, 0.2]), 1.0);
        assert!(!report.tell(), "the median of c is 0.2");
    }

    #[test]
    fn what_is_no_number_meets_no_goal() {
        let mut report = Report::default();
        report.at_least("a", median(&[]), 1.0);
        assert!(!report.tell());
    }
}
