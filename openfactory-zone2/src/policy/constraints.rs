//! `zone2-constraints.json`: which values the files of Zone 2 may hold.

use std::time::Duration;

use super::{MAX_FILE_BYTES, MAX_PATH_BYTES, MAX_RULES, MAX_WORD_BYTES, Problem, check_version};
use crate::constraint::{
    AllowedSetRule, CertificateRule, Constraint, HostnameRule, KeyUsage, MAX_ALLOWED, MAX_ISSUERS,
    MAX_SUBNETS, Rule, Subnet, SubnetRule,
};
use crate::json::{Node, Object};
use crate::place::Place;
use crate::policy_error::PolicyError;
use crate::value::Format;

/// The longest warning before a certificate expires, in days: ten years.
const MAX_WARN_DAYS: u64 = 3660;

/// The longest name of an interface, in bytes (Linux `IFNAMSIZ` less its NUL).
const MAX_INTERFACE_BYTES: usize = 15;

/// The constraint types that are checked.
const TYPES: &[&str] = &["allowed-set", "certificate", "hostname", "position", "subnet"];

/// Which values the files of Zone 2 may hold: `zone2-constraints.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraints {
    constraints: Vec<Constraint>,
}

impl Constraints {
    /// Reads a policy file of at most [`MAX_FILE_BYTES`].
    ///
    /// # Errors
    ///
    /// Whatever is wrong first, with line and JSON path; a constraint of an unknown type is
    /// [`Problem::UnknownConstraint`]. A file with an error is refused whole.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        let root = Node::parse(bytes, MAX_FILE_BYTES)?.object(&["version", "constraints"])?;
        check_version(root.required("version")?)?;
        let mut constraints: Vec<Constraint> = Vec::new();
        for node in root.required("constraints")?.array(MAX_RULES)? {
            let constraint = parse_constraint(&node)?;
            if let Some((first, what)) = duplicate(&constraints, &constraint) {
                return Err(node.error(Problem::Duplicate { what, first: format!("$.constraints[{first}]") }));
            }
            constraints.push(constraint);
        }
        Ok(Self { constraints })
    }

    /// The constraints, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Constraint> {
        self.constraints.iter()
    }

    /// The constraint of that name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Constraint> {
        self.iter().find(|constraint| constraint.id() == id)
    }
}

impl<'a> IntoIterator for &'a Constraints {
    type Item = &'a Constraint;
    type IntoIter = std::slice::Iter<'a, Constraint>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn parse_constraint(node: &Node<'_>) -> Result<Constraint, PolicyError> {
    // The type comes first: which other keys are known depends on it.
    let kind = node.peek("type")?;
    let (object, rule) = match kind.string(MAX_WORD_BYTES)? {
        name if name == "allowed-set" => {
            let object = node.object(&["id", "type", "place", "allowed"])?;
            let rule = parse_allowed(&object)?;
            (object, Rule::AllowedSet(rule))
        }
        name if name == "certificate" => {
            let object = node.object(&["id", "type", "place", "warn_days", "issuers", "key_usage"])?;
            let rule = parse_certificate(&object)?;
            (object, Rule::Certificate(rule))
        }
        name if name == "hostname" => {
            let object = node.object(&["id", "type", "place", "pattern"])?;
            let rule = parse_hostname(&object)?;
            (object, Rule::Hostname(rule))
        }
        name if name == "position" => {
            let object = node.object(&["id", "type", "place", "regions"])?;
            let rule = super::regions::parse(&object)?;
            (object, Rule::Position(rule))
        }
        name if name == "subnet" => {
            let object = node.object(&["id", "type", "place", "permitted"])?;
            let rule = parse_subnets(&object)?;
            (object, Rule::Subnet(rule))
        }
        found => return Err(kind.error(Problem::UnknownConstraint { found, known: TYPES })),
    };
    let id = object.required("id")?.string(MAX_WORD_BYTES)?;
    let place = parse_place(object.required("place")?, matches!(rule, Rule::Subnet(_)))?;
    Ok(Constraint::new(id, place, rule))
}

/// A place; only addresses are a fact of the running device.
fn parse_place(node: &Node<'_>, is_address: bool) -> Result<Place, PolicyError> {
    if is_address && node.peek("interface").is_ok() {
        let object = node.object(&["interface"])?;
        let interface = object.required("interface")?;
        let name = interface.string(MAX_INTERFACE_BYTES)?;
        return match name.contains(['/', ' ']) {
            true => Err(interface.error(Problem::NotAnInterface)),
            false => Ok(Place::of_interface(name)),
        };
    }
    // A finding about an address tells more than the address; so that can't be secret.
    let known: &[&str] =
        if is_address { &["file", "key", "format"] } else { &["file", "key", "format", "secret"] };
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
    let secret = object.optional("secret").map_or(Ok(false), Node::boolean)?;
    Place::in_file(path, name, format, secret).map_err(|problem| file.error(problem))
}

fn parse_format(node: &Node<'_>) -> Result<Format, PolicyError> {
    let found = node.string(MAX_WORD_BYTES)?;
    let format = Format::ALL.into_iter().find(|format| format.as_str() == found);
    format.ok_or_else(|| node.error(Problem::UnknownWord { found, known: Format::WORDS }))
}

fn parse_allowed(object: &Object<'_>) -> Result<AllowedSetRule, PolicyError> {
    let list = object.required("allowed")?;
    let allowed = parse_words(list, MAX_ALLOWED)?;
    AllowedSetRule::new(allowed).ok_or_else(|| list.error(Problem::Empty))
}

fn parse_certificate(object: &Object<'_>) -> Result<CertificateRule, PolicyError> {
    let days = object.optional("warn_days").map_or(Ok(0), |node| node.integer(MAX_WARN_DAYS))?;
    let mut rule = CertificateRule::new(Duration::from_secs(days * 86_400));
    if let Some(list) = object.optional("issuers") {
        let issuers = parse_words(list, MAX_ISSUERS)?;
        if issuers.is_empty() {
            return Err(list.error(Problem::Empty));
        }
        rule = rule.issued_by(issuers);
    }
    if let Some(list) = object.optional("key_usage") {
        let mut uses = Vec::new();
        for (node, word) in list.array(MAX_RULES)?.iter().zip(parse_words(list, MAX_RULES)?) {
            let usage = KeyUsage::parse(&word);
            let unknown = || node.error(Problem::UnknownWord { found: word.clone(), known: KeyUsage::WORDS });
            uses.push(usage.ok_or_else(unknown)?);
        }
        rule = rule.with_key_usage(uses);
    }
    Ok(rule)
}

/// A list of words, each once.
fn parse_words(list: &Node<'_>, limit: usize) -> Result<Vec<String>, PolicyError> {
    let mut words: Vec<String> = Vec::new();
    for node in list.array(limit)? {
        let word = node.string(MAX_WORD_BYTES)?;
        if let Some(first) = words.iter().position(|other| *other == word) {
            let first = format!("{}[{first}]", list.location().path);
            return Err(node.error(Problem::Duplicate { what: format!("the word {word:?}"), first }));
        }
        words.push(word);
    }
    Ok(words)
}

fn parse_hostname(object: &Object<'_>) -> Result<HostnameRule, PolicyError> {
    let Some(node) = object.optional("pattern") else { return Ok(HostnameRule::new()) };
    let pattern = node.string(MAX_WORD_BYTES)?;
    HostnameRule::matching(&pattern).map_err(|error| node.error(Problem::Pattern(error)))
}

fn parse_subnets(object: &Object<'_>) -> Result<SubnetRule, PolicyError> {
    let list = object.required("permitted")?;
    let mut permitted: Vec<Subnet> = Vec::new();
    for node in list.array(MAX_SUBNETS)? {
        let text = node.string(MAX_WORD_BYTES)?;
        let subnet: Subnet = text.parse().map_err(|error| node.error(Problem::Subnet(error)))?;
        if let Some(first) = permitted.iter().position(|other| *other == subnet) {
            let first = format!("{}[{first}]", list.location().path);
            return Err(node.error(Problem::Duplicate { what: format!("the subnet {subnet}"), first }));
        }
        permitted.push(subnet);
    }
    SubnetRule::new(permitted).ok_or_else(|| list.error(Problem::Empty))
}

/// Which earlier constraint says the same as `new`: has its name, or the same type of rule for the same place.
fn duplicate(earlier: &[Constraint], new: &Constraint) -> Option<(usize, String)> {
    earlier.iter().enumerate().find_map(|(index, old)| {
        if old.id() == new.id() {
            return Some((index, format!("the constraint {:?}", new.id())));
        }
        let same = old.place() == new.place() && old.rule().type_name() == new.rule().type_name();
        same.then(|| (index, format!("a {} constraint for {}", new.rule().type_name(), new.place())))
    })
}
