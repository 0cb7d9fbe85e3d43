//! Figures beside goals.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openfactory_benches::median;

/// What was measured, round by round.
#[derive(Debug, Default)]
pub(crate) struct Report {
    floors: Vec<f64>,
    ratios: BTreeMap<String, (Vec<f64>, Option<f64>, &'static str)>,
    p99s: BTreeMap<String, Vec<f64>>,
    cpus: BTreeMap<String, Vec<f64>>,
    opening: Option<Duration>,
    missing: BTreeSet<String>,
}

const P99: f64 = 20.0;
const OPENING: Duration = Duration::from_secs(2);

impl Report {
    pub(crate) fn floor(&mut self, rate: f64) {
        self.floors.push(rate);
    }

    /// A rate in multiples of F.
    pub(crate) fn ratio(&mut self, what: &str, ratio: f64, goal: Option<f64>) {
        self.add(what, ratio, goal, " F");
    }

    /// A rate in multiples of another.
    pub(crate) fn versus(&mut self, what: &str, ratio: f64, goal: Option<f64>) {
        self.add(what, ratio, goal, "");
    }

    fn add(&mut self, what: &str, ratio: f64, goal: Option<f64>, unit: &'static str) {
        self.ratios.entry(what.to_owned()).or_insert((Vec::new(), goal, unit)).0.push(ratio);
    }

    pub(crate) fn p99(&mut self, what: &str, time: Duration) {
        self.p99s.entry(what.to_owned()).or_default().push(time.as_secs_f64() * 1000.0);
    }

    /// Processor time of one message.
    pub(crate) fn cpu(&mut self, what: &str, time: Duration) {
        self.cpus.entry(what.to_owned()).or_default().push(time.as_secs_f64() * 1e6);
    }

    pub(crate) fn opening(&mut self, time: Duration) {
        self.opening = Some(time);
    }

    pub(crate) fn missing(&mut self, what: &str) {
        self.missing.insert(what.to_owned());
    }

    /// Prints medians; whether all goals are met.
    pub(crate) fn tell(&self) -> bool {
        println!("\nF = {:.0} overwrites of 4 KiB with fdatasync a second", median(&self.floors));
        let mut good = true;
        for (what, (ratios, goal, unit)) in &self.ratios {
            let ratio = median(ratios);
            let verdict = match goal {
                Some(goal) if ratio >= *goal => format!("at least {goal}{unit}: met"),
                Some(goal) => {
                    good = false;
                    format!("at least {goal}{unit}: MISSED")
                }
                None => "reported".to_owned(),
            };
            println!("{what:45} {ratio:6.2}{unit:2}  ({verdict})");
        }
        for (what, times) in &self.p99s {
            let time = median(times);
            good &= time <= P99;
            let verdict = if time <= P99 { "met" } else { "MISSED" };
            println!("{what:45} {time:6.2} ms  (at most {P99} ms: {verdict})");
        }
        if let Some(time) = self.opening {
            good &= time < OPENING;
            let verdict = if time < OPENING { "met" } else { "MISSED" };
            let name = "opening the deep queue";
            println!("{name:45} {:6.2} s  (under {} s: {verdict})", time.as_secs_f64(), OPENING.as_secs());
        }
        for (what, times) in &self.cpus {
            println!("{what:45} {:6.1} us of processor time a message", median(times));
        }
        for what in &self.missing {
            println!("NOT MEASURED: {what}");
        }
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goal_missed_is_all_missed() {
        let mut report = Report::default();
        report.floor(100.0);
        report.ratio("a", 2.0, Some(1.0));
        assert!(report.tell());
        for ratio in [0.1, 0.2, 9.0] {
            report.ratio("b", ratio, Some(1.0));
        }
        assert!(!report.tell(), "the median of b is 0.2");
    }
}
