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

/// The name of the test that a line of `cargo test` says has failed.
pub(super) fn failed_line(line: &str) -> Option<String> {
    let name = line.trim_end().strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
    Some(name.to_owned())
}

/// The names of the tests that a JUnit report says have failed, as far as the report has them in lines of their own.
pub(crate) fn failures(report: &str) -> Vec<String> {
    marked(report, &["<failure", "<error"])
}

/// The names of the tests that a JUnit report says have passed at last, having failed before.
pub(super) fn flaky(report: &str) -> Vec<String> {
    marked(report, &["<flakyFailure", "<flakyError"])
}

/// The names of the tests that have one of these elements.
fn marked(report: &str, elements: &[&str]) -> Vec<String> {
    let mut failed = Vec::new();
    let mut name = None;
    for line in report.lines().map(str::trim_start) {
        if let Some((_, rest)) = line.split_once("<testcase name=\"") {
            name = rest.split_once('"').map(|(name, _)| unescape(name));
        }
        if elements.iter().any(|element| line.starts_with(element)) {
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
        assert_eq!(flaky(report), Vec::<String>::new());
        let report =
            "<testcase name=\"late\" time=\"2\">\n <flakyFailure type=\"test failure\">\n </flakyFailure>\n";
        assert_eq!((failures(report), flaky(report)), (vec![], vec!["late".to_owned()]));
        assert_eq!(failed_line("test a::b ... FAILED\n").as_deref(), Some("a::b"));
        assert_eq!(failed_line("test a::b ... ok"), None);
    }

    #[test]
    fn skipped_tests_are_found() {
        let report = "<testcase name=\"a\">\n<system-err>SKIPPED: a: needs veritysetup</system-err>\n\
            <system-err>noise\nSKIPPED: b: needs &quot;x&quot; &amp; y\n</system-err>\n<system-out>ok</system-out>";
        assert_eq!(skips(report), ["a: needs veritysetup", "b: needs \"x\" & y"]);
        assert_eq!(skip("test a ... ok"), None);
    }
}
