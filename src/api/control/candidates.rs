//! Candidates: which seats were found unused, and what people decide of them.

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use jiff::{Timestamp, ToSpan};

use super::answer::Refusal;
use super::model::{
    AnyCandidate, ApprovalDocument, ApprovalRequest, CandidateDetail, CandidateQuery, DecideAnswer,
    DecideRequest, Listing,
};
use super::page::{self, PageSize};
use super::seats::known_profile;
use super::{Asker, Control, installed, plan};
use crate::profile::name::Name;
use crate::reclamation::approval::ApprovedSeat;
use crate::reclamation::candidate::{Candidate, State as CandidateState};
use crate::reclamation::installed::candidate::InstalledCandidate;
use crate::store::candidate::CandidateFilter;
use crate::store::notice::NoticeFilter;
use crate::subflow::decide::{self, Decided, Decision};
use crate::subflow::installed_decide::{InstalledDecided, decide_installed};

/// Most candidates that one decision is on.
const MOST_DECIDED: u32 = page::LARGEST;
/// Days that a list for review holds when the asker does not say.
const LIST_HOLDS_DAYS: i64 = 14;

/// `GET /v1/candidates`.
pub(super) async fn list(
    State(control): State<Control>,
    Query(query): Query<CandidateQuery>,
) -> Result<Json<Listing<Candidate>>, Refusal> {
    let size = PageSize::of(query.limit, page::USUAL);
    let after = page::number_after(query.after.as_deref())?;
    let filter = filter_of(&control, query).await?;
    let rows = control
        .store
        .candidates(filter, after, size.with_one_ahead())
        .await?;
    let (rows, next) = size.cut(rows, |row| row.id.to_string());
    Ok(Json(Listing { rows, next }))
}

/// `GET /v1/candidates/{id}`.
pub(super) async fn one(
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<AnyCandidate>, Refusal> {
    Ok(Json(match find(&control, id).await? {
        Found::Seat(candidate) => {
            let writes = control.store.writes_of(id).await?;
            let filter = NoticeFilter {
                candidate: Some(id),
                ..NoticeFilter::default()
            };
            let notices = control.store.notices(filter, page::USUAL).await?;
            AnyCandidate::Seat(Box::new(CandidateDetail {
                candidate: *candidate,
                writes,
                notices,
            }))
        }
        Found::Installed(candidate) => AnyCandidate::Installed(candidate),
    }))
}

/// `POST /v1/candidates/decide`.
pub(super) async fn decide(
    State(control): State<Control>,
    Extension(Asker(by)): Extension<Asker>,
    Json(request): Json<DecideRequest>,
) -> Result<Json<DecideAnswer>, Refusal> {
    let now = control.clock.now();
    check_until(request.decision, now)?;
    let decision = request.decision;
    let (seats, installed) = candidates_meant(&control, &request).await?;
    let store = &control.store;
    let decided = decide::decide(store, control.settings.guards, decision, seats, &by, now).await?;
    let installed = decide_installed(store, decision, installed, &by, now).await?;
    let done = decided
        .iter()
        .filter(|one| one.refused.is_none())
        .map(|one| one.id);
    let done_installed = installed
        .iter()
        .filter(|one| one.refused.is_none())
        .map(|one| one.id);
    for candidate in done.chain(done_installed) {
        let decision = decision.as_str();
        tracing::info!(candidate, decision, %by, "decided");
    }
    control.store.announce_audit().await?;
    let mut message = what_follows(&control, &decided).await?;
    if let Some(by_hand) = removed_by_hand(&installed) {
        message = [message, by_hand].join(if decided.is_empty() { "" } else { "; " });
    }
    Ok(Json(DecideAnswer {
        decided,
        installed,
        message,
    }))
}

/// `POST /v1/profiles/{profile}/approval`.
pub(super) async fn approval(
    State(control): State<Control>,
    Extension(Asker(by)): Extension<Asker>,
    Path(profile): Path<String>,
    Json(request): Json<ApprovalRequest>,
) -> Result<Json<ApprovalDocument>, Refusal> {
    let (recorded, planned) = plan::made(&control, &profile).await?;
    let filter = CandidateFilter {
        profile: Some(recorded.name.clone()),
        open: Some(true),
        ..CandidateFilter::default()
    };
    let open = control.store.candidates(filter, None, u32::MAX).await?;
    let seats: Vec<ApprovedSeat> = open
        .into_iter()
        .filter(|candidate| candidate.state == CandidateState::Ready)
        .filter(|candidate| request.ids.is_empty() || request.ids.contains(&candidate.id))
        .map(|candidate| ApprovedSeat {
            id: candidate.id.to_string(),
            user: if request.ids_only || candidate.email.is_empty() {
                candidate.external_user_id
            } else {
                candidate.email
            },
            identifier: candidate.identifier,
            last_activity: candidate.last_activity,
        })
        .collect();
    if seats.is_empty() {
        return Err(Refusal::conflict(format!(
            "no candidate of `{profile}` is ready: `seatsync candidates list --profile {profile}` shows how they stand"
        )));
    }
    let now = control.clock.now();
    let digest = planned.plan.digest.clone();
    control
        .store
        .note_reviewed(recorded.id, digest.clone(), planned.reviewed, &by, now)
        .await?;
    control.store.announce_audit().await?;
    Ok(Json(ApprovalDocument {
        kind: "Approval".to_owned(),
        name: request.name,
        profile: recorded.name,
        plan: digest,
        expires: request.expires.unwrap_or_else(|| {
            let today = now.to_zoned(control.settings.time_zone.clone()).date();
            today.saturating_add(LIST_HOLDS_DAYS.days())
        }),
        seats,
    }))
}

fn check_until(decision: Decision, now: Timestamp) -> Result<(), Refusal> {
    match decision {
        Decision::KeepUntil { until } if until <= now => Err(Refusal::bad_request(format!(
            "`{until}` is past: nothing would be kept"
        ))),
        _ => Ok(()),
    }
}

/// Candidates of seats, and those on configuration items.
type Meant = (Vec<Candidate>, Vec<InstalledCandidate>);

async fn candidates_meant(control: &Control, request: &DecideRequest) -> Result<Meant, Refusal> {
    let (mut seats, mut installed) = Meant::default();
    for id in &request.ids {
        match find(control, *id).await? {
            Found::Seat(candidate) => seats.push(*candidate),
            Found::Installed(candidate) => installed.push(*candidate),
        }
    }
    let (store, states) = (&control.store, decide::states_for(request.decision));
    if let Some(query) = request.filter.clone() {
        let filter = filter_of(control, query).await?;
        let found = store.candidates(filter, None, MOST_DECIDED).await?;
        seats.extend(found.into_iter().filter(|one| states.contains(&one.state)));
    }
    if let Some(query) = &request.installed {
        let filter = installed::filter_of(query)?;
        let found = store
            .installed_candidates(filter, None, MOST_DECIDED)
            .await?;
        installed.extend(found.into_iter().filter(|one| states.contains(&one.state)));
    }
    let named = !request.ids.is_empty() || request.filter.is_some() || request.installed.is_some();
    if !named {
        return Err(Refusal::bad_request(
            "name candidates by their numbers, or say `--all`",
        ));
    }
    Ok((seats, installed))
}

/// What a person has to do where software is to be removed.
fn removed_by_hand(decided: &[InstalledDecided]) -> Option<String> {
    let waiting = decided.iter().filter_map(|one| one.candidate.as_ref());
    let ids: Vec<String> = waiting
        .filter(|candidate| candidate.state == CandidateState::AwaitingRevocation)
        .map(|candidate| candidate.id.to_string())
        .collect();
    (!ids.is_empty()).then(|| {
        format!(
            "remove the software, then `seatsync candidates close {}`",
            ids.join(" ")
        )
    })
}

/// Starts the reclaim of profiles that have something to take back now, and says what happens next.
async fn what_follows(control: &Control, decided: &[Decided]) -> Result<String, Refusal> {
    let mut profiles: Vec<&Name> = decided
        .iter()
        .filter_map(|one| one.candidate.as_ref())
        .filter(|candidate| candidate.state == CandidateState::AwaitingRevocation)
        .map(|candidate| &candidate.profile)
        .collect();
    profiles.sort();
    profiles.dedup();
    let mut sentences = Vec::new();
    for profile in profiles {
        let sentence = match control.runner.carry_out_decision(profile).await {
            Ok(()) => format!(
                "the reclaim of `{profile}` starts as soon as none of its jobs runs: `seatsync plan --seats` shows what it does"
            ),
            Err(error) => format!("they wait: {error}"),
        };
        sentences.push(sentence);
    }
    Ok(sentences.join("; "))
}

async fn filter_of(control: &Control, query: CandidateQuery) -> Result<CandidateFilter, Refusal> {
    Ok(CandidateFilter {
        profile: known_profile(control, query.profile.as_deref()).await?,
        identifier: query.identifier,
        user: query.user,
        state: query.state,
        open: query.open,
    })
}

/// What a number is of.
enum Found {
    Seat(Box<Candidate>),
    Installed(Box<InstalledCandidate>),
}

async fn find(control: &Control, id: i64) -> Result<Found, Refusal> {
    if let Some(candidate) = control.store.candidate(id).await? {
        return Ok(Found::Seat(Box::new(candidate)));
    }
    let installed = control.store.installed_candidate(id).await?;
    let installed = installed.ok_or_else(|| {
        Refusal::not_found(format!(
            "there is no candidate {id}: `seatsync candidates list` shows them, with `--installed` those of installed software"
        ))
    })?;
    Ok(Found::Installed(Box::new(installed)))
}

/// The candidate of a seat that a number is of.
pub(super) async fn of_seat(control: &Control, id: i64) -> Result<Candidate, Refusal> {
    match find(control, id).await? {
        Found::Seat(candidate) => Ok(*candidate),
        Found::Installed(candidate) => Err(Refusal::conflict(format!(
            "candidate {id} is of software on configuration item {}: nothing was written for it, so that nothing can be given back",
            candidate.configuration_item
        ))),
    }
}
