//! Who is behind a package, and where it is at home, as far as others can read it.

/// A maintainer: `Name <address>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Maintainer<'t> {
    pub(super) name: &'t str,
    /// The address, if it is a plain one.
    pub(super) address: Option<&'t str>,
}

impl<'t> Maintainer<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let parts =
            text.split_once('<').and_then(|(name, rest)| Some((name.trim(), rest.strip_suffix('>')?)));
        match parts.filter(|(name, _)| !name.is_empty()) {
            Some((name, address)) => Self { name, address: Some(address).filter(|it| is_address(it)) },
            None => Self { name: text, address: None },
        }
    }
}

fn is_address(address: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+' | b'=');
    address.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && !host.is_empty() && user.bytes().all(allowed) && host.bytes().all(allowed)
    })
}

/// A URL that every reader takes for one: no character that would have to be escaped.
pub(super) fn is_web_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte);
    rest.is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_alphanumeric())
            && rest.bytes().all(allowed)
            && rest.matches('#').count() <= 1
    })
}
