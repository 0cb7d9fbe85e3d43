//! Objects as objects: serde takes a list for a struct too, its members in their order, and so two texts that other
//! readers can't take for the same would say one thing. Here lists are refused in place of objects, at any depth.
//!
//! What serde buffers before it knows the type goes past this: enums with a tag among their members, and untagged or
//! flattened ones. Documents that are signed have none of those but where their readers look at the version first.

use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde_json::Value;

/// A value as the type that its reader knows, lists refused in place of objects.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, serde_json::Error> {
    T::deserialize(Objects(value))
}

/// JSON text as the type that its reader knows, lists refused in place of objects; names that occur twice are not.
pub(crate) fn from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    whole(serde_json::Deserializer::from_slice(json))
}

/// As [`from_slice`], of a text that is read piece by piece.
pub(crate) fn from_reader<T: DeserializeOwned>(json: impl std::io::Read) -> Result<T, serde_json::Error> {
    whole(serde_json::Deserializer::from_reader(json))
}

fn whole<'de, T: Deserialize<'de>>(
    mut json: serde_json::Deserializer<impl serde_json::de::Read<'de>>,
) -> Result<T, serde_json::Error> {
    let value = T::deserialize(Objects(&mut json))?;
    json.end().map(|()| value)
}

/// A part of serde's machinery around another one, which passes everything on but lists for structs.
struct Objects<T>(T);

/// Passes on what is asked for by name alone.
macro_rules! deserialize {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(Objects(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    deserialize! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option
        deserialize_unit deserialize_seq deserialize_map deserialize_identifier deserialize_ignored_any
    }

    /// A map is no list.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Objects(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Objects(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, Objects(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, len, Objects(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, Objects(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// Passes on values that hold no others.
macro_rules! visit {
    ($($method:ident: $value:ty,)*) => {
        $(fn $method<E: Error>(self, value: $value) -> Result<V::Value, E> {
            self.0.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Objects<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.expecting(f)
    }

    visit! {
        visit_bool: bool,
        visit_i64: i64,
        visit_i128: i128,
        visit_u64: u64,
        visit_u128: u128,
        visit_f64: f64,
        visit_str: &str,
        visit_borrowed_str: &'de str,
        visit_string: String,
        visit_bytes: &[u8],
        visit_borrowed_bytes: &'de [u8],
        visit_byte_buf: Vec<u8>,
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Objects(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Objects(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Objects(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Objects(members))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Objects(variant))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Objects<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Objects(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Objects<A> {
    type Error = A::Error;
    type Variant = Objects<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        self.0.variant_seed(seed).map(|(name, content)| (name, Objects(content)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Objects(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Objects(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.newtype_variant_seed(Members(visitor))
    }
}

/// The members of a variant, which are no list.
struct Members<V>(V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Members<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        Objects(deserializer).deserialize_map(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        inner: Option<Inner>,
        list: Vec<Inner>,
        #[serde(default)]
        by_number: BTreeMap<u8, Inner>,
        #[serde(default)]
        choice: Option<Choice>,
    }

    #[derive(Clone, Debug, PartialEq, Deserialize)]
    struct Inner {
        a: u8,
        pair: (u8, i64),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Choice {
        Nothing,
        One(Inner),
        Named { a: u8 },
    }

    fn both(value: Value) -> Option<Outer> {
        let text = value.to_string();
        let of_value = from_value(value).ok();
        assert_eq!(of_value, from_slice(text.as_bytes()).ok(), "{text}");
        assert_eq!(of_value, from_reader(text.as_bytes()).ok(), "{text}");
        of_value
    }

    #[test]
    fn what_serde_takes_for_objects_is_read_and_the_lists_among_it_are_not() {
        let good = json!({
            "inner": {"a": 1, "pair": [2, -3]},
            "list": [{"a": 4, "pair": [5, 6]}],
            "by_number": {"7": {"a": 8, "pair": [9, 10]}},
            "choice": {"Named": {"a": 11}},
        });
        let inner = |a, first, second| Inner { a, pair: (first, second) };
        let expected = Outer {
            inner: Some(inner(1, 2, -3)),
            list: vec![inner(4, 5, 6)],
            by_number: BTreeMap::from([(7, inner(8, 9, 10))]),
            choice: Some(Choice::Named { a: 11 }),
        };
        assert_eq!(both(good.clone()), Some(expected));
        let places = [
            ("", json!([{"a": 1, "pair": [2, 3]}, []])),
            ("/inner", json!([1, [2, -3]])),
            ("/list/0", json!([4, [5, 6]])),
            ("/by_number/7", json!([8, [9, 10]])),
            ("/choice", json!({"Named": [11]})),
            ("/choice", json!({"One": [11, [1, 2]]})),
        ];
        for (place, list) in places {
            let mut bad = good.clone();
            *bad.pointer_mut(place).unwrap() = list;
            assert!(
                serde_json::from_str::<Outer>(&bad.to_string()).is_ok(),
                "{bad}: serde itself refuses it"
            );
            assert_eq!(both(bad.clone()), None, "{bad}");
        }
        for (choice, expected) in [
            (json!("Nothing"), Choice::Nothing),
            (json!({"One": {"a": 1, "pair": [2, 3]}}), Choice::One(inner(1, 2, 3))),
        ] {
            let mut good = good.clone();
            good["choice"] = choice;
            assert_eq!(both(good).unwrap().choice, Some(expected));
        }
    }

    #[test]
    fn nothing_may_stand_behind_the_value() {
        assert!(from_slice::<u8>(b"1 2").is_err() && from_reader::<u8>(&b"1 2"[..]).is_err());
        assert!(from_slice::<u8>(b"1 \n").is_ok());
    }
}
