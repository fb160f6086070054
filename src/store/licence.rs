//! Software models and entitlements in force, as the position and prices read them.

use super::{Store, StoreError};
use crate::profile::catalogue::Catalogue;
use crate::profile::licence::Entitlement;
use crate::profile::model::{Document, Kind};

impl Store {
    /// The models in force, the built-in ones among them.
    pub async fn catalogue(&self) -> Result<Catalogue, StoreError> {
        let documents = self.documents_of(Kind::SoftwareModel).await?.into_iter();
        let own = documents.filter_map(|document| match document {
            Document::SoftwareModel(model) => Some(model),
            _ => None,
        });
        Ok(Catalogue::of(own.collect()))
    }

    /// The entitlements in force as documents, by name; their dates say whether they hold.
    pub async fn entitlements(&self) -> Result<Vec<Entitlement>, StoreError> {
        let documents = self.documents_of(Kind::Entitlement).await?.into_iter();
        let bought = documents.filter_map(|document| match document {
            Document::Entitlement(entitlement) => Some(entitlement),
            _ => None,
        });
        Ok(bought.collect())
    }
}
