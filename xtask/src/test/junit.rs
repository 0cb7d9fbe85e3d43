//! What tests say of themselves: the line `SKIPPED: <test>: needs <tool>`.

/// What a line of a test's output says was skipped.
pub(super) fn skip(line: &str) -> Option<String> {
    let (_, reason) = line.split_once("SKIPPED: ")?;
    Some(reason.trim_end().to_owned())
}

/// What a JUnit report says was skipped.
pub(super) fn skips(report: &str) -> Vec<String> {
    report.lines().filter_map(skip).map(|reason| unescape(&reason)).collect()
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
    fn skipped_tests_are_found() {
        let report = "<testcase name=\"a\">\n<system-err>SKIPPED: a: needs veritysetup</system-err>\n\
            <system-err>noise\nSKIPPED: b: needs &quot;x&quot; &amp; y\n</system-err>\n<system-out>ok</system-out>";
        assert_eq!(skips(report), ["a: needs veritysetup", "b: needs \"x\" & y"]);
        assert_eq!(skip("test a ... ok"), None);
    }
}
