//! Letters whatever their case, as a database's collation has them.

use std::borrow::Cow;

/// A text with small letters alone: what is the same so is found as the same.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    let small = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if small { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

/// Whether two texts are the same but for the case of their letters.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
        || (!(left.is_ascii() && right.is_ascii()) && folded(left) == folded(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_beyond_ascii_have_a_case_too() {
        for (left, right, expected) in [
            ("Ärger mit ÉTÉ", "ärger MIT été", true),
            ("INC0010001", "inc0010001", true),
            ("ärger", "arger", false),
            ("", "", true),
            ("a", "", false),
        ] {
            assert_eq!(same(left, right), expected, "{left} {right}");
        }
        assert_eq!(folded("ÄB"), "äb");
    }
}
