//! The reclamation rules in force, defaults applied.

use axum::Json;
use axum::extract::{Query, State};

use super::Control;
use super::answer::{Refusal, profile_name};
use super::model::{ExclusionQuery, Listing, RuleRow};
use crate::reclamation::evidence;
use crate::reclamation::rule::Rules;

/// `GET /v1/rules`: one row for each identifier that is held or that a rule names.
pub(super) async fn list(
    State(control): State<Control>,
    Query(query): Query<ExclusionQuery>,
) -> Result<Json<Listing<RuleRow>>, Refusal> {
    let profiles = match &query.profile {
        None => control.store.desired_profiles().await?,
        Some(text) => {
            let profile = control.store.desired_profile(&profile_name(text)?).await?;
            vec![profile.ok_or_else(|| Refusal::no_profile(text))?]
        }
    };
    let mut rows = Vec::new();
    for profile in profiles.iter().filter(|one| one.orphaned_at.is_none()) {
        let rules = Rules::of(&profile.desired, control.settings.guards);
        let facts = control.store.profile_facts(profile.id).await?;
        let held = facts.pools.into_keys();
        let mut identifiers: Vec<_> = held.chain(rules.of_identifiers.keys().cloned()).collect();
        identifiers.sort();
        identifiers.dedup();
        rows.extend(identifiers.into_iter().map(|identifier| RuleRow {
            profile: profile.name.clone(),
            rule: rules.for_identifier(&identifier).clone(),
            counts: evidence::counting(&identifier).to_vec(),
            tells_disuse: evidence::tells_disuse(&identifier),
            identifier,
        }));
    }
    Ok(Json(Listing { rows, next: None }))
}
