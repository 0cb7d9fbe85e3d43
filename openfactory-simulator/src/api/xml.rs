//! XML, which clients may send and ask for instead of JSON: `<request><entry><FIELD>value</FIELD>...</entry></request>`
//! and `<response><result>...</result></response>`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;

use crate::refusal::Refusal;

/// How many nodes a body may have.
const NODES: u32 = 20_000;

/// The values that a body gives by field.
pub(super) fn values(body: &[u8]) -> Result<BTreeMap<String, String>, Refusal> {
    let text = std::str::from_utf8(body).map_err(|error| Refusal::unreadable(error.to_string()))?;
    // A document that declares types of its own could grow without bounds.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| Refusal::unreadable(error.to_string()))?;
    let root = document.root_element();
    let entry = root.children().find(|child| child.has_tag_name("entry")).unwrap_or(root);
    let fields = entry.children().filter(Node::is_element);
    Ok(fields.map(|field| (field.tag_name().name().to_owned(), text_of(field))).collect())
}

/// An element's text, that of a reference's `value` where it has one.
fn text_of(field: Node<'_, '_>) -> String {
    let inner = field.children().find(|child| child.has_tag_name("value")).unwrap_or(field);
    inner.children().filter_map(|child| child.is_text().then(|| child.text()).flatten()).collect()
}

/// A body as a document whose root is `response`.
pub(super) fn document(body: &Value) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned();
    element(&mut text, "response", body);
    text
}

/// One element; of a list as many as it has members.
fn element(text: &mut String, name: &str, value: &Value) {
    let name: String = name.chars().map(|char| if in_name(char) { char } else { '_' }).collect();
    match value {
        Value::Array(members) => members.iter().for_each(|member| element(text, &name, member)),
        Value::Object(members) => {
            text.push_str(&format!("<{name}>"));
            members.iter().for_each(|(name, member)| element(text, name, member));
            text.push_str(&format!("</{name}>"));
        }
        Value::Null => text.push_str(&format!("<{name}/>")),
        Value::String(value) if value.is_empty() => text.push_str(&format!("<{name}/>")),
        Value::String(value) => wrapped(text, &name, value),
        Value::Bool(_) | Value::Number(_) => wrapped(text, &name, &value.to_string()),
    }
}

fn in_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-')
}

fn wrapped(text: &mut String, name: &str, value: &str) {
    let _infallible = write!(text, "<{name}>");
    for char in value.chars() {
        match char {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\r' => text.push_str("&#13;"),
            '\t' | '\n' => text.push(char),
            // No XML 1.0 holds these.
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            char => text.push(char),
        }
    }
    let _infallible = write!(text, "</{name}>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_become_elements() {
        let body = json!({ "result": [{ "a": "1 < 2 & \u{1}3", "b": "", "c.d": { "link": "l", "value": "v" } }, {}] });
        assert_eq!(
            document(&body),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><result><a>1 &lt; 2 &amp; 3</a><b/>\
             <c.d><link>l</link><value>v</value></c.d></result><result></result></response>"
        );
        assert!(document(&json!({ "error": { "detail": null } })).contains("<detail/>"));
    }

    #[test]
    fn bodies_are_read_with_or_without_an_entry() {
        let read = |text: &str| values(text.as_bytes());
        let entry = read(
            "<request><entry><a>1 &lt; 2</a><b/><c><value>v</value></c><d><![CDATA[<x>]]></d></entry></request>",
        );
        let entry = entry.unwrap();
        let pairs: Vec<_> = entry.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a", "1 < 2"), ("b", ""), ("c", "v"), ("d", "<x>")]);
        assert_eq!(read("<incident><a>1</a></incident>").unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_xml_or_could_grow_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(30_000), "</a>".repeat(30_000));
        let grows = "<!DOCTYPE r [<!ENTITY a \"aaaa\">]><r><x>&a;</x></r>";
        for text in ["", "x", "<a>", "<a></b>", grows, deep.as_str()] {
            assert!(values(text.as_bytes()).is_err(), "{}", text.get(..9).unwrap_or(text));
        }
        assert!(values(&[0xff, b'<']).is_err());
    }
}
