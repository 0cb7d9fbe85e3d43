//! A file that was read once, whatever is asked of it.

use std::borrow::Cow;

use regex::bytes::Regex;
use serde_json::Value;

use super::{
    Format, MAX_FILE_BYTES, Observed, capture, certificate, hosts, ini, json_key, key_value, keyfile,
    toml_key, tree, yaml,
};

/// A file's bytes, read as far as its format can be read before a key is known: whoever has many keys for one file pays
/// once.
///
/// ```
/// use openfactory_zone2::value::{Document, Format};
/// use openfactory_zone2::Observed;
///
/// let device = Document::parse(Format::Json, br#"{"site": "north", "line": 4}"#);
/// assert_eq!(device.get("site"), Observed::value("north"));
/// assert_eq!(device.get("line"), Observed::value("4"));
/// assert_eq!(device.get("owner"), Observed::Absent);
/// ```
#[derive(Clone, Debug)]
pub struct Document<'b> {
    format: Format,
    content: Content<'b>,
}

#[derive(Clone, Debug)]
enum Content<'b> {
    /// Of a format that nests.
    Tree(Value),
    /// Of any other.
    Bytes(Cow<'b, [u8]>),
    /// Of none that can be read, with the reason.
    Unreadable(String),
}

impl<'b> Document<'b> {
    /// Reads a file. Whatever the bytes are, the end is a document: that they can't be read, its values say.
    #[must_use]
    pub fn parse(format: Format, bytes: &'b [u8]) -> Self {
        let content = content(format, bytes).unwrap_or_else(Content::Unreadable);
        Self { format, content }
    }

    /// The same, without the bytes it was made from.
    pub(super) fn into_owned(self) -> Document<'static> {
        let content = match self.content {
            Content::Tree(root) => Content::Tree(root),
            Content::Bytes(bytes) => Content::Bytes(Cow::Owned(bytes.into_owned())),
            Content::Unreadable(reason) => Content::Unreadable(reason),
        };
        Document { format: self.format, content }
    }

    /// What stands under a key, in the notation of the file's [`Format`].
    #[must_use]
    pub fn get(&self, key: &str) -> Observed {
        self.get_by(key, None)
    }

    /// The same, by the key's regular expression where there is one already.
    pub(super) fn get_by(&self, key: &str, pattern: Option<&Regex>) -> Observed {
        let bytes = match &self.content {
            Content::Tree(root) => return tree::lookup(key, root),
            Content::Unreadable(reason) => return Observed::Unreadable(reason.clone()),
            Content::Bytes(bytes) => bytes,
        };
        let read: fn(&str, &str) -> Observed = match self.format {
            Format::Certificate => return certificate::extract(key, bytes),
            Format::KeyValue => key_value::extract,
            Format::Ini => ini::extract,
            Format::Systemd => ini::extract_systemd,
            Format::Keyfile => keyfile::extract,
            Format::Hosts => hosts::extract,
            Format::Regex => capture::extract,
            Format::Line => |_, text| line(text),
            Format::Whole | Format::Json | Format::Yaml | Format::Toml | Format::Metadata => {
                return Observed::Content(bytes.to_vec());
            }
        };
        text(bytes).map_or_else(Observed::Unreadable, |text| match pattern {
            Some(pattern) if self.format == Format::Regex => capture::extract_by(pattern, text),
            _ => read(key, text),
        })
    }
}

fn content(format: Format, bytes: &[u8]) -> Result<Content<'_>, String> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(format!("{} bytes are more than the {MAX_FILE_BYTES} looked at", bytes.len()));
    }
    Ok(match format {
        Format::Json => Content::Tree(json_key::parse(bytes)?),
        Format::Yaml => Content::Tree(yaml::parse(text(bytes)?)?),
        Format::Toml => Content::Tree(toml_key::parse(text(bytes)?)?),
        Format::Metadata => return Err("what a file is does not stand in it".to_owned()),
        _ => Content::Bytes(Cow::Borrowed(bytes)),
    })
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8 at byte {}", error.valid_up_to()))
}

/// hostname(5): the first line that is neither empty nor a comment, without white space around it.
fn line(text: &str) -> Observed {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match (lines.next(), lines.next()) {
        (None, _) => Observed::Absent,
        (Some(line), None) => Observed::value(line),
        (Some(_), Some(_)) => Observed::Unreadable("more than one line".to_owned()),
    }
}
