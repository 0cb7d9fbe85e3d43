//! Expressions and copyright files, as they are found.

use proptest::prelude::*;

use super::*;

fn told(text: &str) -> String {
    License::parse(text).unwrap().expression().to_owned()
}

fn of(text: &str) -> Option<String> {
    of_copyright(text.as_bytes()).map(|license| license.expression().to_owned())
}

#[test]
fn expressions_are_spelled_as_spdx_does() {
    for (text, expected) in [
        ("MIT", "MIT"),
        ("apache-2.0 OR mit", "Apache-2.0 OR MIT"),
        ("(MIT)", "MIT"),
        ("MIT AND (BSD-3-Clause OR Zlib) AND MIT", "MIT AND (BSD-3-Clause OR Zlib)"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("GPL-2.0+ OR gpl-2.0", "GPL-2.0-or-later OR GPL-2.0-only"),
        ("mit and MIT and BSD-3-clause", "MIT AND BSD-3-Clause"),
        ("MPL-1.1+", "MPL-1.1+"),
        ("ZPL-2.1 and house", "ZPL-2.1 AND LicenseRef-house"),
    ] {
        assert_eq!(told(text), expected);
    }
}

#[test]
fn what_is_no_expression_is_one_licence_of_that_name() {
    for (text, expected) in [
        ("custom:multiple", "LicenseRef-custom.3Amultiple"),
        ("MIT BSD", "LicenseRef-MIT.20BSD"),
        ("MIT AND", "LicenseRef-MIT.20AND"),
        ("MIT WITH house-exception", "LicenseRef-MIT.20WITH.20house-exception"),
        ("(MIT", "LicenseRef-.28MIT"),
    ] {
        assert_eq!(told(text), expected);
        assert_eq!(License::parse(text).unwrap().unlisted().next(), Some((expected, text)));
    }
    let deep = format!("{}MIT{}", "(".repeat(40), ")".repeat(40));
    assert!(told(&deep).starts_with("LicenseRef-"));
    for text in ["", " ", "a\u{7}b", &"x".repeat(1025)] {
        assert_eq!(License::parse(text), None, "{text:?}");
    }
}

const HEADER: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
                      Upstream-Name: x\n\n";

#[test]
fn a_copyright_file_says_it_for_each_file() {
    let text = format!(
        "{HEADER}Files: *\nCopyright: 2020 a\nLicense: GPL-2+ or Artistic, and BSD-3-clause\n text\n .\n more\n\n\
         Files: debian/*\nCopyright: b\nLicense: Expat\n\nFiles: c\nLicense: Expat\n\n\
         Files: d\nLicense: public-domain\n\nLicense: GPL-2+\n On Debian systems ...\n"
    );
    assert_eq!(
        of(&text).unwrap(),
        "(GPL-2.0-or-later OR Artistic-1.0) AND BSD-3-Clause AND MIT AND LicenseRef-public-domain"
    );
}

#[test]
fn short_names_of_debian_are_not_always_those_of_spdx() {
    for (name, expected) in [
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("GPL-3", "GPL-3.0-only"),
        ("GFDL-1.3", "GFDL-1.3-only"),
        ("GFDL-NIV-1.3", "LicenseRef-GFDL-NIV-1.3".replace('.', ".2E").as_str()),
        ("Apache-2.0", "Apache-2.0"),
        ("GPL-2+ with OpenSSL exception", "LicenseRef-GPL-2.2B.20with.20OpenSSL.20exception"),
        ("GPL-2.0-only", "GPL-2.0-only"),
    ] {
        assert_eq!(of(&format!("{HEADER}Files: *\nLicense: {name}\n")).as_deref(), Some(expected));
    }
}

#[test]
fn what_does_not_say_it_for_all_says_nothing() {
    for text in [
        "",
        "This package was debianized by hand.\n",
        "Format: https://example.org/\n\nFiles: *\nLicense: MIT\n",
        "Files: *\nLicense: MIT\n",
        HEADER,
        &format!("{HEADER}Files: *\nLicense: MIT\n\nFiles: a\nCopyright: b\n"),
        &format!("{HEADER}Files: *\nLicense: MIT\nno field\n"),
    ] {
        assert_eq!(of(text), None, "{text:?}");
    }
    assert_eq!(of_copyright(b"Format: \xff"), None);
    let many: String = (0..257).map(|index| format!("Files: {index}\nLicense: L-{index}\n\n")).collect();
    assert_eq!(of(&format!("{HEADER}{many}")), None);
}

proptest! {
    /// An expression is read again as itself, and holds nothing but what the grammar has.
    #[test]
    fn what_is_written_is_read_again(text in "(MIT|GPL-2.0-only|house|and|or|with|[(]|[)]| ){1,24}") {
        if let Some(license) = License::parse(&text) {
            let again = License::parse(license.expression()).unwrap();
            prop_assert_eq!(again.expression(), license.expression());
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.+() ".contains(&byte);
            prop_assert!(license.expression().bytes().all(allowed));
        }
    }

    #[test]
    fn any_bytes_are_a_licence_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _license = of_copyright(&bytes);
    }
}
