use super::*;

fn junit(text: &str, category: Option<TestCategory>) -> Result<TestReport, TestReportError> {
    TestReport::of_junit(text.as_bytes(), category)
}

/// Passed, failed, not checked.
fn counts(report: &TestReport, category: TestCategory) -> (CategoryStatus, [u64; 3]) {
    let summary = report.summary();
    assert!(summary.is_consistent());
    let result = summary.categories.iter().find(|result| result.category == category).unwrap();
    (result.status, [result.passed, result.failed, result.not_checked])
}

const PYTEST: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="5" time="0.1">
<testcase classname="boot.test_up" name="test_login[tty -> tty1]" time="0.0" />
<testcase classname="boot.test_up" name="test_kernel"><failure message="assert 6 == 7">Traceback</failure></testcase>
<testcase classname="service.test_ssh" name="test_answers"><system-out>fine</system-out></testcase>
<testcase classname="service.test_ssh" name="test_fixture"><error message="no network"/></testcase>
<testcase classname="performance" name="test_boot_time"><skipped type="pytest.skip" message="slow host"/></testcase>
</testsuite></testsuites>"#;

#[test]
fn junit_cases_are_of_the_category_that_they_are_named_after() {
    let report = junit(PYTEST, None).unwrap();
    assert_eq!(counts(&report, TestCategory::Boot), (CategoryStatus::Failed, [1, 1, 0]));
    assert_eq!(counts(&report, TestCategory::Service), (CategoryStatus::Failed, [1, 1, 0]));
    assert_eq!(counts(&report, TestCategory::Performance), (CategoryStatus::NotChecked, [0, 0, 1]));
    assert_eq!(counts(&report, TestCategory::Package), (CategoryStatus::NotChecked, [0, 0, 0]));
    assert_eq!(report.cases[1].detail.as_deref(), Some("assert 6 == 7"));
    assert!(!report.summary().all_passed());
    // By the suite, by what was given, and by nobody.
    let suite = |name: &str| {
        format!(
            r#"<testsuite name="{name}"><testsuite name="x"><testcase name="a"/></testsuite></testsuite>"#
        )
    };
    let report = junit(&suite("Package"), None).unwrap();
    assert_eq!(counts(&report, TestCategory::Package), (CategoryStatus::Passed, [1, 0, 0]));
    let report = junit(&suite("other"), Some(TestCategory::Boot)).unwrap();
    assert_eq!(counts(&report, TestCategory::Boot), (CategoryStatus::Passed, [1, 0, 0]));
    assert!(matches!(junit(&suite("other"), None), Err(TestReportError::NoCategory { .. })));
    // GoogleTest's and CTest's words; one that nobody knows is no pass.
    let attribute = |said: &str| {
        let text = format!(r#"<testsuite name="boot"><testcase name="a" {said}/></testsuite>"#);
        counts(&junit(&text, None).unwrap(), TestCategory::Boot).1
    };
    for (passed, said) in [
        ([1, 0, 0], r#"status="run""#),
        ([1, 0, 0], r#"status="run" result="completed""#),
        ([0, 0, 1], r#"status="notrun""#),
        ([0, 0, 1], r#"status="run" result="suppressed""#),
        ([0, 0, 1], r#"status="timed out""#),
        ([0, 1, 0], r#"status="Failed" result="skipped""#),
    ] {
        assert_eq!(attribute(said), passed, "{said}");
    }
}

#[test]
fn no_result_is_lost_wherever_it_stands() {
    let boot = |inside: &str| format!(r#"<testsuite name="boot"><testcase name="up"/>{inside}</testsuite>"#);
    let below = r#"<testcase name="lost" classname="service"><failure/></testcase>"#;
    let report = junit(&format!("<testsuites>{}{below}</testsuites>", boot("")), None).unwrap();
    assert_eq!(counts(&report, TestCategory::Boot), (CategoryStatus::Passed, [1, 0, 0]));
    assert_eq!(counts(&report, TestCategory::Service), (CategoryStatus::Failed, [0, 1, 0]));
    for (inside, detail) in [
        (r#"<error message="setup failed"/>"#, "setup failed"),
        ("<failure>it broke</failure>", "it broke"),
        (r#"<group><testcase name="b"/></group>"#, "it holds test cases, but is no test suite"),
        ("<a><testsuite><failure>no</failure></testsuite></a>", "no"),
        (
            "<testsuites><testsuite><testcase/></testsuite></testsuites>",
            "it holds test cases, but is no test suite",
        ),
    ] {
        let report = junit(&boot(inside), None).unwrap();
        assert_eq!(counts(&report, TestCategory::Boot), (CategoryStatus::Failed, [1, 1, 0]), "{inside}");
        assert_eq!(report.cases[1].detail.as_deref(), Some(detail));
        // Beside the suites nobody says what it is of.
        let beside = format!("<testsuites>{}{inside}</testsuites>", boot(""));
        assert!(matches!(junit(&beside, None), Err(TestReportError::NoCategory { .. })), "{inside}");
        let report = junit(&beside, Some(TestCategory::Package)).unwrap();
        assert_eq!(counts(&report, TestCategory::Package), (CategoryStatus::Failed, [0, 1, 0]), "{inside}");
    }
    let quiet = boot("<properties><property/></properties><system-out>error</system-out>");
    assert_eq!(counts(&junit(&quiet, None).unwrap(), TestCategory::Boot).1, [1, 0, 0]);
}

#[test]
fn a_report_that_was_cut_is_no_pass() {
    let cut = |text: &str| matches!(junit(text, None), Err(TestReportError::Cut { .. }));
    assert!(cut(r#"<testsuite name="boot" tests="2"><testcase name="a"/></testsuite>"#));
    assert!(cut(r#"<testsuite name="boot" tests="1" failures="1"><testcase name="a"/></testsuite>"#));
    assert!(cut(
        r#"<testsuites errors="1"><testsuite name="boot"><testcase name="a"/></testsuite></testsuites>"#
    ));
    assert!(cut(r#"<testsuite name="boot" tests="1" skipped="1"><testcase name="a"/></testsuite>"#));
    let number = r#"<testsuite name="boot" failures="-1"><testcase name="a"/></testsuite>"#;
    assert!(matches!(junit(number, None), Err(TestReportError::Shape { .. })));
    assert!(junit(&PYTEST[..PYTEST.len() - 30], None).is_err());
    // One case may fail and err.
    let both = r#"<testsuite name="boot" tests="1" failures="1" errors="1"><testcase name="a"><failure/><error/></testcase></testsuite>"#;
    assert_eq!(counts(&junit(both, None).unwrap(), TestCategory::Boot).1, [0, 1, 0]);
}

const XCCDF: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Benchmark xmlns="http://checklists.nist.gov/xccdf/1.2" id="xccdf_org.ssgproject.content_benchmark_DEBIAN-12">
<Rule id="a"/>
<TestResult id="r" start-time="2026-03-01T12:00:00">
<benchmark href="ssg-debian12-xccdf.xml" id="xccdf_org.ssgproject.content_benchmark_DEBIAN-12"/>
<profile idref="xccdf_org.ssgproject.content_profile_cis"/>
<rule-result idref="b" severity="high" weight="1.0"><result>pass</result></rule-result>
<rule-result idref="a"><result>fail</result></rule-result>
<rule-result idref="a"><result>pass</result></rule-result>
<rule-result idref="c"><result>notchecked</result></rule-result>
<rule-result idref="d"><result>notapplicable</result></rule-result>
<rule-result idref="e"><result>notselected</result></rule-result>
<rule-result idref="f"><result>fixed</result></rule-result>
<score system="urn:xccdf:scoring:default" maximum="100.000000">71.500000</score>
<score system="urn:xccdf:scoring:flat" maximum="4">2</score>
</TestResult></Benchmark>"#;

#[test]
fn a_compliance_scan_counts_what_was_not_checked_against_the_score() {
    let report = TestReport::of_xccdf(XCCDF.as_bytes()).unwrap();
    assert_eq!(counts(&report, TestCategory::Compliance), (CategoryStatus::Failed, [2, 1, 1]));
    let compliance = report.compliance.clone().unwrap();
    assert_eq!((compliance.passed, compliance.of), (2, 4));
    assert_eq!(compliance.default_score.as_deref(), Some("71.500000"));
    assert_eq!(compliance.profile.as_deref(), Some("xccdf_org.ssgproject.content_profile_cis"));
    // printf 'a\nb\nc\nf\n' | sha256sum
    assert_eq!(
        compliance.rule_set.to_string(),
        "281dce2e026630a7270e717cfffe8541f7e0dcf619c3eb26ff19c2afd2eaffbf"
    );
}

/// XCCDF 1.2: the state is "not certain", "unknown", or "was not evaluated".
#[test]
fn a_scan_passed_only_if_every_rule_that_counts_did() {
    let scan = |rest: &str| {
        let good = XCCDF.replace(r#"<rule-result idref="a"><result>fail</result></rule-result>"#, "");
        let report = TestReport::of_xccdf(good.replace("notchecked", rest).as_bytes()).unwrap();
        (report.summary().status(TestCategory::Compliance), report.compliance.unwrap().passed)
    };
    for rest in ["error", "unknown", "notchecked"] {
        assert_eq!(scan(rest), (CategoryStatus::NotChecked, 3), "{rest}");
    }
    for rest in ["notapplicable", "notselected", "informational"] {
        assert_eq!(scan(rest), (CategoryStatus::Passed, 3), "{rest}");
    }
    assert_eq!(scan("fail").0, CategoryStatus::Failed);
    // A test that was skipped was not asked for.
    let skipped =
        r#"<testsuite name="boot"><testcase name="a"/><testcase name="b"><skipped/></testcase></testsuite>"#;
    let skipped = TestReport::of_junit(skipped.as_bytes(), None).unwrap();
    assert_eq!(counts(&skipped, TestCategory::Boot), (CategoryStatus::Passed, [1, 0, 1]));
}

#[test]
fn what_is_no_single_set_of_results_is_refused() {
    let read = |text: &str| TestReport::read(text.as_bytes(), None).unwrap_err();
    let start = XCCDF.find("<TestResult").unwrap();
    let end = XCCDF.find("</Benchmark>").unwrap();
    let result = &XCCDF[start..end];
    let twice = XCCDF.replace(result, &result.repeat(2));
    assert!(matches!(read(&twice), TestReportError::Results { found: 2 }));
    assert!(matches!(read(&XCCDF.replace(result, "")), TestReportError::Results { found: 0 }));
    assert!(matches!(read(&XCCDF.replace(">fail<", ">passed<")), TestReportError::Shape { .. }));
    assert!(matches!(read(&XCCDF.replace(r#"idref="a""#, "")), TestReportError::Shape { .. }));
    // The second would be passed over.
    let second = XCCDF.replace("<result>fail</result>", "<result>pass</result><result>fail</result>");
    assert!(matches!(read(&second), TestReportError::Shape { reason } if reason.contains("2 words")));
    assert!(matches!(read(&XCCDF.replace("<result>fail</result>", "")), TestReportError::Shape { .. }));
    let long = format!(r#"idref="{}""#, "a".repeat(MAX_TEXT + 1));
    assert!(matches!(read(&XCCDF.replace(r#"idref="a""#, &long)), TestReportError::Shape { .. }));
    let both = TestReport::of_xccdf(XCCDF.as_bytes()).unwrap();
    assert!(matches!(both.clone().and(both), Err(TestReportError::Results { found: 2 })));
    // Entities of its own are not for a report.
    let doctype =
        format!("<!DOCTYPE x [<!ENTITY e \"eeee\">]>{}", &PYTEST[PYTEST.find("<testsuites").unwrap()..]);
    assert!(matches!(read(&doctype), TestReportError::Xml { .. }));
    let deep = format!("{}{}", r#"<testsuite name="boot">"#.repeat(40), "</testsuite>".repeat(40));
    assert!(matches!(read(&deep), TestReportError::Shape { .. }));
    let very_deep = format!("<testsuites>{}{}</testsuites>", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert!(TestReport::read(very_deep.as_bytes(), None).is_ok_and(|report| report.cases.is_empty()));
    assert!(matches!(read("<html/>"), TestReportError::Results { found: 0 }));
    assert!(matches!(read("<a>\u{0}</a>"), TestReportError::Xml { .. }));
    assert!(matches!(TestReport::read(b"<\xff/>", None), Err(TestReportError::Xml { .. })));
}

#[test]
fn a_document_that_costs_its_parser_more_than_its_length_is_refused() {
    let many = |count: usize, of: &dyn Fn(usize) -> String| (0..count).map(of).collect::<String>();
    let refused = |text: &str| {
        let error = TestReport::read(text.as_bytes(), None).unwrap_err();
        assert!(matches!(&error, TestReportError::Xml { .. }), "{error}");
    };
    let attributes = |count| format!("<testsuite {}/>", many(count, &|n| format!(r#"a{n}='"' "#)));
    assert!(TestReport::read(attributes(256).as_bytes(), None).is_ok());
    refused(&attributes(257));
    refused(attributes(300_000).trim_end_matches("/>"));
    // Each element has those of the elements around it.
    let nested = |count| many(count, &|n| format!(r#"<a xmlns:n{n}="urn:{n}">"#)) + &"</a>".repeat(count);
    let within = |text: &str| format!("<testsuites><!-- <a b='' -->{text}<![CDATA[<a b='']]></testsuites>");
    assert!(TestReport::read(within(&nested(256)).as_bytes(), None).is_ok());
    refused(&within(&nested(257)));
    let siblings = r#"<a xmlns="urn:x"/>"#.repeat(200_000);
    assert!(TestReport::read(within(&siblings).as_bytes(), None).is_ok());
    let deep = nested(250).replace("</a>", "");
    refused(&format!("{deep}{siblings}{}", "</a>".repeat(250)));
    refused(&within(&r#"<a b=""/>"#.repeat(2_000_001)));
    refused(&within("<!DOCTYPE a>"));
}

#[test]
fn reports_are_put_together_and_read_again() {
    let source = NamedDigest::new("junit.xml", crate::document::FileDigest::of(PYTEST.as_bytes()));
    let report = junit(PYTEST, None).unwrap().from_source(source);
    let whole = report.and(TestReport::of_xccdf(XCCDF.as_bytes()).unwrap()).unwrap();
    let bytes = whole.to_json().unwrap();
    assert_eq!(TestReport::read(&bytes, None).unwrap(), whole);
    assert_eq!(whole.sources.len(), 1);
    let text = String::from_utf8(bytes).unwrap();
    let refused = |text: &str| TestReport::parse(text.as_bytes()).unwrap_err();
    assert!(matches!(
        refused(&text.replace("\"version\":1", "\"version\":2")),
        TestReportError::Version { found: 2 }
    ));
    assert!(matches!(refused("[0,[]]"), TestReportError::Shape { .. }));
    assert!(matches!(refused(&text.replace("\"of\":4", "\"of\":5")), TestReportError::Shape { .. }));
    assert!(matches!(refused(&text.replace("\"boot\"", "\"reboot\"")), TestReportError::Shape { .. }));
    // A score that its own cases do not have.
    for (own, other) in [("\"of\":4,\"passed\":2", "\"of\":4,\"passed\":4"), ("\"281dce2e", "\"181dce2e")] {
        assert!(text.contains(own));
        assert!(matches!(refused(&text.replace(own, other)), TestReportError::Shape { .. }));
    }
    assert!(matches!(
        refused(&text.replace("\"version\":1", "\"version\":1,\"x\":1")),
        TestReportError::Shape { .. }
    ));
    assert!(matches!(refused("{"), TestReportError::Json(_)));
    let nameless = TestCase::new(TestCategory::Boot, "", Outcome::Passed);
    assert!(matches!(TestReport::new(vec![nameless]), Err(TestReportError::Shape { .. })));
    for category in TestCategory::ALL {
        assert_eq!(category.as_str().parse(), Ok(category));
    }
    assert!("reboot".parse::<TestCategory>().is_err());
}
