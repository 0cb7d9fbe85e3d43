//! XML from others, within limits.

use roxmltree::{Document, Node, ParsingOptions};

use super::{MAX_REPORT, MAX_TEXT, TestReportError, bounds};

/// Elements, texts and comments in a report at most.
const MAX_NODES: u32 = 2_000_000;

pub(super) fn parse(bytes: &[u8]) -> Result<Document<'_>, TestReportError> {
    if bytes.len() > MAX_REPORT {
        return Err(TestReportError::TooLong { len: bytes.len(), max: MAX_REPORT });
    }
    let xml = |reason: String| TestReportError::Xml { reason };
    let text = std::str::from_utf8(bytes).map_err(|_| xml("it is not UTF-8".to_owned()))?;
    bounds::check(text).map_err(xml)?;
    // A document type may define entities that grow without bound.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| xml(error.to_string()))
}

/// Elements of this name within this one, in whatever namespace.
pub(super) fn children<'a, 'i>(node: Node<'a, 'i>, name: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// A text from others, cut to what is kept of one.
pub(super) fn cut(text: &str) -> String {
    let text = text.trim();
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
