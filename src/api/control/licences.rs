//! Software models, entitlements, and the identifiers that models are of.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State};

use super::Control;
use super::answer::Refusal;
use super::model::{EntitlementRow, IdentifierQuery, IdentifierRow, Listing, ModelRow};
use super::seats::known_profile;
use crate::profile::identifier::Identifier;

/// `GET /v1/identifiers`. Which model an identifier belongs to is looked up now: a model that came
/// after the seats holds for all of them.
pub(super) async fn identifiers(
    State(control): State<Control>,
    Query(query): Query<IdentifierQuery>,
) -> Result<Json<Listing<IdentifierRow>>, Refusal> {
    let profile = known_profile(&control, query.profile.as_deref()).await?;
    let catalogue = control.store.catalogue().await?;
    let counts = control.store.identifiers(profile).await?.into_iter();
    let rows = counts.map(|count| {
        let identifier = count.identifier.parse::<Identifier>().ok();
        let model = identifier.and_then(|identifier| catalogue.model_of(&identifier));
        IdentifierRow {
            count,
            software_model: model.map(|model| model.name.clone()),
            publisher: model.map(|model| model.publisher.clone()),
            product: model.map(|model| model.product.clone()),
        }
    });
    let wanted = |row: &IdentifierRow| !query.unrecognized || row.software_model.is_none();
    Ok(Json(Listing {
        rows: rows.filter(wanted).collect(),
        next: None,
    }))
}

/// `GET /v1/models`.
pub(super) async fn models(
    State(control): State<Control>,
) -> Result<Json<Listing<ModelRow>>, Refusal> {
    let catalogue = control.store.catalogue().await?;
    let mut seats: BTreeMap<&str, u64> = BTreeMap::new();
    for count in control.store.identifiers(None).await? {
        let identifier = count.identifier.parse::<Identifier>().ok();
        if let Some(model) = identifier.and_then(|identifier| catalogue.model_of(&identifier)) {
            *seats.entry(model.name.as_str()).or_default() += count.seats;
        }
    }
    let rows = catalogue.iter().map(|(origin, model)| ModelRow {
        model: model.clone(),
        origin,
        seats: seats.get(model.name.as_str()).copied().unwrap_or_default(),
    });
    Ok(Json(Listing {
        rows: rows.collect(),
        next: None,
    }))
}

/// `GET /v1/entitlements`.
pub(super) async fn entitlements(
    State(control): State<Control>,
) -> Result<Json<Listing<EntitlementRow>>, Refusal> {
    let zone = control.settings.time_zone.clone();
    let today = control.clock.now().to_zoned(zone).date();
    let bought = control.store.entitlements().await?.into_iter();
    let rows = bought.map(|entitlement| EntitlementRow {
        state: entitlement.state(today),
        yearly: entitlement.yearly(),
        entitlement,
    });
    Ok(Json(Listing {
        rows: rows.collect(),
        next: None,
    }))
}
