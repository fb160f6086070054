//! `GET /groups` and `GET /groups/{groupId}/members`.

use serde_json::{Value, json};

use crate::http::Reply;
use crate::zoom::errors::ApiError;
use crate::zoom::generate::GROUPS;
use crate::zoom::paging::{PageQuery, View};
use crate::zoom::service::{Call, State};
use crate::zoom::user::Status;
use crate::zoom::users::slice;
use crate::zoom::world::Roster;

/// The names of the account's groups.
const GROUP_NAMES: [&str; GROUPS as usize] = [
    "Everyone in EMEA",
    "Recording allowed",
    "Contractors",
    "Webinar team",
    "Executives",
    "Pilot",
    "Support",
    "Interns",
];

/// The name of a group.
pub(crate) fn name(state: &State, id: &str) -> Option<&'static str> {
    let generator = &state.world.generator;
    let group = (0..GROUPS).find(|group| generator.group_id(*group) == id)?;
    GROUP_NAMES.get(usize::try_from(group).ok()?).copied()
}

/// `GET /groups`.
pub(crate) fn list(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let switches = &state.switches;
    let query = PageQuery::read(
        call.request,
        call.endpoint,
        None,
        300,
        switches.over_max_page_size,
    )?;
    let page = state.walks.open(&query, call.now, View::default)?;
    let mut members = [0_u64; GROUPS as usize];
    let roster = state.world.roster(Status::Active, false, call.now);
    for index in (0..roster.len()).filter_map(|at| roster.nth(at)) {
        if let Some(group) = state.world.generator.group_of(index)
            && let Some(count) = members.get_mut(usize::try_from(group).unwrap_or(usize::MAX))
        {
            *count += 1;
        }
    }
    let groups: Vec<Value> = (0..GROUPS)
        .zip(GROUP_NAMES)
        .zip(members)
        .map(|((group, name), members)| {
            let id = state.world.generator.group_id(group);
            json!({"id": id, "name": name, "total_members": members})
        })
        .collect();
    let (rows, next) = slice(&groups, &page, query.size);
    Ok(Reply::json(
        200,
        &json!({"total_records": groups.len(), "next_page_token": state.next_token(&page, next, call.now),
                "groups": rows}),
    ))
}

/// `GET /groups/{groupId}/members`.
pub(crate) fn members(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let generator = &state.world.generator;
    let group = (0..GROUPS)
        .find(|group| generator.group_id(*group) == call.subject())
        .ok_or_else(|| ApiError::new(404, 4130, "A group with this id does not exist."))?;
    let query = PageQuery::read(
        call.request,
        call.endpoint,
        call.subject.as_deref(),
        2000,
        state.switches.over_max_page_size,
    )?;
    let world = &state.world;
    let page = state.walks.open(&query, call.now, || {
        members_of(&world.roster(Status::Active, false, call.now), |index| {
            generator.group_of(index) == Some(group)
        })
    })?;
    let roster = &page.view.roster;
    let from = u32::try_from(page.position).unwrap_or(u32::MAX);
    let to = from.saturating_add(query.size).min(roster.len());
    let members: Vec<Value> = (from..to)
        .filter_map(|at| world.user_at(roster.nth(at)?, call.now))
        .map(|user| {
            json!({"id": user.id, "email": user.email, "first_name": user.first_name,
                   "last_name": user.last_name, "type": user.kind})
        })
        .collect();
    let next = (to < roster.len()).then_some(u64::from(to));
    let total = roster.len();
    Ok(Reply::json(
        200,
        &json!({"page_count": total.div_ceil(query.size), "page_number": query.number.unwrap_or(1),
                "page_size": query.size, "total_records": total,
                "next_page_token": state.next_token(&page, next, call.now), "members": members}),
    ))
}

fn members_of(roster: &Roster, belongs: impl Fn(u32) -> bool) -> View {
    let members = (0..roster.len())
        .filter_map(|at| roster.nth(at))
        .filter(|index| belongs(*index));
    View {
        roster: Roster::of(members),
        ..View::default()
    }
}
