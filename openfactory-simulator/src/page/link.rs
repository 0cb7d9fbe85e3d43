//! Where the page's parts are, as links.

use super::HOME;

/// A link with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) text: String,
}

impl Link {
    pub(super) fn new(href: String, text: impl Into<String>) -> Self {
        Self { href, text: text.into() }
    }

    /// To a row; where it has no name to show, by its `sys_id`.
    pub(super) fn to_record(table: &str, sys_id: &str, shown: &str) -> Self {
        Self::new(record(table, sys_id), if shown.is_empty() { sys_id } else { shown })
    }
}

/// The list of a table, from a row on, of what a query finds.
pub(super) fn list(table: &str, query: &str, offset: usize) -> String {
    let mut href = format!("{HOME}/table/{}", encoded(table));
    let mut separator = '?';
    if !query.is_empty() {
        href.push_str(&format!("?query={}", encoded(query)));
        separator = '&';
    }
    if offset > 0 {
        href.push_str(&format!("{separator}offset={offset}"));
    }
    href
}

pub(super) fn record(table: &str, sys_id: &str) -> String {
    format!("{HOME}/record/{}/{}", encoded(table), encoded(sys_id))
}

pub(super) fn attachment(sys_id: &str) -> String {
    format!("{HOME}/attachment/{}", encoded(sys_id))
}

pub(super) fn approval(sys_id: &str) -> String {
    format!("{HOME}/approval/{}", encoded(sys_id))
}

/// The login form that leads back to `next`.
pub(super) fn login(next: &str) -> String {
    if next == HOME { format!("{HOME}/login") } else { format!("{HOME}/login?next={}", encoded(next)) }
}

/// Where to go after the login: a path of this page, or else its front.
pub(super) fn checked(next: &str) -> &str {
    let own = next.strip_prefix(HOME).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if own && plain { next } else { HOME }
}

pub(super) use crate::api::encoded;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_it_stays_one_segment() {
        assert_eq!(record("incident", "a/../b?<c>"), "/page/record/incident/a%2F..%2Fb%3F%3Cc%3E");
        assert_eq!(
            list("incident", "state=1^number=x", 50),
            "/page/table/incident?query=state%3D1%5Enumber%3Dx&offset=50"
        );
        assert_eq!(list("incident", "", 50), "/page/table/incident?offset=50");
    }

    #[test]
    fn a_login_leads_nowhere_but_into_the_page() {
        for own in ["/page", "/page/table/incident?offset=50", "/page?x"] {
            assert_eq!(checked(own), own);
        }
        for other in
            ["", "/", "//evil", "/pages", "https://evil/page", "/page/\\evil", "/page/x\r\ny: z", "/page/é"]
        {
            assert_eq!(checked(other), HOME, "{other}");
        }
    }
}
