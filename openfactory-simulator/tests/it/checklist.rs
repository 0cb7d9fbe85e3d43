//! The checklist names tests that exist.

use std::path::Path;

#[test]
fn every_test_that_the_checklist_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("CHECKLIST.md")).unwrap();
    let mut named = 0;
    for word in text.split('`').filter(|word| word.contains("::") && !word.starts_with("Builder::")) {
        let Some((file, function)) = word.split_once("::") else { continue };
        if file == "file" {
            continue;
        }
        let source = std::fs::read_to_string(root.join(format!("tests/it/{file}.rs"))).unwrap_or_default();
        assert!(source.contains(&format!("fn {function}()")), "{word}");
        named += 1;
    }
    assert!(named > 40, "{named}");
    // What is there or narrow has a test.
    for row in text.lines().filter(|row| row.contains("| there") || row.contains("| narrow")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells.len() != 6 || cells[4].contains("::"), "{row}");
    }
}
