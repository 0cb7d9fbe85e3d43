//! Cutting a list into pages, and the headers that tell a client about them.

use axum::http::{HeaderName, header};

use super::{Answer, Call};
use crate::refusal::Refusal;

/// Where a page begins, and how long it may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) limit: usize,
    pub(super) offset: usize,
}

impl Page {
    pub(super) fn of(call: &Call, default_limit: usize) -> Result<Self, Refusal> {
        let offset = call.param("sysparm_offset").and_then(|text| text.parse::<i64>().ok());
        let before = offset.is_some_and(|offset| offset < 0);
        Ok(Self {
            limit: call.number("sysparm_limit", default_limit)?,
            offset: if before && call.switches.negative_offset_is_zero {
                0
            } else {
                call.number("sysparm_offset", 0)?
            },
        })
    }

    /// The page's rows.
    pub(super) fn cut<T>(self, rows: Vec<T>) -> impl Iterator<Item = T> {
        rows.into_iter().skip(self.offset).take(self.limit)
    }

    /// Adds `X-Total-Count` and, where there is more than one page, `Link`.
    pub(super) fn announce(self, call: &Call, total: usize, answer: Answer) -> Answer {
        let answer = if call.flag("sysparm_no_count") {
            answer
        } else {
            answer.header(HeaderName::from_static("x-total-count"), &total.to_string())
        };
        if call.flag("sysparm_suppress_pagination_header")
            || self.limit == 0
            || (self.offset == 0 && total <= self.limit)
        {
            return answer;
        }
        answer.header(header::LINK, &self.links(call, total))
    }

    fn links(self, call: &Call, total: usize) -> String {
        let last = total.saturating_sub(1) / self.limit * self.limit;
        let mut links = vec![self.link(call, 0, "first")];
        if self.offset > 0 {
            links.push(self.link(call, self.offset.saturating_sub(self.limit), "prev"));
        }
        let next = self.offset.saturating_add(self.limit);
        if next < total {
            links.push(self.link(call, next, "next"));
        }
        if !call.flag("sysparm_no_count") || call.switches.last_link_without_count {
            links.push(self.link(call, last, "last"));
        }
        links.join(",")
    }

    fn link(self, call: &Call, offset: usize, rel: &str) -> String {
        let mut query: Vec<_> = call
            .query
            .iter()
            .filter(|(name, _)| name != "sysparm_offset" && name != "sysparm_limit")
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        query.push(format!("sysparm_limit={}", self.limit));
        query.push(format!("sysparm_offset={offset}"));
        format!("<{}{}?{}>;rel=\"{rel}\"", call.base_url, call.path, query.join("&"))
    }
}

/// Percent-encodes all but what RFC 3986 calls unreserved.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}
