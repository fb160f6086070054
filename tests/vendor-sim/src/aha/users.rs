//! The users: whose token it is, the list, one user, and changes to one.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aha::cast::Cast;
use crate::aha::errors;
use crate::aha::options::{NonAdmin, WithoutSeat};
use crate::aha::service::{Call, State};
use crate::aha::user::{User, instant};
use crate::aha::world::Place;
use crate::http::Reply;

/// What happens to the list of users after one of its pages was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shift {
    /// The page after which it happens, from 1; once.
    pub after_page: usize,
    /// Who is deleted, by their place in the list from 0.
    pub remove: Option<usize>,
    /// Where somebody new appears, if anybody does.
    pub add: Option<Place>,
}

/// `GET /me`.
pub(crate) fn me(state: &State, call: &Call<'_>) -> Reply {
    let user = &call.caller;
    let accounts: Vec<Value> = std::iter::once(&state.domain)
        .chain(&state.switches.other_accounts)
        .map(|domain| {
            json!({"account": {
                "name": domain, "domain": domain, "logo": null, "alt_logo": null, "enabled": true,
            }})
        })
        .collect();
    let body = json!({"user": {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "timezone": user.timezone,
        "created_at": instant(user.created),
        "updated_at": instant(user.updated),
        "accessed_at": user.accessed.map(instant),
        "product_roles": user.product_roles,
        "preferences": {"current_product_id": 131_414_752},
        "accounts": accounts,
    }});
    Reply::json(200, &body)
}

/// `GET /users`.
pub(crate) fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let page = match state.page(call.request) {
        Ok(page) => page,
        Err(refused) => return refused,
    };
    let in_list = |user: &User| user.in_list(state.group_of(user));
    if !call.caller.administrator.administer_account {
        return match state.switches.non_admin {
            NonAdmin::Refused => errors::forbidden(),
            NonAdmin::CallerOnly => Reply::json(
                200,
                &json!({"users": [in_list(&call.caller)], "pagination": page.describe(1)}),
            ),
        };
    }
    let at = call.now - state.switches.write_delay_millis;
    let (rows, total): (Vec<Value>, usize) = if let Some(email) = call.request.param("email") {
        let found = state.world.find(email, at);
        (found.iter().map(in_list).collect(), found.iter().count())
    } else {
        let rows = state.world.page(page.first(), page.size).iter();
        let users = rows.filter_map(|row| state.world.user(*row, at));
        let rows = users.map(|user| in_list(&user)).collect();
        (rows, state.world.len())
    };
    let body = json!({"users": rows, "pagination": page.describe(total)});
    state.shift(page.number);
    Reply::json(200, &body)
}

/// `GET /users/{id}`.
pub(crate) fn get(state: &State, call: &Call<'_>) -> Reply {
    match state.world.find(call.subject(0), call.now) {
        Some(user) => Reply::json(200, &json!({"user": user.alone(state.group_of(&user))})),
        None => errors::not_found(),
    }
}

/// What `PUT /users/{id}` takes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Change {
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    enabled: Option<bool>,
    administrator: Option<bool>,
}

/// `PUT /users/{id}`: answers the user without the `user` around it.
pub(crate) fn update(state: &mut State, call: &Call<'_>) -> Reply {
    let Some(user) = state.world.find(call.subject(0), call.now) else {
        return errors::not_found();
    };
    let Ok(change) = serde_json::from_value::<Change>(call.json()["user"].take()) else {
        return errors::bad_request("param is missing or the value is empty: user");
    };
    if change.enabled == Some(false) || change.administrator == Some(false) {
        let last = state.switches.last_admin_refused && state.is_indispensable(&user, call.now);
        if last {
            return errors::invalid(&["The last administrator cannot be changed"]);
        }
    }
    if change.enabled == Some(true)
        && !user.enabled
        && user.paid_seat
        && state.seats_used() >= state.seats
    {
        match state.switches.enable_without_seat {
            WithoutSeat::Charge => state.seats += 1,
            WithoutSeat::Refuse => return errors::invalid(&["No paid seat is available"]),
        }
    }
    state.world.edit(user.row, call.now, |user| {
        user.enabled = change.enabled.unwrap_or(user.enabled);
        if let Some(email) = change.email {
            user.email = email;
        }
        if change.first_name.is_some() || change.last_name.is_some() {
            let name = user.name.clone().unwrap_or_default();
            let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
            let first = change.first_name.as_deref().unwrap_or(first);
            let last = change.last_name.as_deref().unwrap_or(last);
            user.name = Some(format!("{first} {last}").trim().to_owned());
        }
        if let Some(administrator) = change.administrator {
            user.administrator.administer_account = administrator;
            user.administrator.administer_billing = administrator;
            user.administrator.administer_configuration = administrator;
        }
    });
    match state.world.user(user.row, call.now) {
        Some(user) => Reply::json(200, &user.alone(state.group_of(&user))),
        None => errors::not_found(),
    }
}

impl State {
    /// Whether the account cannot be without this user: its owner, or the last who administers it.
    fn is_indispensable(&self, user: &User, now: i64) -> bool {
        let administers = |user: &User| user.enabled && user.administrator.administer_account;
        user.row == Cast::AccountOwner.row()
            || administers(user) && self.world.users(now).filter(administers).count() == 1
    }

    fn shift(&mut self, answered: usize) {
        let due = self
            .shifts
            .iter()
            .position(|shift| shift.after_page == answered);
        let Some(shift) = due.map(|at| self.shifts.remove(at)) else {
            return;
        };
        if let Some(place) = shift.remove
            && let Some(row) = self.world.page(place, 1).first().copied()
        {
            self.world.remove(row);
        }
        if let Some(place) = shift.add {
            self.world.add(self.clock.millis(), place, |_| {});
        }
    }
}
