//! Where a policy's values stand.

use super::{MAX_PATH_BYTES, MAX_WORD_BYTES, Problem};
use crate::constraint::Rule;
use crate::json::Node;
use crate::place::Place;
use crate::policy_error::PolicyError;
use crate::value::{CERTIFICATE_MEMBERS, FileMetadata, Format, capture, tree};

/// The longest name of an interface, in bytes (Linux `IFNAMSIZ` less its NUL).
const MAX_INTERFACE_BYTES: usize = 15;

/// How old a receiver's position may be at most, in seconds: a day.
const MAX_AGE: u64 = 86_400;

/// How old it may be where the policy doesn't say, in seconds.
const AGE: u64 = 60;

/// Which facts of the running device a place may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Live {
    None,
    Addresses,
    Positions,
    /// Either, where two places are compared.
    Any,
}

impl Live {
    pub(super) fn of(rule: &Rule) -> Self {
        match rule {
            Rule::Subnet(_) => Self::Addresses,
            Rule::Position(_) => Self::Positions,
            Rule::Equal(_) => Self::Any,
            _ => Self::None,
        }
    }
}

pub(super) fn parse(node: &Node<'_>, live: Live) -> Result<Place, PolicyError> {
    if matches!(live, Live::Addresses | Live::Any) && node.peek("interface").is_ok() {
        return interface(node);
    }
    if matches!(live, Live::Positions | Live::Any) && node.peek("receiver").is_ok() {
        return receiver(node);
    }
    // A finding about an address tells more than the address; so that can't be secret.
    let known: &[&str] = match live {
        Live::Addresses => &["file", "key", "format"],
        Live::None | Live::Positions | Live::Any => &["file", "key", "format", "secret"],
    };
    let object = node.object(known)?;
    let file = object.required("file")?;
    let path = file.string(MAX_PATH_BYTES)?;
    let key = object.required("key")?;
    let name = key.string(MAX_PATH_BYTES)?;
    let format = match object.optional("format") {
        None if name == "." => Format::Whole,
        None => Format::Json,
        Some(node) => parse_format(node)?,
    };
    if format.is_whole() != (name == ".") {
        return Err(key.error(Problem::NotAKey { format }));
    }
    check_key(key, &name, format)?;
    let secret = object.optional("secret").map_or(Ok(false), Node::boolean)?;
    Place::in_file(path, name, format, secret).map_err(|problem| file.error(problem))
}

/// A key that its format can't have is an error here, not a value that is never found.
fn check_key(node: &Node<'_>, key: &str, format: Format) -> Result<(), PolicyError> {
    let among = |known: &'static [&'static str]| {
        let unknown = || node.error(Problem::UnknownWord { found: key.to_owned(), known });
        if known.contains(&key) { Ok(()) } else { Err(unknown()) }
    };
    match format {
        Format::Json | Format::Yaml | Format::Toml => {
            tree::check_key(key).map_err(|_| node.error(Problem::KeyQuotes))
        }
        Format::Regex => {
            capture::compile(key).map(|_| ()).map_err(|error| node.error(Problem::Pattern(error)))
        }
        Format::Certificate => among(CERTIFICATE_MEMBERS),
        Format::Metadata => among(FileMetadata::KEYS),
        Format::KeyValue
        | Format::Ini
        | Format::Systemd
        | Format::Keyfile
        | Format::Hosts
        | Format::Line
        | Format::Whole => Ok(()),
    }
}

fn parse_format(node: &Node<'_>) -> Result<Format, PolicyError> {
    let found = node.string(MAX_WORD_BYTES)?;
    let format = Format::ALL.into_iter().find(|format| format.as_str() == found);
    format.ok_or_else(|| node.error(Problem::UnknownWord { found, known: Format::WORDS }))
}

fn interface(node: &Node<'_>) -> Result<Place, PolicyError> {
    let object = node.object(&["interface"])?;
    let interface = object.required("interface")?;
    let name = interface.string(MAX_INTERFACE_BYTES)?;
    match name.contains(['/', ' ']) {
        true => Err(interface.error(Problem::NotAnInterface)),
        false => Ok(Place::of_interface(name)),
    }
}

fn receiver(node: &Node<'_>) -> Result<Place, PolicyError> {
    let object = node.object(&["receiver", "max_age"])?;
    let receiver = object.required("receiver")?;
    let name = receiver.string(MAX_WORD_BYTES)?;
    let known = ["gpsd:", "nmea:/"]
        .iter()
        .any(|scheme| name.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    if !known {
        return Err(receiver.error(Problem::NotAReceiver));
    }
    let age = object.optional("max_age").map_or(Ok(AGE), |node| node.integer(MAX_AGE))?;
    Ok(Place::of_receiver(name, u32::try_from(age).unwrap_or(u32::MAX)))
}
