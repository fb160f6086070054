//! A body as JSON, whatever it was written in: what `api/usage` gives to [`Batch::parse`].

use super::batch::{Batch, BodyError};
use super::item::Rules;
use super::single_quoted::{SingleQuoted, is_single_quoted};
use super::xml;

/// A body that can be read as JSON.
#[derive(Debug, PartialEq, Eq)]
pub enum Document {
    /// It is JSON, or nothing that we know.
    Json(Vec<u8>),
    /// It was JSON in single quotes.
    SingleQuoted(SingleQuoted),
    /// It was XML, and is this JSON.
    Xml(Vec<u8>),
}

impl Document {
    /// A body that says that it is JSON. The strict reader decides unless the body begins in a way
    /// that it can only refuse: with a name in single quotes.
    pub fn json(body: Vec<u8>) -> Result<Self, BodyError> {
        if is_single_quoted(&body) {
            SingleQuoted::rewrite(&body).map(Self::SingleQuoted)
        } else {
            Ok(Self::Json(body))
        }
    }

    /// A body that says that it is XML.
    pub fn xml(body: &[u8]) -> Result<Self, BodyError> {
        xml::to_json(body).map(Self::Xml)
    }

    /// Its items. Errors are told at their place in what was sent.
    pub fn batch(&self, rules: &Rules) -> Result<Batch<'_>, BodyError> {
        match self {
            Self::Json(json) | Self::Xml(json) => Batch::parse(json, rules),
            Self::SingleQuoted(body) => {
                Batch::parse(body.json(), rules).map_err(|error| body.locate(error))
            }
        }
    }

    /// Bytes that it holds.
    pub fn held_bytes(&self) -> usize {
        match self {
            Self::Json(json) | Self::Xml(json) => json.capacity(),
            Self::SingleQuoted(body) => body.held_bytes(),
        }
    }
}
