//! Seat groups and the seats bought: who may hold how many.

use serde_json::{Value, json};

use crate::aha::errors;
use crate::aha::service::{Call, State};
use crate::aha::user::{GroupName, User, instant};
use crate::http::Reply;

/// A seat group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) capacity: u64,
}

/// The groups at the start, each with a little room.
pub(crate) fn at_start(many: u32, members: &[u64]) -> Vec<Group> {
    (0..many)
        .zip(members)
        .map(|(number, members)| Group {
            id: 354_640_896 + u64::from(number) * 109_082_546,
            name: format!("Group {}", number + 1),
            capacity: members + members / 10 + 2,
        })
        .collect()
}

impl State {
    /// The group of a user, as the user's body names it.
    pub(crate) fn group_of(&self, user: &User) -> Option<GroupName> {
        let group = self.groups.get(usize::try_from(user.group?).ok()?)?;
        Some(GroupName {
            id: group.id,
            name: group.name.clone(),
        })
    }

    /// Seats in use by group, and those of users in none at the end.
    pub(crate) fn seats_by_group(&self, now: i64) -> Vec<u64> {
        let groups = self.groups.len();
        let mut used = vec![0; groups + 1];
        for user in self.world.users(now).filter(User::uses_seat) {
            let group = user.group.and_then(|group| usize::try_from(group).ok());
            used[group.unwrap_or(groups).min(groups)] += 1;
        }
        used
    }

    fn described(&self, number: usize, used: u64) -> Option<Value> {
        let group = self.groups.get(number)?;
        let administered = self
            .switches
            .groups_administered
            .is_none_or(|first| u32::try_from(number).is_ok_and(|number| number < first));
        let owner = self.world.user(self.token_owner, self.clock.millis())?;
        let administrators: Vec<Value> = administered
            .then(|| owner.reference())
            .into_iter()
            .collect();
        let at = instant(self.started);
        Some(json!({
            "id": group.id.to_string(),
            "name": group.name,
            "administrators": administrators,
            "capacity": group.capacity,
            "allocated_seats": used,
            "description": {
                "id": (6_776_881_149_487_500_319 + group.id).to_string(), "body": "",
                "editor_version": 2, "created_at": at, "updated_at": at, "attachments": [],
            },
            "created_at": at,
            "updated_at": at,
        }))
    }
}

/// `GET /paid_seat_groups`: those that the caller administers, without pagination.
pub(crate) fn list(state: &State, call: &Call<'_>) -> Reply {
    let used = state.seats_by_group(call.now);
    let first = state.switches.groups_administered;
    let many = first.map_or(state.groups.len(), |first| {
        usize::try_from(first)
            .unwrap_or(usize::MAX)
            .min(state.groups.len())
    });
    let groups: Vec<Value> = (0..many)
        .filter_map(|number| state.described(number, used[number]))
        .collect();
    Reply::json(200, &json!({"paid_seat_groups": groups}))
}

/// `POST /paid_seat_groups/{id}/modify_user`.
pub(crate) fn modify(state: &mut State, call: &Call<'_>) -> Reply {
    let Some(number) = state
        .groups
        .iter()
        .position(|group| group.id.to_string() == call.subject(0))
    else {
        return errors::not_found();
    };
    let body = call.json();
    let id = match &body["user_id"] {
        Value::Number(id) => id.to_string(),
        Value::String(id) => id.clone(),
        _ => return errors::invalid(&["User must exist"]),
    };
    let Some(user) = state.world.find(&id, call.now) else {
        return errors::invalid(&["User must exist"]);
    };
    let group = u32::try_from(number).unwrap_or_default();
    let remove = body["remove"] == true;
    let used = state.seats_by_group(call.now);
    let joins = !remove && user.group != Some(group) && user.uses_seat();
    if joins && used[number] >= state.groups[number].capacity {
        return errors::invalid(&["Seat group has no free seat"]);
    }
    let wanted = if remove {
        user.group.filter(|known| *known != group)
    } else {
        Some(group)
    };
    state
        .world
        .edit(user.row, call.now, |user| user.group = wanted);
    let used = state.seats_by_group(call.now);
    match state.described(number, used[number]) {
        Some(group) => Reply::json(200, &group),
        None => errors::not_found(),
    }
}
