//! The checklist names tests that exist.

use std::path::Path;

use openfactory_simulator::switches::Switches;

#[test]
fn every_test_that_the_checklist_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("CHECKLIST.md")).unwrap();
    let mut named = 0;
    let named_tests = text.split('`').filter(|word| word.contains("::") && !word.ends_with("::Switches"));
    for word in named_tests.filter(|word| !word.starts_with("Builder::")) {
        let Some((file, function)) = word.split_once("::") else { continue };
        if file == "file" {
            continue;
        }
        let source = std::fs::read_to_string(root.join(format!("tests/it/{file}.rs"))).unwrap_or_default();
        assert!(source.contains(&format!("fn {function}()")), "{word}");
        named += 1;
    }
    assert!(named > 40, "{named}");
    // Each item of the list has a row at least.
    for item in 1..=18 {
        assert!(text.lines().any(|row| row.starts_with(&format!("| {item} |"))), "{item}");
    }
    // What is there or narrow has a test.
    for row in text.lines().filter(|row| row.contains("| there") || row.contains("| narrow")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells.len() != 6 || cells[4].contains("::"), "{row}");
    }
}

#[test]
fn every_switch_is_listed_with_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("CHECKLIST.md")).unwrap();
    let (_, table) = text.split_once("## Switches").unwrap();
    let rows = table.lines().filter_map(|row| row.strip_prefix("| `"));
    let listed: Vec<(&str, &str)> = rows.filter_map(|row| row.split_once("` |")).collect();
    let switches = serde_json::to_value(Switches::default()).unwrap();
    let mut names: Vec<&str> = switches.as_object().unwrap().keys().map(String::as_str).collect();
    let mut told: Vec<&str> = listed.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, names);
    for (name, rest) in listed {
        let test = rest.rsplit('`').nth(1).unwrap();
        let (file, function) = test.split_once("::").unwrap();
        let source = std::fs::read_to_string(root.join(format!("tests/it/{file}.rs"))).unwrap();
        let body = source.split_once(&format!("fn {function}()")).unwrap().1;
        let body = body.split("#[tokio::test]").next().unwrap();
        assert!(body.contains(name) || source.contains(&format!("switches.{name} = ")), "{name}: {test}");
    }
}

#[test]
fn whatever_is_unconfirmed_names_its_switch_or_its_rows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("CHECKLIST.md")).unwrap();
    let switches = serde_json::to_value(Switches::default()).unwrap();
    let (behaviour, _) = text.split_once("## Switches").unwrap();
    let mut marked = 0;
    for row in behaviour.lines().filter(|row| row.starts_with('|') && row.contains("*unconfirmed*")) {
        let (_, mark) = row.split_once("*unconfirmed*").unwrap();
        let by_rows = ["`sys_ui_list`", "`sys_data_policy2`"].iter().any(|table| row.contains(table));
        let switched = mark.split('`').any(|word| switches.get(word).is_some());
        assert!(switched || by_rows, "{row}");
        marked += 1;
    }
    assert!(marked > 12, "{marked}");
}
