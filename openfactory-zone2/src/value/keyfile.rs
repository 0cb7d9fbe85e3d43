//! Key files of GLib, as NetworkManager keeps its connections (nm-settings-keyfile(5)).

use super::Observed;

/// All values of `section.key`. A value is a list where `;` stands in it, `\;` is a semicolon. In the sections `ipv4` and
/// `ipv6` the key `addresses` is what `address`, `address1`, ... hold before their gateway, as well as `addresses`.
pub(super) fn extract(key: &str, text: &str) -> Observed {
    let Some((section, key)) = key.rsplit_once('.') else { return Observed::Absent };
    let addresses = matches!(section, "ipv4" | "ipv6") && key == "addresses";
    let mut current = "";
    let mut values = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let Some(name) = header.trim_end().strip_suffix(']') else {
                return Observed::Unreadable(format!("a section header in line {} doesn't end", number + 1));
            };
            current = name;
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Observed::Unreadable(format!(
                "line {} is neither section, comment nor value",
                number + 1
            ));
        };
        let name = name.trim_end();
        let numbered = || {
            let digits = name.strip_prefix("address")?;
            digits.bytes().all(|digit| digit.is_ascii_digit()).then_some(())
        };
        if current != section || (name != key && !(addresses && numbered().is_some())) {
            continue;
        }
        match items(value.trim_start()) {
            Some(found) if addresses => values.extend(found.iter().map(|item| before_gateway(item))),
            Some(found) => values.extend(found),
            None => return Observed::Unreadable(format!("line {} has an escape that is none", number + 1)),
        }
    }
    Observed::values(values)
}

/// The list that a value is; one item where no `;` stands in it. None where an escape is none.
fn items(value: &str) -> Option<Vec<String>> {
    let mut items = vec![String::new()];
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        let kept = match character {
            ';' => {
                items.push(String::new());
                continue;
            }
            '\\' => match characters.next()? {
                's' => ' ',
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' => '\\',
                ';' => ';',
                _ => return None,
            },
            character => character,
        };
        items.last_mut()?.push(kept);
    }
    // A list ends with its separator.
    if items.len() > 1 && items.last().is_some_and(String::is_empty) {
        items.pop();
    }
    Some(items)
}

fn before_gateway(address: &str) -> String {
    address.split_once(',').map_or_else(|| address.to_owned(), |(address, _)| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_have_addresses() {
        let text = "# made by hand\n[connection]\nid=plant\\sline\ntype = ethernet\n\n[ipv4]\naddress1=10.20.3.7/24,10.20.3.1\naddress2=10.20.4.7/24\n\
                    dns=10.20.0.2;10.20.0.3;\nmethod=manual\naddress-data=x\n[wifi-security]\npsk=a\\;b=c\n[ipv6]\naddress1=fd00:20::7/64\n";
        let many = |values: &[&str]| Observed::Values(values.iter().map(|text| (*text).to_owned()).collect());
        let table = [
            ("connection.id", Observed::value("plant line")),
            ("connection.type", Observed::value("ethernet")),
            ("ipv4.addresses", many(&["10.20.3.7/24", "10.20.4.7/24"])),
            ("ipv4.address1", Observed::value("10.20.3.7/24,10.20.3.1")),
            ("ipv6.addresses", Observed::value("fd00:20::7/64")),
            ("ipv4.dns", many(&["10.20.0.2", "10.20.0.3"])),
            ("wifi-security.psk", Observed::value("a;b=c")),
            ("ipv4.none", Observed::Absent),
            ("id", Observed::Absent),
        ];
        for (key, expected) in table {
            assert_eq!(extract(key, text), expected, "{key}");
        }
        for text in ["[a\nb=1", "[a]\nb", "[a]\nb=\\x", "[a]\nb=\\"] {
            assert!(matches!(extract("a.b", text), Observed::Unreadable(_)), "{text}");
        }
    }
}
