//! Health: gathers what the checks look at.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;

use super::answer::Refusal;
use super::{Control, connections};
use crate::connector::facts::Process;
use crate::doctor::facts::{
    ConnectionFacts, DirectoryFacts, Facts, FailedRun, IdentifierFacts, OpenWriteFacts,
    ProfileFacts, Stop, UserFacts, WalkFacts,
};
use crate::doctor::{Health, examine};
use crate::job;
use crate::profile::catalogue::Catalogue;
use crate::profile::identifier::Identifier;
use crate::profile::licence::Product;
use crate::profile::model::{Grant, SubflowKind};
use crate::reclamation::evidence;
use crate::schedule::planner;
use crate::store::condition::{Condition, ConditionKind, ConditionStatus};
use crate::store::document::RecordedProfile;
use crate::store::job::JobState;
use crate::store::subscription::IdentifierCount;
use crate::store::walk::WalkVerdict;

/// `GET /v1/doctor`.
pub(super) async fn get(State(control): State<Control>) -> Result<Json<Health>, Refusal> {
    let now = control.clock.now();
    let mut recorded = control.store.desired_profiles().await?;
    recorded.retain(|one| planner::runs(&one.desired, one.orphaned_at.is_some()));
    let catalogue = control.store.catalogue().await?;
    let mut conditions = control.store.all_conditions().await?;
    let mut identifiers: BTreeMap<String, Vec<IdentifierFacts>> = BTreeMap::new();
    for count in control.store.identifiers(None).await? {
        let profile = identifiers.entry(count.profile.to_string()).or_default();
        profile.push(identifier(&catalogue, count));
    }
    let directories = control.store.directories().await?;
    let mut profiles = Vec::new();
    for one in &recorded {
        let name = one.name.to_string();
        let conditions = conditions.remove(&one.name).unwrap_or_default();
        let mut facts = profile(&control, one, &conditions, now).await?;
        facts.identifiers = identifiers.remove(&name).unwrap_or_default();
        if !directories.is_empty() {
            let counts = control.store.holder_counts(Some(one.name.clone())).await?;
            facts.users = UserFacts {
                unresolved: counts.unresolved,
                unresolved_seats: counts.unresolved_seats,
                ties: counts.ties,
            };
        }
        profiles.push(facts);
    }
    let consents = control.grants.all_facts();
    let used = connections::used_by(&recorded).into_values();
    let facts = Facts {
        now,
        today: now.to_zoned(control.settings.time_zone.clone()).date(),
        profiles,
        connections: used
            .map(|(connection, _)| ConnectionFacts {
                name: connection.name.clone(),
                needs_person: connection.grant == Grant::AuthorizationCode,
                consent: consents.get(&connection.name).cloned(),
            })
            .collect(),
        entitlements: control.store.entitlements().await?,
        directories: directories
            .iter()
            .map(|directory| DirectoryFacts {
                name: directory.name.to_string(),
                stale: directory.stale(now),
            })
            .collect(),
        open_writes: control
            .store
            .all_open_writes()
            .await?
            .into_iter()
            .map(|(profile, write)| OpenWriteFacts {
                profile: profile.to_string(),
                candidate: write.candidate,
                intended_at: write.intended_at,
            })
            .collect(),
    };
    Ok(Json(examine(&facts)))
}

async fn profile(
    control: &Control,
    recorded: &RecordedProfile,
    conditions: &[Condition],
    now: Timestamp,
) -> Result<ProfileFacts, Refusal> {
    let store = &control.store;
    let desired = &recorded.desired;
    let mut failures = Vec::new();
    for subflow in SubflowKind::ALL {
        let last = store.last_result(recorded.id, subflow).await?;
        failures.extend(
            last.filter(|job| job.state != JobState::Completed)
                .map(|job| FailedRun {
                    subflow: subflow.as_str(),
                    state: job.state.as_str(),
                    ended_at: job.ended_at,
                    message: job.failure.map(|failure| failure.message),
                }),
        );
    }
    let complete = store.last_complete_walk(recorded.id).await?;
    let known_since = complete.as_ref().map(|walk| walk.ended_at);
    let since = known_since.unwrap_or(recorded.applied_at);
    let schedule = planner::schedule_of(desired, SubflowKind::DownloadSubscriptions);
    let due = schedule
        .ok()
        .flatten()
        .and_then(|schedule| schedule.next_after(since, &control.settings.time_zone));
    let activity = SubflowKind::PullUserActivity;
    let pulled = store.last_result(recorded.id, activity).await?;
    let comes_along = job::has_no_activity_of_its_own(desired).is_some();
    let reclaim = ConditionKind::Validated(Process::Reclaim);
    let holds = |condition: &&Condition| condition.status == ConditionStatus::True;
    Ok(ProfileFacts {
        name: recorded.name.to_string(),
        stops: conditions.iter().filter(holds).filter_map(stop).collect(),
        failures,
        last_walk: store.last_walk(recorded.id).await?.map(|walk| WalkFacts {
            complete: walk.verdict == WalkVerdict::Complete,
            users: walk.users,
            vendor_total: walk.vendor_total,
            unrecognized: walk.unrecognized,
        }),
        download_due_since: due.filter(|due| *due <= now),
        activity_was_read: if comes_along {
            complete.is_some()
        } else {
            pulled.is_some_and(|job| job.state != JobState::Failed)
        },
        reclaims: desired.profile.subflows.reclaim_subscriptions.enabled,
        reclaim_is_proved: conditions
            .iter()
            .filter(holds)
            .any(|condition| condition.kind == reclaim),
        ..ProfileFacts::default()
    })
}

fn stop(condition: &Condition) -> Option<Stop> {
    let word = match condition.kind {
        ConditionKind::Held => "held",
        ConditionKind::Stalled => "stalled",
        _ => return None,
    };
    Some(Stop {
        word,
        reason: condition.reason.clone(),
        message: condition.message.clone(),
    })
}

fn identifier(catalogue: &Catalogue, count: IdentifierCount) -> IdentifierFacts {
    let parsed = count.identifier.parse::<Identifier>().ok();
    let model = parsed.as_ref().and_then(|one| catalogue.model_of(one));
    IdentifierFacts {
        product: model.map(|model| Product {
            publisher: model.publisher.clone(),
            product: model.product.clone(),
        }),
        tells_disuse: parsed.as_ref().is_some_and(evidence::tells_disuse),
        identifier: count.identifier,
        seats: count.seats,
        paid: count.paid,
        excluded: count.excluded,
        with_activity: count.with_activity,
        assigned: count.assigned,
    }
}
