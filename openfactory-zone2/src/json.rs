//! JSON whose every value knows where it stands, so that an error can name its line and its path.
//!
//! Each value stays a slice of the input until it is asked for. Keys that a format doesn't know and keys that
//! stand twice in one object are refused: in a policy, what is silently ignored is what somebody relied on.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::policy::{Location, Problem};
use crate::policy_error::PolicyError;

/// A JSON value with its place in the text.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    text: &'a str,
    raw: &'a RawValue,
    path: String,
}

impl<'a> Node<'a> {
    /// Checks size, encoding and syntax of a whole text and returns its root.
    pub(crate) fn parse(bytes: &'a [u8], limit: usize) -> Result<Self, PolicyError> {
        let start = Location::new("$", 1);
        if bytes.len() > limit {
            return Err(PolicyError::new(start, Problem::TooLarge { bytes: bytes.len(), limit }));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let offset = error.valid_up_to();
            let line = line_of(bytes, offset);
            PolicyError::new(Location::new("$", line), Problem::NotUtf8 { offset })
        })?;
        let raw = serde_json::from_str(text).map_err(|error| syntax("$", error.line(), &error))?;
        Ok(Self { text, raw, path: "$".to_owned() })
    }

    /// Where the value stands.
    pub(crate) fn location(&self) -> Location {
        let offset = self.raw.get().as_ptr().addr() - self.text.as_ptr().addr();
        Location::new(self.path.clone(), line_of(self.text.as_bytes(), offset))
    }

    /// The error that `problem` makes at this place.
    pub(crate) fn error(&self, problem: Problem) -> PolicyError {
        PolicyError::new(self.location(), problem)
    }

    /// The value as an object with no other keys than `known`, each at most once.
    pub(crate) fn object(&self, known: &'static [&'static str]) -> Result<Object<'a>, PolicyError> {
        self.expect(b"{", "an object")?;
        let Members(found) = self.decode()?;
        let mut members: Vec<(&'static str, Node<'a>)> = Vec::with_capacity(found.len().min(known.len()));
        for (key, raw) in found {
            let value = Node { text: self.text, raw, path: format!("{}.{key}", self.path) };
            let Some(name) = known.iter().find(|name| **name == key) else {
                return Err(value.error(Problem::UnknownKey { key, known }));
            };
            if members.iter().any(|(seen, _)| seen == name) {
                return Err(value.error(Problem::DuplicateKey { key }));
            }
            members.push((name, value));
        }
        Ok(Object { node: self.clone(), members })
    }

    /// The value of one key of an object whose other keys are not looked at yet.
    pub(crate) fn peek(&self, key: &'static str) -> Result<Self, PolicyError> {
        self.expect(b"{", "an object")?;
        let Members(found) = self.decode()?;
        let value = found.into_iter().find(|(name, _)| name == key);
        let (_, raw) = value.ok_or_else(|| self.error(Problem::MissingKey { key }))?;
        Ok(Self { text: self.text, raw, path: format!("{}.{key}", self.path) })
    }

    /// The value as an array of at most `limit` values.
    pub(crate) fn array(&self, limit: usize) -> Result<Vec<Self>, PolicyError> {
        self.expect(b"[", "an array")?;
        let found: Vec<&'a RawValue> = self.decode()?;
        if found.len() > limit {
            return Err(self.error(Problem::TooMany { found: found.len(), limit }));
        }
        let nodes = found.into_iter().enumerate();
        Ok(nodes
            .map(|(index, raw)| Node { text: self.text, raw, path: format!("{}[{index}]", self.path) })
            .collect())
    }

    /// The value as a string of 1 to `limit` bytes without control characters.
    pub(crate) fn string(&self, limit: usize) -> Result<String, PolicyError> {
        self.expect(b"\"", "a string")?;
        let string: String = self.decode()?;
        if string.is_empty() {
            return Err(self.error(Problem::Empty));
        }
        if string.len() > limit {
            return Err(self.error(Problem::TooLarge { bytes: string.len(), limit }));
        }
        if string.chars().any(char::is_control) {
            return Err(self.error(Problem::ControlCharacter));
        }
        Ok(string)
    }

    /// The value as a whole number from 0 to `max`, written without sign, fraction or exponent.
    pub(crate) fn integer(&self, max: u64) -> Result<u64, PolicyError> {
        let expected = "a whole number, written in digits alone";
        self.expect(b"-0123456789", expected)?;
        let number: u64 = self.raw.get().parse().map_err(|_| self.error(Problem::WrongType { expected }))?;
        if number > max {
            return Err(self.error(Problem::OutOfRange { number, max }));
        }
        Ok(number)
    }

    /// The value as `true` or `false`.
    pub(crate) fn boolean(&self) -> Result<bool, PolicyError> {
        self.expect(b"tf", "true or false")?;
        self.decode()
    }

    fn expect(&self, first_bytes: &[u8], expected: &'static str) -> Result<(), PolicyError> {
        match self.raw.get().as_bytes().first() {
            Some(byte) if first_bytes.contains(byte) => Ok(()),
            _ => Err(self.error(Problem::WrongType { expected })),
        }
    }

    fn decode<T: Deserialize<'a>>(&self) -> Result<T, PolicyError> {
        serde_json::from_str(self.raw.get()).map_err(|error| {
            let Location { line, .. } = self.location();
            syntax(&self.path, line + error.line().saturating_sub(1), &error)
        })
    }
}

/// A JSON object all of whose keys are known.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    node: Node<'a>,
    members: Vec<(&'static str, Node<'a>)>,
}

impl<'a> Object<'a> {
    /// The value of a key that must be there.
    pub(crate) fn required(&self, key: &'static str) -> Result<&Node<'a>, PolicyError> {
        self.optional(key).ok_or_else(|| self.node.error(Problem::MissingKey { key }))
    }

    /// The error that `problem` makes of the object itself.
    pub(crate) fn error(&self, problem: Problem) -> PolicyError {
        self.node.error(problem)
    }

    /// The value of a key that may be absent.
    pub(crate) fn optional(&self, key: &str) -> Option<&Node<'a>> {
        self.members.iter().find(|(name, _)| *name == key).map(|(_, node)| node)
    }
}

/// An object's members in the order of the text, repeated keys included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The line, from 1, that holds the byte at `offset`.
fn line_of(text: &[u8], offset: usize) -> usize {
    1 + text.iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// A syntax error, without the parser's own idea of the line, which counts from the value and not from the file.
fn syntax(path: &str, line: usize, error: &serde_json::Error) -> PolicyError {
    let text = error.to_string();
    let detail = text.rsplit_once(" at line ").map_or(text.as_str(), |(detail, _)| detail).to_owned();
    PolicyError::new(Location::new(path, line), Problem::Syntax { detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem<T: fmt::Debug>(result: Result<T, PolicyError>) -> (usize, String, Problem) {
        let error = result.unwrap_err();
        (error.location().line, error.location().path.clone(), error.problem().clone())
    }

    #[test]
    fn values_know_their_line_and_path() {
        let root = Node::parse(b"\n{\n  \"a\": [1,\n 2.5]\n}", 100).unwrap();
        let object = root.object(&["a"]).unwrap();
        let items = object.required("a").unwrap().array(2).unwrap();
        assert_eq!(items[0].integer(1).unwrap(), 1);
        let (line, path, _) = problem(items[1].integer(9));
        assert_eq!((line, path.as_str()), (4, "$.a[1]"));
    }

    #[test]
    fn size_encoding_and_syntax_are_told_apart() {
        assert_eq!(problem(Node::parse(b"[1]", 2)).2, Problem::TooLarge { bytes: 3, limit: 2 });
        assert_eq!(problem(Node::parse(b"\"a\n\xff\"", 9)), (2, "$".into(), Problem::NotUtf8 { offset: 3 }));
        let (line, _, syntax) = problem(Node::parse(b"{\n\"a\": }", 9));
        assert_eq!(line, 2);
        assert!(matches!(syntax, Problem::Syntax { detail } if detail == "expected value"));
        assert!(matches!(problem(Node::parse(b"{} {}", 9)).2, Problem::Syntax { .. }));
    }

    #[test]
    fn unknown_repeated_and_missing_keys_are_refused() {
        let known: &[&str] = &["a"];
        let object = |text| Node::parse(text, 100).unwrap().object(&["a"]);
        let unknown = Problem::UnknownKey { key: "b".into(), known };
        assert_eq!(problem(object(b"{\"a\":1,\n\"b\":2}")), (2, "$.b".into(), unknown));
        assert_eq!(problem(object(br#"{"a":1,"\u0061":2}"#)).2, Problem::DuplicateKey { key: "a".into() });
        assert_eq!(problem(object(b"{}").unwrap().required("a")).2, Problem::MissingKey { key: "a" });
    }

    #[test]
    fn strings_and_numbers_are_strict() {
        let node = |text: &'static str| Node::parse(text.as_bytes(), 100).unwrap();
        assert_eq!(problem(node(r#""""#).string(9)).2, Problem::Empty);
        assert_eq!(problem(node(r#""a\u0000""#).string(9)).2, Problem::ControlCharacter);
        assert_eq!(problem(node(r#""abc""#).string(2)).2, Problem::TooLarge { bytes: 3, limit: 2 });
        assert!(matches!(problem(node(r#""\ud800""#).string(9)).2, Problem::Syntax { .. }));
        for text in ["-1", "1.0", "1e2", "18446744073709551616", "\"1\"", "null", "[1]"] {
            assert!(matches!(problem(node(text).integer(u64::MAX)).2, Problem::WrongType { .. }), "{text}");
        }
        assert_eq!(problem(node("10").integer(9)).2, Problem::OutOfRange { number: 10, max: 9 });
    }

    #[test]
    fn nesting_does_not_exhaust_the_stack() {
        let deep = "[".repeat(400_000) + &"]".repeat(400_000);
        let root = Node::parse(deep.as_bytes(), 1 << 20).unwrap();
        assert_eq!(problem(root.object(&[])).2, Problem::WrongType { expected: "an object" });
    }
}
