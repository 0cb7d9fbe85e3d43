//! Reads the answer to a list straight into rows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::layout::Layout;
use super::row::{Malformed, Row, not_a_record};

/// The rows of a page, with what is no record among them.
pub(crate) type Rows = Vec<Result<Row, Malformed>>;

/// The answer to a list, taken apart.
#[derive(Debug)]
pub(crate) struct Page {
    /// The rows; none at all where `result` is missing or no list.
    pub(crate) rows: Option<Rows>,
    /// The other members, such as `error`; the whole where it is no object, and `result` where it is no list.
    pub(crate) rest: Value,
}

impl Page {
    /// Reads a whole answer.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_slice(body);
        let page = reader.deserialize_any(AnswerVisitor)?;
        reader.end()?;
        Ok(page)
    }
}

/// What becomes of a value that is not of the wanted kind.
macro_rules! scalars {
    ($make:expr) => {
        fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
            Ok($make(Value::Bool(truth)))
        }

        fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
            Ok($make(Value::from(number)))
        }

        fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
            Ok($make(Value::from(number)))
        }

        fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
            Ok($make(Value::from(number)))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok($make(Value::from(text)))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($make(Value::Null))
        }
    };
}

/// The answer's outermost value.
struct AnswerVisitor;

impl<'de> Visitor<'de> for AnswerVisitor {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    scalars!(|value| Page { rows: None, rest: value });

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Page, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Page { rows: None, rest: Value::Array(Vec::new()) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Page, A::Error> {
        let (mut rows, mut rest) = (None, Map::new());
        while let Some(name) = members.next_key::<String>()? {
            // As with any member that stands twice, the last one counts.
            match name == "result" {
                true => match members.next_value_seed(ResultSeed)? {
                    Ok(list) => {
                        rest.remove(&name);
                        rows = Some(list);
                    }
                    Err(other) => {
                        rest.insert(name, other);
                        rows = None;
                    }
                },
                false => {
                    rest.insert(name, members.next_value()?);
                }
            }
        }
        Ok(Page { rows, rest: Value::Object(rest) })
    }
}

/// The member `result`: rows, or what it is instead.
struct ResultSeed;

impl<'de> DeserializeSeed<'de> for ResultSeed {
    type Value = Result<Rows, Value>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ResultSeed {
    type Value = Result<Rows, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    scalars!(Err);

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (mut rows, mut layout) = (Vec::new(), Arc::default());
        while let Some(row) = items.next_element_seed(RowSeed(&mut layout))? {
            rows.push(row);
        }
        Ok(Ok(rows))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, value)) = members.next_entry()? {
            object.insert(name, value);
        }
        Ok(Err(Value::Object(object)))
    }
}

/// One record, with the layout of the one before it.
struct RowSeed<'a>(&'a mut Arc<Layout>);

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = Result<Row, Malformed>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = Result<Row, Malformed>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    scalars!(|_| Err(not_a_record("bare value")));

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err(not_a_record("list")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::with_capacity(self.0.len());
        // As long as the names are those of the record before, none is kept a second time.
        let mut other = loop {
            match members.next_key_seed(NameSeed(self.0.name(values.len())))? {
                Some(None) => values.push(members.next_value()?),
                Some(Some(name)) => break Some(name),
                None if values.len() == self.0.len() => break None,
                None => {
                    let names = (0..values.len()).filter_map(|place| self.0.name(place).map(Box::from));
                    *self.0 = Layout::new(names.collect());
                    break None;
                }
            }
        };
        if other.is_some() {
            let known = (0..values.len()).filter_map(|place| self.0.name(place).map(Box::from));
            let mut places: HashMap<Box<str>, usize> = known.zip(0..).collect();
            while let Some(name) = other {
                let value = members.next_value()?;
                match places.entry(name.into_boxed_str()) {
                    Entry::Occupied(before) => {
                        if let Some(before) = values.get_mut(*before.get()) {
                            *before = value;
                        }
                    }
                    Entry::Vacant(new) => {
                        new.insert(values.len());
                        values.push(value);
                    }
                }
                other = members.next_key()?;
            }
            let mut names: Vec<(Box<str>, usize)> = places.into_iter().collect();
            names.sort_unstable_by_key(|(_, place)| *place);
            *self.0 = Layout::new(names.into_iter().map(|(name, _)| name).collect());
        }
        if values.len() != self.0.len() {
            return Err(A::Error::custom("names and values of a record do not fit"));
        }
        Ok(Row::of(Arc::clone(self.0), values))
    }
}

/// A member's name: nothing if it is the expected one.
struct NameSeed<'a>(Option<&'a str>);

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok((self.0 != Some(name)).then(|| name.to_owned()))
    }
}

#[cfg(test)]
mod tests;
