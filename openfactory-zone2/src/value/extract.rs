//! A key's values out of a file's bytes.

use super::{
    Format, MAX_FILE_BYTES, Observed, capture, certificate, hosts, ini, json_key, key_value, keyfile,
    toml_key, yaml,
};

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
    let read: fn(&str, &str) -> Observed = match format {
        Format::Whole => return Observed::Content(bytes.to_vec()),
        Format::Json => return json_key::extract(key, bytes),
        Format::Certificate => return certificate::extract(key, bytes),
        Format::Metadata => return Observed::Unreadable("what a file is does not stand in it".to_owned()),
        Format::Yaml => yaml::extract,
        Format::Toml => toml_key::extract,
        Format::KeyValue => key_value::extract,
        Format::Ini => ini::extract,
        Format::Systemd => ini::extract_systemd,
        Format::Keyfile => keyfile::extract,
        Format::Hosts => hosts::extract,
        Format::Regex => capture::extract,
        Format::Line => |_, text| line(text),
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => read(key, text),
        Err(error) => Observed::Unreadable(format!("not UTF-8 at byte {}", error.valid_up_to())),
    }
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
