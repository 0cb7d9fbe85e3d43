//! Path patterns: `*` and `?` within a segment, `**` over segments.

use std::fmt;

use super::Problem;

/// A pattern for absolute paths.
///
/// `*` is any run of bytes within one segment, `?` any one byte of it, and a segment that is `**` any number of
/// segments, none included. A leading dot is a byte like any other. `[ ] { } \` are kept for later and refused.
/// Matching takes time in proportion to pattern times path, whatever the pattern.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    text: String,
}

impl Glob {
    /// Checks a pattern.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let Some(relative) = text.strip_prefix('/') else {
            return Err(Problem::NotNormalPath);
        };
        for segment in relative.split('/') {
            if matches!(segment, "" | "." | "..") {
                return Err(Problem::NotNormalPath);
            }
            if let Some(kept) = segment.chars().find(|c| "[]{}\\".contains(*c)) {
                return Err(Problem::PatternSyntax { found: kept.to_string() });
            }
            if segment.contains("**") && segment != "**" {
                return Err(Problem::PatternSyntax { found: segment.to_owned() });
            }
        }
        Ok(Self { text: text.to_owned() })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern is for this absolute path, byte by byte. A path that is not absolute has no pattern.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        let Some(relative) = path.strip_prefix(b"/") else {
            return false;
        };
        let pattern: Vec<&[u8]> = self.text.as_bytes()[1..].split(|b| *b == b'/').collect();
        let path: Vec<&[u8]> = relative.split(|b| *b == b'/').collect();
        wild(
            &pattern,
            &path,
            |segment| **segment == *b"**",
            |segment, part| {
                wild(segment, part, |byte| *byte == b'*', |byte, other| *byte == b'?' || byte == other)
            },
        )
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

/// Whether `pattern` covers all of `items`, where a star covers any run of them. On a mismatch only the latest
/// star has to take one item more: an earlier one could not do better.
fn wild<P, I>(pattern: &[P], items: &[I], star: impl Fn(&P) -> bool, one: impl Fn(&P, &I) -> bool) -> bool {
    let (mut at, mut item) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while item < items.len() {
        match pattern.get(at) {
            Some(p) if star(p) => {
                retry = Some((at + 1, item));
                at += 1;
            }
            Some(p) if one(p, &items[item]) => {
                at += 1;
                item += 1;
            }
            _ => match &mut retry {
                Some((after_star, taken)) => {
                    *taken += 1;
                    (at, item) = (*after_star, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(star)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Glob::parse(pattern).unwrap().matches(path.as_bytes())
    }

    #[test]
    fn patterns_cover_what_they_say() {
        let table = [
            ("/etc/hostname", "/etc/hostname", true),
            ("/etc/hostname", "/etc/hostname2", false),
            ("/etc/hostname", "etc/hostname", false),
            ("/etc/*", "/etc/hosts", true),
            ("/etc/*", "/etc/", true),
            ("/etc/*", "/etc/ssh/key", false),
            ("/etc/*.conf", "/etc/.conf", true),
            ("/etc/ssh_*_key?", "/etc/ssh_host_ed25519_key2", true),
            ("/etc/ssh_*_key?", "/etc/ssh_host_ed25519_key", false),
            ("/var/log/**", "/var/log/audit/audit.log", true),
            ("/var/log/**", "/var/log", true),
            ("/var/log/**", "/var/lo", false),
            ("/**/key.pem", "/key.pem", true),
            ("/**/a/**/b", "/x/a/y/a/b", true),
            ("/**/a/**/b", "/x/a/y/a/c", false),
            ("/*/?", "/etc/\u{e9}", false),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(matches(pattern, path), expected, "{pattern} on {path}");
        }
        assert!(Glob::parse("/etc/*").unwrap().matches(b"/etc/\xff"));
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = format!("/{}b", "a*".repeat(1000));
        assert!(!matches(&pattern, &format!("/{}", "a".repeat(4000))));
        assert!(!matches(&format!("{}/b", "/**".repeat(1000)), &"/a".repeat(2000)));
    }

    #[test]
    fn foreign_syntax_is_refused() {
        for path in ["etc", "", "/", "//etc", "/etc/", "/etc/../x", "/./etc"] {
            assert_eq!(Glob::parse(path), Err(Problem::NotNormalPath), "{path}");
        }
        for (pattern, found) in
            [("/a[bc]", "["), ("/a{b,c}", "{"), ("/a\\*", "\\"), ("/a/b**", "b**"), ("/***", "***")]
        {
            assert_eq!(
                Glob::parse(pattern),
                Err(Problem::PatternSyntax { found: found.into() }),
                "{pattern}"
            );
        }
    }
}
