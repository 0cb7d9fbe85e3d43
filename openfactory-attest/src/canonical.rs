//! JSON that has exactly one form: RFC 8785, and a parser that lets nothing through that RFC 8785 can't hold.
//!
//! Ordinary parsers take the last of two equal names and round large numbers, so two readers can see two documents in
//! one text. [`parse`] refuses instead: duplicate names, integers beyond 2^53 (RFC 7493), depth and size beyond the
//! [`Limits`], and, where the limits say so, all numbers that are no integers.

mod objects;
mod versioned;

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

pub(crate) use objects::{from_reader, from_slice, from_value};
pub(crate) use versioned::{VersionedError, of_version};

/// The largest integer that every JSON reader gives back as it was written: 2^53 - 1 (RFC 7493, section 2.2).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Whether numbers may have a fraction or an exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floats {
    /// They may.
    Allowed,
    /// They may not: every number is an integer.
    Refused,
}

/// How much JSON is taken from a stranger, and of which sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text at most.
    pub max_bytes: usize,
    /// Arrays and objects within each other at most; 64 is as deep as any document of ours could go.
    pub max_depth: usize,
    /// Whether numbers may have a fraction.
    pub floats: Floats,
}

impl Limits {
    /// For documents that are signed here: 16 MiB, depth 64, integers only.
    pub const SIGNED: Self = Self { max_bytes: 16 << 20, max_depth: 64, floats: Floats::Refused };
    /// For what others write: 16 MiB, depth 64, any number.
    pub const FOREIGN: Self = Self { max_bytes: 16 << 20, max_depth: 64, floats: Floats::Allowed };
}

/// Why a text is refused. Paths are written like `services[2].config.port`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Too many bytes.
    #[error("{len} bytes of JSON are more than the {max} allowed")]
    TooLong {
        /// Bytes in the text.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not JSON.
    #[error("not JSON: {reason}")]
    Syntax {
        /// What the parser disliked, with line and column.
        reason: String,
    },
    /// The same name twice in one object.
    #[error("the name {path} occurs twice")]
    DuplicateName {
        /// Where.
        path: String,
    },
    /// Nested too deeply.
    #[error("nested deeper than {max} levels at {path}")]
    TooDeep {
        /// Where.
        path: String,
        /// Levels allowed.
        max: usize,
    },
    /// An integer that other readers would round.
    #[error("the integer at {path} is beyond 2^53 - 1 and would be rounded by other readers")]
    IntegerTooLarge {
        /// Where.
        path: String,
    },
    /// A number that is no integer, where only integers are allowed.
    #[error("the number at {path} is not an integer")]
    Float {
        /// Where.
        path: String,
    },
}

/// Why a value has no canonical form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// It can't be written as JSON at all.
    #[error("the value cannot be written as JSON: {reason}")]
    NotJson {
        /// What serde said.
        reason: String,
    },
    /// It holds something that [`parse`] would refuse.
    #[error("the value has no canonical JSON")]
    Refused(#[source] ParseError),
}

/// Reads JSON within the limits.
///
/// ```
/// use openfactory_attest::canonical::{self, Limits, ParseError};
///
/// let twice = canonical::parse(br#"{"a": {"b": 1, "b": 2}}"#, &Limits::SIGNED);
/// assert_eq!(twice, Err(ParseError::DuplicateName { path: "a.b".into() }));
/// ```
///
/// # Errors
/// [`ParseError`] says what is refused, and where.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, ParseError> {
    if bytes.len() > limits.max_bytes {
        return Err(ParseError::TooLong { len: bytes.len(), max: limits.max_bytes });
    }
    let state = State { limits, path: RefCell::default(), violation: RefCell::default() };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = Node { state: &state, depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    parsed.map_err(|error| match state.violation.take() {
        Some(violation) => violation,
        None => ParseError::Syntax { reason: error.to_string() },
    })
}

/// The canonical bytes of a value (RFC 8785).
///
/// # Errors
/// [`CanonicalError`] where the value is none that [`parse`] with [`Limits::FOREIGN`] would take, whatever its size.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    canonicalize(value, &Limits { max_bytes: usize::MAX, ..Limits::FOREIGN })
}

/// The canonical bytes of a value that is going to stand within other arrays and objects, so many deep.
pub(crate) fn to_vec_within<T: Serialize + ?Sized>(
    value: &T,
    depth: usize,
) -> Result<Vec<u8>, CanonicalError> {
    let max_depth = Limits::FOREIGN.max_depth.saturating_sub(depth);
    canonicalize(value, &Limits { max_bytes: usize::MAX, max_depth, ..Limits::FOREIGN })
}

/// The canonical bytes of a text, whose escapes are those of `serde_json`: `\b`, `\t`, `\n`, `\f`, `\r`, `\"`, `\\`, other
/// control characters as `\u00xx`, and nothing else (RFC 8785, section 3.2.2.2).
pub(crate) fn write_text(text: &str, to: &mut Vec<u8>) -> Result<(), CanonicalError> {
    serde_json::to_writer(to, text).map_err(|error| CanonicalError::NotJson { reason: error.to_string() })
}

/// The canonical bytes of a value that is going to be signed: integers only.
///
/// # Errors
/// [`CanonicalError`] where the value is none that [`parse`] with [`Limits::SIGNED`] would take.
pub fn to_vec_signed<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    canonicalize(value, &Limits::SIGNED)
}

fn canonicalize<T: Serialize + ?Sized>(value: &T, limits: &Limits) -> Result<Vec<u8>, CanonicalError> {
    let not_json = |error: serde_json::Error| CanonicalError::NotJson { reason: error.to_string() };
    // What was written is read back by the same strict parser, so nothing is signed that could not be opened.
    let text = serde_json::to_vec(value).map_err(not_json)?;
    let value = parse(&text, limits).map_err(CanonicalError::Refused)?;
    serde_json_canonicalizer::to_vec(&value).map_err(not_json)
}

struct State<'l> {
    limits: &'l Limits,
    path: RefCell<String>,
    violation: RefCell<Option<ParseError>>,
}

impl State<'_> {
    /// Remembers what was wrong; the message itself is only to get out of serde.
    fn refuse<E: serde::de::Error>(&self, violation: ParseError) -> E {
        *self.violation.borrow_mut() = Some(violation);
        E::custom("refused")
    }

    fn path(&self) -> String {
        self.path.borrow().clone()
    }

    fn enter(&self, step: fmt::Arguments<'_>) -> usize {
        let mut path = self.path.borrow_mut();
        let len = path.len();
        path.push_str(&step.to_string());
        len
    }

    fn enter_name(&self, name: &str) -> usize {
        if self.path.borrow().is_empty() {
            self.enter(format_args!("{name}"))
        } else {
            self.enter(format_args!(".{name}"))
        }
    }

    fn leave(&self, len: usize) {
        self.path.borrow_mut().truncate(len);
    }
}

#[derive(Clone, Copy)]
struct Node<'s> {
    state: &'s State<'s>,
    depth: usize,
}

impl Node<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let max = self.state.limits.max_depth;
        if self.depth >= max {
            return Err(self.state.refuse(ParseError::TooDeep { path: self.state.path(), max }));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn integer<E: serde::de::Error>(self, magnitude: u64, number: Number) -> Result<Value, E> {
        if magnitude > MAX_INTEGER {
            return Err(self.state.refuse(ParseError::IntegerTooLarge { path: self.state.path() }));
        }
        Ok(Value::Number(number))
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.integer(value, value.into())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.integer(value.unsigned_abs(), value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // Integers too long for 64 bits arrive here as well, already rounded.
        if value.fract() == 0.0 && value.abs() > MAX_INTEGER as f64 {
            return Err(self.state.refuse(ParseError::IntegerTooLarge { path: self.state.path() }));
        }
        let number = Number::from_f64(value).filter(|_| self.state.limits.floats == Floats::Allowed);
        match number {
            Some(number) => Ok(Value::Number(number)),
            None => Err(self.state.refuse(ParseError::Float { path: self.state.path() })),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let below = self.deeper()?;
        let mut array = Vec::new();
        loop {
            let len = self.state.enter(format_args!("[{}]", array.len()));
            let item = items.next_element_seed(below)?;
            self.state.leave(len);
            match item {
                Some(item) => array.push(item),
                None => return Ok(Value::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let below = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let len = self.state.enter_name(&name);
            if object.contains_key(&name) {
                return Err(self.state.refuse(ParseError::DuplicateName { path: self.state.path() }));
            }
            let value = members.next_value_seed(below)?;
            self.state.leave(len);
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
