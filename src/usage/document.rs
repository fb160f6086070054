//! A body as JSON, whatever it was written in: what `api/usage` gives to [`Batch::parse`].

use super::batch::{Batch, BodyError, Elements};
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
        self.read(self.elements()?, rules)
    }

    /// The elements of its items, not yet read.
    pub fn elements(&self) -> Result<Elements<'_>, BodyError> {
        let json = match self {
            Self::Json(json) | Self::Xml(json) => json,
            Self::SingleQuoted(body) => body.json(),
        };
        Elements::find(json).map_err(|error| self.locate(error))
    }

    /// Reads elements that [`Self::elements`] has found.
    pub fn read<'a>(&self, elements: Elements<'a>, rules: &Rules) -> Result<Batch<'a>, BodyError> {
        Batch::read(elements, rules).map_err(|error| self.locate(error))
    }

    fn locate(&self, error: BodyError) -> BodyError {
        match self {
            Self::Json(_) | Self::Xml(_) => error,
            Self::SingleQuoted(body) => body.locate(error),
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
