//! Sections with lines `Key=value`.

use super::Observed;

/// All values of `Section.Key`, in the order of the file: sections and keys may stand more than once, as in files of
/// systemd-networkd (systemd.syntax(7)).
pub(super) fn extract(key: &str, text: &str) -> Observed {
    read(key, text, false)
}

/// The same, but that an empty assignment takes back those before it.
pub(super) fn extract_systemd(key: &str, text: &str) -> Observed {
    read(key, text, true)
}

fn read(key: &str, text: &str, empty_resets: bool) -> Observed {
    let (section, key) = key.rsplit_once('.').unwrap_or(("", key));
    let mut current = String::new();
    let mut values = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let Some(name) = header.strip_suffix(']') else {
                return Observed::Unreadable(format!("a section header in line {} doesn't end", number + 1));
            };
            name.clone_into(&mut current);
            continue;
        }
        let mut whole = line.to_owned();
        while let Some(begun) = whole.strip_suffix('\\') {
            let Some((_, next)) = lines.next() else {
                return Observed::Unreadable("the last line goes on after the end".to_owned());
            };
            // Comments between are skipped, as systemd skips them.
            let next = next.trim();
            whole = match next.starts_with(['#', ';']) {
                true => format!("{begun}\\"),
                false => format!("{} {next}", begun.trim_end()),
            };
        }
        if let Some((name, value)) = whole.split_once('=')
            && current == section
            && name.trim() == key
        {
            match value.trim() {
                "" if empty_resets => values.clear(),
                value => values.push(value.to_owned()),
            }
        }
    }
    Observed::values(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_keys() {
        let text = "top=0\n[Match]\nName=eth0\n; c\n# c\n[Network]\nAddress=10.0.0.1/24\nDNS = 10.0.0.2 \\\n# c\n  10.0.0.3\n\
                    [Address]\nAddress=10.0.0.9/32\n[Network]\nAddress=10.0.0.4/24\n[wifi.security]\npsk=x=y\nEmpty=\n";
        let table = [
            ("top", Observed::value("0")),
            ("Match.Name", Observed::value("eth0")),
            ("Network.Address", Observed::Values(vec!["10.0.0.1/24".into(), "10.0.0.4/24".into()])),
            ("Network.DNS", Observed::value("10.0.0.2 10.0.0.3")),
            ("Address.Address", Observed::value("10.0.0.9/32")),
            ("wifi.security.psk", Observed::value("x=y")),
            ("wifi.security.Empty", Observed::value("")),
            ("network.Address", Observed::Absent),
            ("Name", Observed::Absent),
        ];
        for (key, expected) in table {
            assert_eq!(extract(key, text), expected, "{key}");
        }
    }

    #[test]
    fn an_empty_assignment_of_systemd_takes_back() {
        let text = "[Network]\nDNS=10.0.0.1\nDNS=\nDNS=10.0.0.2\nAddress=10.0.0.1/8\nAddress=\n";
        assert_eq!(extract_systemd("Network.DNS", text), Observed::value("10.0.0.2"));
        assert_eq!(extract_systemd("Network.Address", text), Observed::Absent);
    }

    #[test]
    fn what_does_not_end_is_unreadable() {
        assert!(matches!(extract("a.b", "[a\nb=1"), Observed::Unreadable(_)));
        assert!(matches!(extract("a.b", "[a]\nb=1\\"), Observed::Unreadable(_)));
    }
}
