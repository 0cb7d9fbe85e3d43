//! Debian's copyright files, where they are machine-readable.
//!
//! Source: "Machine-readable debian/copyright file", version 1.0. Files of another form say nothing here: whoever
//! reads prose for a licence guesses.

use super::expression::Expression;
use super::{License, told};
use crate::sbom::dpkg::{Paragraph, paragraphs};

/// Where the format is at home, without the scheme; it was drafted at the others.
const FORMATS: [&str; 3] = [
    "www.debian.org/doc/packaging-manuals/copyright-format/1.0",
    "dep.debian.net/deps/dep5",
    "anonscm.debian.org/viewvc/dep/web/deps/dep5",
];

/// Different licences in one file; the kernel has some 50.
const MAX_LICENSES: usize = 256;

/// The licence of everything in a package: that of each of its files, all together. `None` if the file is not of
/// this form, or does not say it for all.
pub(in crate::sbom) fn of_copyright(bytes: &[u8]) -> Option<License> {
    let text = std::str::from_utf8(bytes).ok()?;
    // Signed copies and byte order marks are left alone: they are not of this form.
    let mut whole: Option<Vec<Expression>> = None;
    let mut is_good = true;
    let read = paragraphs(text, &mut |paragraph| {
        match &mut whole {
            None => {
                is_good = is_header(paragraph);
                whole = Some(Vec::new());
            }
            Some(licenses) if is_good && paragraph.get("Files").is_some() => {
                match paragraph.get("License").and_then(told).map(read_license) {
                    Some(license) if licenses.contains(&license) => {}
                    Some(license) if licenses.len() < MAX_LICENSES => licenses.push(license),
                    _ => is_good = false,
                }
            }
            Some(_) => {}
        }
        Ok(())
    });
    if read.is_err() || !is_good {
        return None;
    }
    let expression = whole?.into_iter().reduce(Expression::and)?;
    Some(License::of(&expression))
}

fn is_header(paragraph: &Paragraph<'_>) -> bool {
    let Some(format) = paragraph.get("Format") else { return false };
    let format = format.strip_prefix("https://").or_else(|| format.strip_prefix("http://"));
    format.is_some_and(|format| FORMATS.iter().any(|known| format.starts_with(known)))
}

/// `A and B`, `A or B`, and `A or B, and C`, in which the comma binds least.
fn read_license(text: &str) -> Expression {
    let whole = || Expression::Name(text.to_owned());
    let mut segments = text.split(',').map(str::trim);
    let Some(first) = segments.next().and_then(parse) else { return whole() };
    let mut expression = first;
    for segment in segments {
        let Some(next) = after("and", segment).and_then(parse) else { return whole() };
        expression = expression.and(next);
    }
    expression
}

fn parse(text: &str) -> Option<Expression> {
    Expression::parse(text, &spdx_name)
}

fn after<'t>(word: &str, text: &'t str) -> Option<&'t str> {
    let (first, rest) = text.split_once(char::is_whitespace)?;
    first.eq_ignore_ascii_case(word).then_some(rest)
}

/// SPDX's name for one of the format's short names, where that is another.
fn spdx_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    for family in ["gpl", "lgpl", "agpl", "gfdl"] {
        let Some(version) = lower.strip_prefix(family).and_then(|rest| rest.strip_prefix('-')) else {
            continue;
        };
        let (version, later) = match version.strip_suffix('+') {
            Some(version) => (version, "or-later"),
            None => (version, "only"),
        };
        let version = match version {
            "1" | "2" | "3" => format!("{version}.0"),
            "1.0" | "1.1" | "1.2" | "1.3" | "2.0" | "2.1" | "3.0" => version.to_owned(),
            _ => return name.to_owned(),
        };
        return format!("{}-{version}-{later}", family.to_ascii_uppercase());
    }
    match lower.as_str() {
        "expat" => "MIT",
        "artistic" | "artistic-1" => "Artistic-1.0",
        "artistic-2" => "Artistic-2.0",
        "apache-1" => "Apache-1.0",
        "apache-2" => "Apache-2.0",
        "cc0" | "cc0-1" => "CC0-1.0",
        "mpl-1" => "MPL-1.0",
        "mpl-2" => "MPL-2.0",
        "psf-2" => "PSF-2.0",
        "zope-1.1" => "ZPL-1.1",
        "zope-2.0" => "ZPL-2.0",
        "zope-2.1" => "ZPL-2.1",
        _ => name,
    }
    .to_owned()
}
