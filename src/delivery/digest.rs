//! What waits for each assignment group, told at most once a day, and again after a week where nothing
//! changed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, Time, time};
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use super::DelivererParts;
use super::compose::person;
use crate::notice::content::{Digest, Waiting, WaitingInstalled, WaitingSeat, WaitingSoftware};
use crate::profile::name::Name;
use crate::profile::raw::rules::Mode;
use crate::reclamation::candidate::{Candidate, State};
use crate::reclamation::installed::candidate::InstalledCandidate;
use crate::reclamation::rule::Rules;
use crate::store::StoreError;
use crate::store::candidate::CandidateFilter;
use crate::store::installed::InstalledFilter;

/// From this time of day on.
const MORNING: Time = time(7, 0, 0, 0);
/// Days after which the same is told again.
const REPEAT_AFTER: i64 = 7;
/// Seats that a digest names in each list; more are counted.
const NAMED: usize = 50;
/// Candidates read at once.
const CANDIDATES: u32 = 1_000;

/// Records the digests of today that are due. Returns the day for which that was done last.
pub(super) async fn announce(
    parts: &DelivererParts,
    done: Option<Date>,
    now: Timestamp,
) -> Result<Option<Date>, StoreError> {
    let local = now.to_zoned(parts.settings.time_zone.clone());
    if done == Some(local.date()) || local.time() < MORNING {
        return Ok(done);
    }
    for digest in of_all(parts).await? {
        let content = content_digest(&digest);
        let group = digest.group;
        parts
            .store
            .announce_digest(group, content, local.date(), REPEAT_AFTER, now)
            .await?;
    }
    Ok(Some(local.date()))
}

/// What waits for one group; `None` where nothing does.
pub(super) async fn of_group(
    parts: &DelivererParts,
    group: &str,
) -> Result<Option<Digest>, StoreError> {
    let all = of_all(parts).await?;
    Ok(all.into_iter().find(|digest| digest.group == group))
}

async fn of_all(parts: &DelivererParts) -> Result<Vec<Digest>, StoreError> {
    let rules: BTreeMap<Name, Rules> = parts
        .store
        .desired_profiles()
        .await?
        .into_iter()
        .filter(|profile| profile.orphaned_at.is_none())
        .map(|profile| {
            let rules = Rules::of(&profile.desired, parts.settings.guards);
            (profile.name, rules)
        })
        .collect();
    let mut groups: BTreeMap<String, BTreeMap<Name, Waiting>> = BTreeMap::new();
    let mut installed = installed(parts).await?;
    let mut after = None;
    loop {
        let filter = CandidateFilter {
            open: Some(true),
            ..CandidateFilter::default()
        };
        let page = parts.store.candidates(filter, after, CANDIDATES).await?;
        after = page.last().map(|candidate| candidate.id);
        for candidate in &page {
            if let Some(rules) = rules.get(&candidate.profile)
                && waits_for_people(candidate, rules)
            {
                add(&mut groups, candidate);
            }
        }
        if page.len() < CANDIDATES as usize {
            break;
        }
    }
    for group in installed.keys() {
        groups.entry(group.clone()).or_default();
    }
    Ok(groups
        .into_iter()
        .map(|(group, profiles)| Digest {
            installed: installed.remove(&group),
            group,
            profiles: profiles.into_values().collect(),
        })
        .collect())
}

/// What waits of installed software, by group.
async fn installed(
    parts: &DelivererParts,
) -> Result<BTreeMap<String, WaitingInstalled>, StoreError> {
    let zone = &parts.settings.time_zone;
    let mut groups = BTreeMap::new();
    let mut after = None;
    loop {
        let filter = InstalledFilter {
            open: Some(true),
            ..InstalledFilter::default()
        };
        let page = parts
            .store
            .installed_candidates(filter, after, CANDIDATES)
            .await?;
        after = page.last().map(|candidate| candidate.id);
        for candidate in &page {
            add_installed(&mut groups, candidate, zone);
        }
        if page.len() < CANDIDATES as usize {
            return Ok(groups);
        }
    }
}

fn add_installed(
    groups: &mut BTreeMap<String, WaitingInstalled>,
    candidate: &InstalledCandidate,
    zone: &TimeZone,
) {
    let group = candidate.assignment_group.clone().unwrap_or_default();
    let waiting = groups.entry(group).or_default();
    let list = match candidate.state {
        State::AwaitingUser => &mut waiting.awaiting_user,
        State::AwaitingApproval => &mut waiting.awaiting_approval,
        State::AttentionRequired => &mut waiting.attention_required,
        State::AwaitingRevocation => &mut waiting.awaiting_revocation,
        State::Ready => {
            waiting.ready += 1;
            return;
        }
        State::ClosedComplete | State::ClosedSkipped | State::ClosedCanceled => return,
    };
    if list.len() == NAMED {
        waiting.unlisted += 1;
        return;
    }
    list.push(WaitingSoftware {
        candidate: candidate.id,
        configuration_item: candidate.configuration_item.to_string(),
        product: candidate.product.clone(),
        reason: candidate.reason.clone(),
        answer_by: candidate
            .answer_by
            .map(|by| by.to_zoned(zone.clone()).date()),
    });
}

fn waits_for_people(candidate: &Candidate, rules: &Rules) -> bool {
    match candidate.state {
        State::AwaitingApproval | State::AttentionRequired => true,
        State::Ready => rules.for_identifier(&candidate.identifier).mode == Mode::Manual,
        _ => false,
    }
}

fn add(groups: &mut BTreeMap<String, BTreeMap<Name, Waiting>>, candidate: &Candidate) {
    let group = candidate.assignment_group.clone().unwrap_or_default();
    let waiting = groups
        .entry(group)
        .or_default()
        .entry(candidate.profile.clone())
        .or_insert_with(|| Waiting {
            profile: candidate.profile.to_string(),
            awaiting_approval: Vec::new(),
            attention_required: Vec::new(),
            ready: 0,
            unlisted: 0,
        });
    let list = match candidate.state {
        State::AwaitingApproval => &mut waiting.awaiting_approval,
        State::AttentionRequired => &mut waiting.attention_required,
        _ => {
            waiting.ready += 1;
            return;
        }
    };
    if list.len() == NAMED {
        waiting.unlisted += 1;
        return;
    }
    list.push(WaitingSeat {
        candidate: candidate.id,
        identifier: candidate.identifier.to_string(),
        user: person(candidate),
        reason: candidate.reason.clone(),
    });
}

fn content_digest(digest: &Digest) -> String {
    let text = serde_json::to_string(digest).unwrap_or_default();
    format!("{:x}", Sha256::digest(text))
}
