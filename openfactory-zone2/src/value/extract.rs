//! A key's values out of a file's bytes.

use super::{Format, MAX_FILE_BYTES, Observed, ini, json_key, key_value};

/// What a file of this format has under a key. Pure; whatever the bytes are, the end is a value, or a reason why there
/// is none.
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
    if bytes.len() > MAX_FILE_BYTES {
        return Observed::Unreadable(format!(
            "{} bytes are more than the {MAX_FILE_BYTES} looked at",
            bytes.len()
        ));
    }
    let text = || std::str::from_utf8(bytes).map_err(|error| not_utf8(&error));
    match format {
        Format::Whole => Observed::Content(bytes.to_vec()),
        Format::Json => json_key::extract(key, bytes),
        Format::KeyValue => text().map_or_else(Observed::Unreadable, |text| key_value::extract(key, text)),
        Format::Ini => text().map_or_else(Observed::Unreadable, |text| ini::extract(key, text)),
        Format::Line => text().map_or_else(Observed::Unreadable, line),
    }
}

fn not_utf8(error: &std::str::Utf8Error) -> String {
    format!("not UTF-8 at byte {}", error.valid_up_to())
}

/// hostname(5): the first line that is neither empty nor a comment, without white space around it.
fn line(text: &str) -> Observed {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match (lines.next(), lines.next()) {
        (None, _) => Observed::Absent,
        (Some(line), None) => Observed::value(line),
        (Some(_), Some(_)) => Observed::Unreadable("more than one line".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for format in [Format::Line, Format::Ini, Format::KeyValue] {
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
