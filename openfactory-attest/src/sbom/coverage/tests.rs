//! What is said of all files, and what of some.

use super::*;

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

#[test]
fn all_is_said_only_of_all() {
    let coverage = |owned, unowned| Coverage {
        owned,
        unowned: vec![path("x"); unowned],
        missing: 0,
        unlisted: vec![],
        compared: None,
    };
    assert_eq!(coverage(0, 0).permille(), None);
    assert_eq!(coverage(3, 0).permille(), Some(1000));
    assert_eq!(coverage(9_999_999, 1).permille(), Some(999));
    assert_eq!(coverage(0, 3).permille(), Some(0));
}
