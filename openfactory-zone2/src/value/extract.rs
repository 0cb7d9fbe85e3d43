//! A key's values out of a file's bytes.

use super::{Document, Format, Observed};

/// What a file of this format has under a key. Pure; whatever the bytes are, the end is a value, or a reason why there
/// is none. For more than one key see [`Document`].
///
/// ```
/// use openfactory_zone2::value::{Format, extract};
/// use openfactory_zone2::Observed;
///
/// let network = b"[Match]\nName=eth0\n\n[Network]\nAddress=10.20.3.7/16\nAddress=fd00:20::7/64\n";
/// let found = extract(Format::Ini, "Network.Address", network);
/// assert_eq!(found, Observed::Values(vec!["10.20.3.7/16".into(), "fd00:20::7/64".into()]));
/// ```
#[must_use]
pub fn extract(format: Format, key: &str, bytes: &[u8]) -> Observed {
    Document::parse(format, bytes).get(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::MAX_FILE_BYTES;

    #[test]
    fn one_line_files_have_one_line() {
        let table = [
            ("press-04\n", Observed::value("press-04")),
            ("# set at the factory\n\n  press-04  \n", Observed::value("press-04")),
            ("", Observed::Absent),
            ("# nothing\n", Observed::Absent),
            ("a\nb\n", Observed::Unreadable("more than one line".into())),
        ];
        for (text, expected) in table {
            assert_eq!(extract(Format::Line, ".", text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_text_or_too_large_is_unreadable() {
        for format in [Format::Line, Format::Ini, Format::KeyValue, Format::Yaml, Format::Toml, Format::Regex]
        {
            let found = extract(format, "a", b"a=\xff");
            assert_eq!(found, Observed::Unreadable("not UTF-8 at byte 2".into()), "{format}");
        }
        for format in Format::ALL {
            let found = extract(format, "a", &vec![b' '; MAX_FILE_BYTES + 1]);
            assert!(matches!(found, Observed::Unreadable(_)), "{format}");
        }
        assert_eq!(extract(Format::Whole, ".", b"\xff"), Observed::Content(vec![0xff]));
    }
}
