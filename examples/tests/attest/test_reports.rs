//! `attest tests`, and what a verification document says of them.

use std::fs;

use serde_json::Value;

use crate::ran::{pack, says};

const XCCDF: &str = r#"<TestResult xmlns="http://checklists.nist.gov/xccdf/1.2" id="r"><benchmark id="b"/>
<rule-result idref="a"><result>pass</result></rule-result><rule-result idref="b"><result>OUTCOME</result></rule-result>
</TestResult>"#;

#[test]
fn every_category_has_a_verdict_in_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let write = |name: &str, text: &str| fs::write(path.join(name), text).unwrap();
    write(
        "junit.xml",
        r#"<testsuites><testsuite name="package"><testcase name="a"/></testsuite>
        <testsuite name="service"><testcase name="b"/></testsuite></testsuites>"#,
    );
    write("boot.xml", r#"<testsuite name="x"><testcase name="up"/></testsuite>"#);
    write("cis.xml", &XCCDF.replace("OUTCOME", "pass"));
    says(path, "tests combine boot.xml -o tests.json", 2);
    says(path, "tests combine boot=boot.xml junit.xml cis.xml -o tests.json", 0);
    let told = says(path, "tests check tests.json", 2);
    assert!(told.contains("not checked: performance") && told.contains("2 of 2 rules of b"), "{told}");
    write(
        "speed.json",
        r#"{"version": 1, "cases": [{"category": "performance", "name": "boots in 10 s", "outcome": "passed"}]}"#,
    );
    says(path, "tests combine tests.json speed.json -o tests.json", 2);
    says(path, "tests combine tests.json speed.json -o all.json", 0);
    says(path, "tests check all.json", 0);
    write("bad.xml", &XCCDF.replace("OUTCOME", "fail"));
    says(path, "tests check bad.xml", 1);
    // Two scans are not one.
    says(path, "tests combine all.json cis.xml -o two.json", 2);

    fs::create_dir(path.join("root")).unwrap();
    pack(&path.join("root"), &path.join("image"));
    write("recipe.json", r#"{"name": "press", "baseImage": "debian-trixie"}"#);
    write("log", "built\n");
    says(path, "key generate --kind build-platform-signing --out key", 0);
    let sign = |report: &str, out: &str| {
        let line = format!(
            "document sign --image image --recipe recipe.json --build-log log --test-report {report} --key key -o {out}"
        );
        says(path, &line, 0)
    };
    sign("all.json", "document.json");
    let verify = "document verify document.json --trust key.pub --json --test-report";
    let told = says(path, &format!("{verify} all.json"), 1);
    let told: Value = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"));
    let link = |name: &str| {
        let links = told["links"].as_array().unwrap().iter();
        links.clone().find(|link| link["link"] == name).unwrap()["status"].clone()
    };
    // There is no intent, which breaks the chain; the tests are proved.
    assert_eq!((link("test-report"), link("intent")), ("proved".into(), "broken".into()));
    for category in ["boot", "package", "service", "compliance", "performance"] {
        assert_eq!(told["tests"]["categories"][category], "passed");
    }
    let words = says(path, "document verify document.json --trust key.pub", 1);
    assert!(words.contains("Tests: boot passed, package passed"), "{words}");
    // The tools' own forms are read as they are.
    write(
        "junit-and-failed.xml",
        r#"<testsuite name="boot"><testcase name="up"><failure/></testcase></testsuite>"#,
    );
    for (report, verdict) in [("junit-and-failed.xml", "boot failed"), ("bad.xml", "compliance failed")] {
        sign(report, &format!("{report}.json"));
        let line = format!("document verify {report}.json --trust key.pub --test-report {report}");
        let words = says(path, &line, 1);
        let proved = words.lines().any(|line| line.starts_with("test-report") && line.ends_with("proved"));
        assert!(proved && words.contains(verdict), "{words}");
    }
    // What can't be read says nothing of the tests, and is not signed as if it did.
    write("typo.json", r#"{"version": 1, "case": []}"#);
    for report in ["log", "typo.json", "boot.xml"] {
        let line = format!(
            "document sign --image image --recipe recipe.json --build-log log --test-report {report} --key key -o no.json"
        );
        let told = says(path, &line, 2);
        assert!(told.contains("attest tests combine") && !path.join("no.json").exists(), "{told}");
    }
}
