//! The rules of `zone2-constraints.json`, type by type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use std::time::Duration;

use super::{MAX_PATH_BYTES, MAX_RULES, MAX_WORD_BYTES, Problem, places, regions};
use crate::constraint::{
    AllowedSetRule, CaSet, CertificateRule, Decimal, EqualRule, ExtendedKeyUsage, HostnameRule,
    KeyRequirement, KeyType, KeyUsage, MAX_ALLOWED, MAX_ANCHORS, MAX_ISSUERS, MAX_SUBNETS, PatternRule,
    PresenceRule, RangeRule, Rule, Subnet, SubnetRule,
};
use crate::json::{Node, Object};
use crate::place::Place;
use crate::policy_error::PolicyError;
use crate::value::Format;

/// The longest warning before a certificate expires, in days: ten years.
const MAX_WARN_DAYS: u64 = 3660;

/// The longest key that may be asked for, in bits.
const MAX_KEY_BITS: u64 = 16_384;

/// The longest certificate in a policy, in base64.
const MAX_ANCHOR_BYTES: usize = 16 << 10;

/// How far apart two positions may be that are one, in metres.
const MAX_METRES: u64 = 20_100_000;

/// The rule of a constraint, and the constraint with the keys that its type has.
pub(super) fn parse<'n>(node: &Node<'n>, kind: &Node<'_>) -> Result<(Object<'n>, Rule), PolicyError> {
    macro_rules! rule {
        ($parse:expr, $variant:ident, $($key:literal),*) => {{
            let object = node.object(&["id", "type", "place", "when", $($key),*])?;
            let rule = $parse(&object)?;
            (object, Rule::$variant(rule))
        }};
    }
    let name = kind.string(MAX_WORD_BYTES)?;
    Ok(match name.as_str() {
        "allowed-set" => rule!(parse_allowed, AllowedSet, "allowed"),
        "certificate" => rule!(
            parse_certificate,
            Certificate,
            "warn_days",
            "issuers",
            "key_usage",
            "extended_key_usage",
            "names",
            "keys",
            "anchors",
            "private_key"
        ),
        "equal" => rule!(parse_equal, Equal, "to", "metres"),
        "hostname" => rule!(parse_hostname, Hostname, "pattern"),
        "pattern" => rule!(parse_pattern, Pattern, "pattern"),
        "position" => rule!(regions::parse, Position, "regions"),
        "presence" => rule!(parse_presence, Presence, "present"),
        "range" => rule!(parse_range, Range, "min", "max"),
        "subnet" => rule!(parse_subnets, Subnet, "permitted"),
        _ => return Err(kind.error(Problem::UnknownConstraint { found: name, known: Rule::TYPES })),
    })
}

fn parse_equal(object: &Object<'_>) -> Result<EqualRule, PolicyError> {
    let rule = EqualRule::new(places::parse(object.required("to")?, places::Live::Any)?);
    let Some(node) = object.optional("metres") else { return Ok(rule) };
    Ok(rule.within(u32::try_from(node.integer(MAX_METRES)?).unwrap_or(u32::MAX)))
}

fn parse_pattern(object: &Object<'_>) -> Result<PatternRule, PolicyError> {
    let node = object.required("pattern")?;
    PatternRule::new(&node.string(MAX_WORD_BYTES)?).map_err(|error| node.error(Problem::Pattern(error)))
}

fn parse_presence(object: &Object<'_>) -> Result<PresenceRule, PolicyError> {
    Ok(PresenceRule::new(object.required("present")?.boolean()?))
}

/// Bounds are strings: a number of JSON would be what a parser makes of it.
fn parse_range(object: &Object<'_>) -> Result<RangeRule, PolicyError> {
    let bound = |key| {
        let number = |node: &Node<'_>| -> Result<Decimal, PolicyError> {
            node.string(MAX_WORD_BYTES)?.parse().map_err(|_| node.error(Problem::NotADecimal))
        };
        object.optional(key).map(number).transpose()
    };
    let (min, max) = (bound("min")?, bound("max")?);
    RangeRule::new(min, max).ok_or_else(|| object.error(Problem::NoRange))
}

fn parse_allowed(object: &Object<'_>) -> Result<AllowedSetRule, PolicyError> {
    let list = object.required("allowed")?;
    let allowed = parse_words(list, MAX_ALLOWED, MAX_WORD_BYTES)?;
    AllowedSetRule::new(allowed).ok_or_else(|| list.error(Problem::Empty))
}

fn parse_certificate(object: &Object<'_>) -> Result<CertificateRule, PolicyError> {
    let days = object.optional("warn_days").map_or(Ok(0), |node| node.integer(MAX_WARN_DAYS))?;
    let mut rule = CertificateRule::new(Duration::from_secs(days * 86_400));
    if let Some(list) = object.optional("issuers") {
        let issuers = parse_words(list, MAX_ISSUERS, MAX_WORD_BYTES)?;
        if issuers.is_empty() {
            return Err(list.error(Problem::Empty));
        }
        rule = rule.issued_by(issuers);
    }
    if let Some(list) = object.optional("key_usage") {
        rule = rule.with_key_usage(words_of(list, KeyUsage::WORDS, KeyUsage::parse)?);
    }
    if let Some(list) = object.optional("extended_key_usage") {
        let uses = words_of(list, ExtendedKeyUsage::WORDS, ExtendedKeyUsage::parse)?;
        rule = rule.with_extended_key_usage(uses);
    }
    if let Some(list) = object.optional("names") {
        let names = parse_words(list, MAX_ISSUERS, MAX_WORD_BYTES)?;
        if names.is_empty() {
            return Err(list.error(Problem::Empty));
        }
        rule = rule.for_names(names);
    }
    if let Some(list) = object.optional("keys") {
        let keys = list.array(MAX_ISSUERS)?.iter().map(parse_key).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(list.error(Problem::Empty));
        }
        rule = rule.with_keys(keys);
    }
    if let Some(list) = object.optional("anchors") {
        rule = rule.chained_to(parse_anchors(list)?);
    }
    if let Some(node) = object.optional("private_key") {
        let path = node.string(MAX_PATH_BYTES)?;
        let place = Place::in_file(path, ".".to_owned(), Format::Whole, true);
        rule = rule.with_private_key(place.map_err(|problem| node.error(problem))?);
    }
    Ok(rule)
}

fn parse_key(node: &Node<'_>) -> Result<KeyRequirement, PolicyError> {
    let object = node.object(&["type", "min_bits"])?;
    let kind = object.required("type")?;
    let word = kind.string(MAX_WORD_BYTES)?;
    let unknown = || kind.error(Problem::UnknownWord { found: word.clone(), known: KeyType::WORDS });
    let key_type = KeyType::parse(&word).ok_or_else(unknown)?;
    let bits = object.optional("min_bits").map_or(Ok(0), |node| node.integer(MAX_KEY_BITS))?;
    Ok(KeyRequirement::new(key_type, u32::try_from(bits).unwrap_or(u32::MAX)))
}

/// Trusted certificates stand in the policy itself, so that whoever signs it vouches for them.
fn parse_anchors(list: &Node<'_>) -> Result<CaSet, PolicyError> {
    let mut anchors = Vec::new();
    for (node, text) in list.array(MAX_ANCHORS)?.iter().zip(parse_words(list, MAX_ANCHORS, MAX_ANCHOR_BYTES)?)
    {
        anchors.push(STANDARD.decode(text).map_err(|_| node.error(Problem::NotBase64))?);
    }
    CaSet::of(anchors).map_err(|error| list.error(Problem::Anchors(error)))
}

/// A list of known words, each once.
fn words_of<T>(
    list: &Node<'_>,
    known: &'static [&'static str],
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, PolicyError> {
    let mut found = Vec::new();
    for (node, word) in list.array(MAX_RULES)?.iter().zip(parse_words(list, MAX_RULES, MAX_WORD_BYTES)?) {
        let unknown = || node.error(Problem::UnknownWord { found: word.clone(), known });
        found.push(read(&word).ok_or_else(unknown)?);
    }
    Ok(found)
}

/// A list of words, each once.
pub(super) fn parse_words(list: &Node<'_>, limit: usize, bytes: usize) -> Result<Vec<String>, PolicyError> {
    let mut words: Vec<String> = Vec::new();
    for node in list.array(limit)? {
        let word = node.string(bytes)?;
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
