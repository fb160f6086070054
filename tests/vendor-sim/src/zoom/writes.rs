//! `PATCH /users/{userId}`, `PUT /users/{userId}/status` and `DELETE /users/{userId}`. All answer
//! 204 without a body.

use serde_json::{Map, Value};

use crate::http::Reply;
use crate::zoom::errors::ApiError;
use crate::zoom::products::Product;
use crate::zoom::seating::{activate, change_bundle, change_type, deactivate};
use crate::zoom::service::{Call, State};
use crate::zoom::settings::Stock;
use crate::zoom::user::{Bundle, Status, Text, User};

impl State {
    /// What is bought and assigned now.
    pub(crate) fn stock(&mut self, now: i64) -> Stock {
        Stock {
            assigned: self.seats.assigned(&self.world, now),
            bought: self.seats.bought(&self.world),
        }
    }
}

fn subject(state: &State, call: &Call<'_>) -> Result<User, ApiError> {
    let key = call.subject();
    state
        .world
        .find(key, call.now)
        .filter(User::exists)
        .ok_or_else(|| ApiError::no_such_user(key))
}

/// `PATCH /users/{userId}`.
pub(crate) fn update(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let before = subject(state, call)?;
    let stock = state.stock(call.now);
    let mut after = before.clone();
    let empty = Map::new();
    let members = body.as_object().unwrap_or(&empty);
    let kinds = ["type", "plan_united_type", "zoom_one_type"];
    if kinds
        .iter()
        .filter(|kind| members.contains_key(**kind))
        .count()
        > 1
    {
        return Err(ApiError::bad(
            300,
            "You can't change the \"type\" or \"plan_united_type\" or \"zoom_one_type\" at the \
             same time.",
        ));
    }
    if let Some(kind) = members.get("type") {
        let kind = kind
            .as_u64()
            .ok_or_else(|| ApiError::invalid_field("type", "Invalid field."))?;
        change_type(&mut after, kind, &stock, &state.switches)?;
    }
    if let Some(kind) = members.get("zoom_one_type") {
        let number = kind
            .as_u64()
            .ok_or_else(|| ApiError::invalid_field("zoom_one_type", "Invalid field."))?;
        let bundle = (number > 0).then_some(Bundle::ZoomOne(number));
        change_bundle(&mut after, bundle, &stock)?;
    }
    if let Some(kind) = members.get("plan_united_type") {
        change_bundle(&mut after, united(kind)?, &stock)?;
    }
    // Absent means "leave"; false takes the phone licence and its numbers.
    if let Some(phone) = body.pointer("/feature/zoom_phone").and_then(Value::as_bool) {
        after.features.products.set(Product::Phone, phone);
    }
    describe(&mut after, members);
    if before.status == Status::Pending && state.switches.pending_changes_ignored {
        return Ok(Reply::empty(204));
    }
    let detail = change_of_type(&before, &after);
    state
        .world
        .edit(before.index, call.now, |user| *user = after);
    state.audit(call.now, "Update", "user", detail);
    Ok(Reply::empty(204))
}

fn united(kind: &Value) -> Result<Option<Bundle>, ApiError> {
    match kind.as_str() {
        Some("none" | "0" | "") => Ok(None),
        Some(kind) if kind.bytes().all(|digit| digit.is_ascii_digit()) => {
            Ok(Some(Bundle::United(kind.to_owned().into())))
        }
        _ => Err(ApiError::bad(
            300,
            "The value provided for \"plan_united_type\" parameter is invalid. Try again with a \
             valid value.",
        )),
    }
}

fn change_of_type(before: &User, after: &User) -> String {
    let name = |user: &User| match user.kind {
        User::BASIC => "Basic",
        User::LICENSED => "Licensed",
        _ => "None",
    };
    if before.kind == after.kind {
        format!("Update User {}", before.email)
    } else {
        format!(
            "Update User {} - User Type: from {} to {}",
            before.email,
            name(before),
            name(after)
        )
    }
}

/// Takes over the parts of the profile that the simulator keeps.
fn describe(user: &mut User, members: &Map<String, Value>) {
    let text = |name: &str| -> Option<Text> {
        let text = members.get(name)?.as_str()?;
        Some(text.to_owned().into())
    };
    if let Some(name) = text("first_name") {
        user.first_name = name;
    }
    if let Some(name) = text("last_name") {
        user.last_name = name;
    }
    for (slot, name) in [
        (&mut user.dept, "dept"),
        (&mut user.job_title, "job_title"),
        (&mut user.location, "location"),
        (&mut user.timezone, "timezone"),
        (&mut user.cost_center, "cost_center"),
    ] {
        if let Some(text) = text(name) {
            *slot = Some(text).filter(|text| !text.is_empty());
        }
    }
}

/// `PUT /users/{userId}/status`.
pub(crate) fn update_status(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let before = subject(state, call)?;
    let stock = state.stock(call.now);
    let mut after = before.clone();
    let action = match body.get("action").and_then(Value::as_str) {
        Some("deactivate") => {
            deactivate(&mut after, &state.switches)?;
            "Deactivate"
        }
        Some("activate") => {
            activate(&mut after, &stock, &state.switches)?;
            "Activate"
        }
        // Attendance of contact-centre agents; no licence moves.
        Some("clock_in" | "clock_out") => return Ok(Reply::empty(204)),
        _ => return Err(ApiError::invalid_field("action", "Invalid field.")),
    };
    if before.status == Status::Pending {
        return Err(ApiError::invite_expired());
    }
    let detail = format!("{action} User {}", before.email);
    state
        .world
        .edit(before.index, call.now, |user| *user = after);
    state.audit(call.now, action, "user", detail);
    Ok(Reply::empty(204))
}

/// `DELETE /users/{userId}`.
pub(crate) fn delete(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let disassociates = match call.request.param("action") {
        None | Some("" | "disassociate") => true,
        Some("delete") => false,
        Some(_) => return Err(ApiError::invalid_field("action", "Invalid field.")),
    };
    let user = subject(state, call)?;
    refuse_by_kind(state, &user, disassociates)?;
    refuse_by_transfer(state, call, &user)?;
    let action = if disassociates {
        "Disassociate"
    } else {
        "Delete"
    };
    let until = call.now + i64::from(state.switches.delete_takes_seconds) * 1000;
    if until > call.now {
        state.deleting.insert(call.subject().to_owned(), until);
    }
    state.world.edit(user.index, call.now, |user| {
        user.status = Status::Gone;
        user.features = crate::zoom::user::Features::default();
        user.bundle = None;
    });
    state.audit(
        call.now,
        action,
        "user",
        format!("{action} User {}", user.email),
    );
    Ok(Reply::empty(204))
}

fn refuse_by_kind(state: &State, user: &User, disassociates: bool) -> Result<(), ApiError> {
    if user.room {
        return Err(ApiError::bad(200, "Cannot delete a Zoom Rooms user."));
    }
    if user.owner() {
        return Err(ApiError::bad(
            200,
            "Cannot delete a user out of your account.",
        ));
    }
    if user.status == Status::Pending {
        // An invitation can only be withdrawn.
        return if disassociates {
            Ok(())
        } else {
            Err(ApiError::invite_expired())
        };
    }
    if user.queue_manager {
        return Err(ApiError::bad(
            1000,
            "The user cannot be changed because they are a Call-queue manager or \
             Auto-receptionist operator.",
        ));
    }
    if user.status == Status::Inactive && !state.switches.deactivated_may_be_deleted {
        return Err(ApiError::bad(
            200,
            "Unable to delete this deactivated user. Please contact Zoom support team for more \
             information.",
        ));
    }
    if disassociates && user.admin() {
        return Err(ApiError::bad(
            1117,
            "You can not disassociate an Admin user.",
        ));
    }
    if disassociates && state.switches.managed_domains.contains(&user.domain()) {
        return Err(ApiError::bad(
            1107,
            "You can not disassociate a user with managed domain.",
        ));
    }
    Ok(())
}

fn refuse_by_transfer(state: &State, call: &Call<'_>, user: &User) -> Result<(), ApiError> {
    let target = call
        .request
        .param("transfer_email")
        .filter(|email| !email.is_empty());
    let holds_events = user.features.events.is_some();
    let Some(email) = target else {
        if holds_events {
            return Err(ApiError::bad(
                300,
                "This user has published events on Zoom Events and you do not specify a target \
                 user to transfer data.",
            ));
        }
        return Ok(());
    };
    if user.email.eq_ignore_ascii_case(email) {
        return Err(ApiError::bad(
            300,
            "The transfer-to email address cannot be the same as the unlinked or deleted user's \
             email address.",
        ));
    }
    let target = state
        .world
        .find(email, call.now)
        .filter(|target| target.status == Status::Active)
        .ok_or_else(|| ApiError::no_such_user(email))?;
    if holds_events && target.features.events.is_none() {
        return Err(ApiError::bad(
            300,
            "The destination user does not have a Zoom Events license and cannot receive this \
             data.",
        ));
    }
    Ok(())
}
