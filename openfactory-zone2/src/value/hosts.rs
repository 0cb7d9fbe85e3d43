//! Tables such as `/etc/hosts`: an address and its names in each line (hosts(5)).

use super::Observed;

/// The first words of all lines that have the key as another word, in any case of letters; of all lines for `*`.
pub(super) fn extract(key: &str, text: &str) -> Observed {
    let mut values = Vec::new();
    for line in text.lines() {
        let line = line.split_once('#').map_or(line, |(line, _)| line);
        let mut words = line.split_ascii_whitespace();
        let Some(address) = words.next() else { continue };
        if key == "*" || words.any(|word| word.eq_ignore_ascii_case(key)) {
            values.push(address.to_owned());
        }
    }
    Observed::values(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_addresses() {
        let text = "127.0.0.1 localhost\n10.20.0.2\tmes MES.plant.example # the old one: 10.0.0.1 mes\n\n#10.0.0.3 mes\n10.20.0.4 historian mes\n";
        let many = |values: &[&str]| Observed::Values(values.iter().map(|text| (*text).to_owned()).collect());
        let table = [
            ("localhost", Observed::value("127.0.0.1")),
            ("mes", many(&["10.20.0.2", "10.20.0.4"])),
            ("Mes.Plant.Example", Observed::value("10.20.0.2")),
            ("*", many(&["127.0.0.1", "10.20.0.2", "10.20.0.4"])),
            ("10.20.0.2", Observed::Absent),
            ("old", Observed::Absent),
        ];
        for (key, expected) in table {
            assert_eq!(extract(key, text), expected, "{key}");
        }
    }
}
