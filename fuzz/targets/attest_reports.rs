//! Test reports of others: JUnit XML, XCCDF results, JSON. Read or refused; what is read is written as what is read again,
//! and no category has passed of which no case did.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openfactory_attest::test_report::{CategoryStatus, Outcome, TestCategory, TestReport};

fuzz_target!(|input: &[u8]| {
    for given in [None, Some(TestCategory::Boot)] {
        let Ok(report) = TestReport::read(input, given) else { continue };
        let summary = report.summary();
        for category in TestCategory::ALL {
            let passed =
                |outcome| report.cases.iter().any(|it| it.category == category && it.outcome == outcome);
            let is_pass = passed(Outcome::Passed) && !passed(Outcome::Failed);
            assert_eq!(summary.status(category) == CategoryStatus::Passed, is_pass);
        }
        let Ok(bytes) = report.to_json() else { continue };
        assert_eq!(TestReport::parse(&bytes).expect("what was written"), report);
    }
});
