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

#[cfg(test)]
mod tests {
    use rusqlite::params;
    use serde_json::{Value, json};

    use super::*;
    use crate::profile::licence::{IdentifierMatch, Licensed, Period};
    use crate::store::database::{Database, GroupCommit, Layout};
    use crate::store::{LAYOUT, MIGRATIONS};

    /// How documents of kinds without a type of their own stood in layout 15.
    fn recorded(kind: &str, name: &str, spec: &Value) -> (String, String, String) {
        let document = json!({"kind": kind, "document": {"name": name, "spec": spec}});
        (kind.to_owned(), name.to_owned(), document.to_string())
    }

    #[tokio::test]
    async fn licences_that_were_recorded_before_they_had_a_type_are_still_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout {
            migrations: &MIGRATIONS[..15],
            ..LAYOUT
        };
        let path = folder.path().join("seatsync.db");
        let database = Database::open(&path, &layout, GroupCommit::On).unwrap();
        let documents = [
            recorded(
                "SoftwareModel",
                "zoom-pro",
                &json!({"publisher": "Zoom", "product": "Pro",
                    "identifiers": [{"is": "zoom.licensed"}, {"starts_with": "zoom.one."}]}),
            ),
            recorded(
                "Entitlement",
                "text",
                &json!({"software_model": "zoom-pro", "quantity": 500, "unit_cost": "149.90",
                    "currency": "EUR", "period": "monthly", "start": "2027-01-01"}),
            ),
            recorded(
                "Entitlement",
                "number",
                &json!({"software_model": "zoom-pro", "quantity": 5, "unit_cost": 7,
                    "currency": "EUR", "period": "annually", "start": "2027-01-01"}),
            ),
            recorded(
                "UserDirectory",
                "hr",
                &json!({"file": "hr.csv", "columns": {"email": "mail"}}),
            ),
        ];
        database
            .write("record documents", move |t| {
                for (kind, name, document) in &documents {
                    t.execute(
                        "INSERT INTO documents
                             (kind, name, file, digest, document, state, revision, applied_at)
                         VALUES (?1, ?2, 'a.yaml', 'd', ?3, 'in_force', 'r', 0)",
                        params![kind, name, document],
                    )?;
                }
                Ok(())
            })
            .await
            .unwrap();
        database.close().await;

        let store = Store::open(folder.path()).unwrap();
        let catalogue = store.catalogue().await.unwrap();
        let model = catalogue.model_of(&"zoom.one.16".parse().unwrap()).unwrap();
        assert_eq!(model.name.as_str(), "zoom-pro");
        assert!(model.under_management);
        assert_eq!(
            model.identifiers[0],
            IdentifierMatch::Is("zoom.licensed".parse().unwrap())
        );
        let [number, text] = store.entitlements().await.unwrap().try_into().unwrap();
        assert_eq!(
            text.licensed,
            Licensed::SoftwareModel("zoom-pro".parse().unwrap())
        );
        let cost = text.cost.unwrap();
        assert_eq!(
            (cost.unit_cost.to_string().as_str(), cost.period),
            ("149.90", Period::Monthly)
        );
        assert_eq!(number.cost.unwrap().unit_cost.to_string(), "7");
        // Nothing read it before; the next look at the folder records it in its own words.
        assert_eq!(store.documents_of(Kind::UserDirectory).await.unwrap(), []);
    }
}
