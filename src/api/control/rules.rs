//! The reclamation rules in force, defaults applied: for seats, and for installed software.

use axum::Json;
use axum::extract::{Query, State};

use super::Control;
use super::answer::{Refusal, profile_name};
use super::model::{ExclusionQuery, InstalledRuleRow, RuleRow, RulesAnswer};
use crate::reclamation::evidence;
use crate::reclamation::installed::rule::InstalledRules;
use crate::reclamation::rule::Rules;
use crate::subflow::installed::rules_in_force;

/// `GET /v1/rules`: one row for each identifier that is held or that a rule names, and, unless it is
/// narrowed to a profile, for each product of installed software that a rule decides for.
pub(super) async fn list(
    State(control): State<Control>,
    Query(query): Query<ExclusionQuery>,
) -> Result<Json<RulesAnswer>, Refusal> {
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
    let installed = match &query.profile {
        Some(_) => InstalledRules::default(),
        None => rules_in_force(&control.store).await?,
    };
    let installed = installed
        .iter()
        .map(|(product, selected)| InstalledRuleRow {
            norm_product: *product,
            selected: selected.clone(),
        });
    Ok(Json(RulesAnswer {
        rows,
        next: None,
        installed: installed.collect(),
    }))
}
