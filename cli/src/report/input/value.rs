//! Values of OTLP JSON: text, ids, numbers that may be text, and attributes.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Text that is borrowed from the line where it has no escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// An id in hex, as a number; 0 where there is none or it is not hex. Wider than it is to be, it is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hex(pub(crate) u128);

impl Hex {
    pub(crate) fn span(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }
}

/// A number or a text: Protobuf's JSON has 64-bit integers as text and enumerations as either.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Scalar<'a> {
    #[default]
    None,
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Double(f64),
    Text(Text<'a>),
    Texts(Vec<Text<'a>>),
}

impl Scalar<'_> {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            Self::Texts(texts) => texts.first().map(Text::as_str),
            _ => None,
        }
    }

    pub(crate) fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Unsigned(number) => Some(*number),
            Self::Int(number) => u64::try_from(*number).ok(),
            // Whole numbers only, and none that a double cannot hold exactly.
            Self::Double(number) if (0.0..9e15).contains(number) => Some(*number as u64),
            Self::Text(text) => text.as_str().parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true)) || self.text() == Some("true")
    }
}

/// Attributes in the order they came in.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a>(Vec<(Text<'a>, Scalar<'a>)>);

impl<'a> Attributes<'a> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Scalar<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub(crate) fn find(&self, key: &str) -> Option<&Scalar<'a>> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Text::default())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(TextVisitor)?;
        let hex = Some(text.as_str()).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        Ok(Self(hex.and_then(|hex| u128::from_str_radix(hex, 16).ok()).unwrap_or(0)))
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number or text")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Double(value))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        TextVisitor.visit_borrowed_str(text).map(Scalar::Text)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        TextVisitor.visit_str(text).map(Scalar::Text)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Scalar::None)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// An `AnyValue`, as far as it is a scalar or a list of texts.
#[derive(Default)]
struct AnyValue<'a>(Scalar<'a>);

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow, default)]
    values: Option<Vec<AnyValue<'a>>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for AnyValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;
        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = AnyValue<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an AnyValue")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut value = Scalar::None;
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    match key.as_str() {
                        "stringValue" | "string_value" | "boolValue" | "bool_value" | "doubleValue"
                        | "double_value" => {
                            value = map.next_value()?;
                        }
                        "intValue" | "int_value" => {
                            let int = map.next_value::<Scalar<'de>>()?;
                            let parsed = int.text().and_then(|text| text.parse().ok()).map(Scalar::Int);
                            value = parsed.unwrap_or(int);
                        }
                        "arrayValue" | "array_value" => {
                            let values = map.next_value::<List<'de>>()?.values.unwrap_or_default();
                            let texts = values.into_iter().filter_map(|AnyValue(value)| match value {
                                Scalar::Text(text) => Some(text),
                                _ => None,
                            });
                            value = Scalar::Texts(texts.collect());
                        }
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(AnyValue(value))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(AnyValue::default())
            }
        }
        deserializer.deserialize_any(ValueVisitor)
    }
}

#[derive(Deserialize)]
struct KeyValue<'a> {
    #[serde(borrow, default)]
    key: Text<'a>,
    #[serde(borrow, default)]
    value: AnyValue<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor;
        impl<'de> Visitor<'de> for ListVisitor {
            type Value = Attributes<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of attributes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut read = Vec::with_capacity(list.size_hint().unwrap_or(12).min(64));
                while let Some(KeyValue { key, value }) = list.next_element()? {
                    read.push((key, value.0));
                }
                Ok(Attributes(read))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Attributes::default())
            }
        }
        deserializer.deserialize_any(ListVisitor)
    }
}
