//! What tests say of themselves: the line `SKIPPED: <test>: needs <tool>`; and which of them have failed.

/// What a line of a test's output says was skipped.
pub(super) fn skip(line: &str) -> Option<String> {
    let (_, reason) = line.split_once("SKIPPED: ")?;
    Some(reason.trim_end().to_owned())
}

/// What a JUnit report says was skipped.
pub(crate) fn skips(report: &str) -> Vec<String> {
    report.lines().filter_map(skip).map(|reason| unescape(&reason)).collect()
}

/// The names of the tests that a JUnit report says have failed, as far as the report has them in lines of their own.
pub(crate) fn failures(report: &str) -> Vec<String> {
    let mut failed = Vec::new();
    let mut name = None;
    for line in report.lines().map(str::trim_start) {
        if let Some((_, rest)) = line.split_once("<testcase name=\"") {
            name = rest.split_once('"').map(|(name, _)| unescape(name));
        }
        if line.starts_with("<failure") || line.starts_with("<error") {
            failed.extend(name.take());
        }
    }
    failed
}

/// Text as it was before it was put into XML; what follows it in the line is cut.
fn unescape(text: &str) -> String {
    let text = text.split_once('<').map_or(text, |(text, _)| text);
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_are_found() {
        let report = "<testsuite name=\"it\" failures=\"1\">\n  <testcase name=\"good\" time=\"0.1\">\n  </testcase>\n\
            <testcase name=\"bad::one\" time=\"0.1\">\n    <failure type=\"test failure\">\n    </failure>\n  </testcase>\n\
            <testcase name=\"never\" time=\"1\">\n    <error type=\"timeout\"/>\n";
        assert_eq!(failures(report), ["bad::one", "never"]);
    }

    #[test]
    fn skipped_tests_are_found() {
        let report = "<testcase name=\"a\">\n<system-err>SKIPPED: a: needs veritysetup</system-err>\n\
            <system-err>noise\nSKIPPED: b: needs &quot;x&quot; &amp; y\n</system-err>\n<system-out>ok</system-out>";
        assert_eq!(skips(report), ["a: needs veritysetup", "b: needs \"x\" & y"]);
        assert_eq!(skip("test a ... ok"), None);
    }
}
