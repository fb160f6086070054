//! Exclusions and protections: whom each means, and which of them a person should look at.

use axum::Json;
use axum::extract::{Query, State};

use super::Control;
use super::answer::{Refusal, profile_name};
use super::model::{ExclusionQuery, Exclusions};
use crate::store::document::RecordedProfile;
use crate::subflow::entry_standing;

/// `GET /v1/exclusions`.
pub(super) async fn list(
    State(control): State<Control>,
    Query(query): Query<ExclusionQuery>,
) -> Result<Json<Exclusions>, Refusal> {
    let recorded = match &query.profile {
        None => control.store.desired_profiles().await?,
        Some(text) => {
            let profile = control.store.desired_profile(&profile_name(text)?).await?;
            vec![profile.ok_or_else(|| Refusal::no_profile(text))?]
        }
    };
    let today = today(&control);
    let mut rows = Vec::new();
    for profile in recorded.iter().filter(|p| p.orphaned_at.is_none()) {
        let standings =
            entry_standing::of_profile(&control.store, profile, today, query.users).await?;
        rows.extend(standings);
    }
    let warnings = warnings(&control, &recorded).await?;
    Ok(Json(Exclusions { rows, warnings }))
}

/// What a person should look at.
pub(super) async fn warnings(
    control: &Control,
    profiles: &[RecordedProfile],
) -> Result<Vec<String>, Refusal> {
    Ok(entry_standing::warnings(&control.store, profiles, today(control)).await?)
}

/// The day in the settings' zone, which last days of entries are of.
fn today(control: &Control) -> jiff::civil::Date {
    let zone = control.settings.time_zone.clone();
    control.clock.now().to_zoned(zone).date()
}
