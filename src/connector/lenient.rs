//! Values as vendors really send them: numbers as text, one object where a list is documented, absent
//! where a field does not apply. Only what has no place at all is an error.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Text, borrowed from the answer where it holds no escapes; a number is taken as its digits, and
/// anything else, `null` too, as empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl Text<'_> {
    /// The text, unless it is empty.
    pub(super) fn given(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(&*self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Text<'de>, E> {
                Ok(Text::default())
            }

            fn visit_unit<E>(self) -> Result<Text<'de>, E> {
                Ok(Text::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text<'de>, A::Error> {
                IgnoredAny.visit_map(map).map(|_| Text::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Text<'de>, A::Error> {
                IgnoredAny.visit_seq(items).map(|_| Text::default())
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// A whole number, also when it comes as text; absent when it is neither.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Number(pub(super) Option<i64>);

impl Number {
    /// The number as a count; absent when negative.
    pub(super) fn count(self) -> Option<u64> {
        self.0.and_then(|number| u64::try_from(number).ok())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(Some(number)))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(i64::try_from(number).ok()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                // `2.0` is a 2 of a careless serializer; a fraction is no number of ours.
                Ok(Number(
                    format!("{number:.0}")
                        .parse()
                        .ok()
                        .filter(|_| number.fract() == 0.0),
                ))
            }

            fn visit_str<E>(self, text: &str) -> Result<Number, E> {
                Ok(Number(text.trim().parse().ok()))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Number, E> {
                Ok(Number(None))
            }

            fn visit_unit<E>(self) -> Result<Number, E> {
                Ok(Number(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Number, A::Error> {
                IgnoredAny.visit_map(map).map(|_| Number(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Number, A::Error> {
                IgnoredAny.visit_seq(items).map(|_| Number(None))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// A switch; anything but `true`, `"true"` and numbers other than zero is off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Switch(bool),
            Number(i64),
            Text(String),
            Other(IgnoredAny),
        }

        Ok(Self(match Shape::deserialize(deserializer)? {
            Shape::Switch(on) => on,
            Shape::Number(number) => number != 0,
            Shape::Text(text) => text.eq_ignore_ascii_case("true"),
            Shape::Other(_) => false,
        }))
    }
}

/// A list, also when it comes as its only item without brackets; empty when it is something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OneOrMany<T>(pub(super) Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or one item")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::with_capacity(items.size_hint().unwrap_or(0));
                while let Some(item) = items.next_element()? {
                    all.push(item);
                }
                Ok(OneOrMany(all))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let item = T::deserialize(MapAccessDeserializer::new(map))?;
                Ok(OneOrMany(vec![item]))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(OneOrMany::default())
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(OneOrMany::default())
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(OneOrMany::default())
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(OneOrMany::default())
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(OneOrMany::default())
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(OneOrMany::default())
            }
        }

        deserializer.deserialize_any(Read(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_borrowed_and_takes_what_comes() {
        let cases = [
            (r#""plain""#, "plain"),
            (r#""a\u00fcb""#, "aüb"),
            ("7", "7"),
            ("-7", "-7"),
            ("null", ""),
            ("true", ""),
            ("{}", ""),
            ("[1,[2]]", ""),
        ];
        for (json, expected) in cases {
            let text: Text<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(text.0, expected, "{json}");
        }
        let borrowed: Text<'_> = serde_json::from_str(r#""plain""#).unwrap();
        assert!(matches!(borrowed.0, Cow::Borrowed(_)));
    }

    #[test]
    fn numbers_come_in_several_shapes() {
        let cases = [
            ("2", Some(2)),
            ("\"2\"", Some(2)),
            ("2.0", Some(2)),
            ("2.5", None),
            ("576460752303423488", Some(576_460_752_303_423_488)),
            ("18446744073709551615", None),
            ("\"\"", None),
            ("null", None),
            ("[]", None),
        ];
        for (json, expected) in cases {
            let number: Number = serde_json::from_str(json).unwrap();
            assert_eq!(number.0, expected, "{json}");
        }
    }

    #[test]
    fn one_item_is_a_list_of_one_and_other_things_are_none() {
        #[derive(Debug, serde::Deserialize)]
        struct Item {
            n: i64,
        }
        let cases: [(&str, &[i64]); 5] = [
            (r#"[{"n":1},{"n":2}]"#, &[1, 2]),
            (r#"{"n":3}"#, &[3]),
            ("null", &[]),
            ("\"\"", &[]),
            ("[]", &[]),
        ];
        for (json, expected) in cases {
            let list: OneOrMany<Item> = serde_json::from_str(json).unwrap();
            let found: Vec<i64> = list.0.iter().map(|item| item.n).collect();
            assert_eq!(found, expected, "{json}");
        }
    }
}
