//! Test reports.

use openfactory_attest::test_report::TestReport;

use super::Refused;

pub(super) fn test_report(input: &[u8]) -> Refused {
    Ok(TestReport::parse(input).map(drop)?)
}

#[cfg(feature = "test-report")]
pub(super) fn junit(input: &[u8]) -> Refused {
    Ok(TestReport::of_junit(input, None).map(drop)?)
}

#[cfg(feature = "test-report")]
pub(super) fn xccdf(input: &[u8]) -> Refused {
    Ok(TestReport::of_xccdf(input).map(drop)?)
}
