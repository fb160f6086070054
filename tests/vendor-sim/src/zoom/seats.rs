//! `GET /accounts/{accountId}/plans/usage` and `GET /users/summary`.

use serde_json::{Map, Value, json};

use crate::http::Reply;
use crate::zoom::errors::ApiError;
use crate::zoom::options::{LARGE_MEETING_CAPACITIES, Plan, WEBINAR_CAPACITIES};
use crate::zoom::pools::{Bought, Tally};
use crate::zoom::service::{Call, State};

/// `GET /users/summary`.
pub(crate) fn summary(state: &mut State, call: &Call<'_>) -> Reply {
    let at = call.now - i64::from(state.switches.lag_summary_seconds) * 1000;
    let tally = state.seats.assigned(&state.world, at);
    Reply::json(
        200,
        &json!({
            "licensed_users_count": tally.licensed,
            "basic_users_count": tally.basic,
            "on_prem_users_count": 0,
            "room_users_count": tally.rooms,
            "pending_users_count": tally.pending,
            "join_only_users_count": tally.join_only,
            "total_users_count": tally.total(),
        }),
    )
}

/// `GET /accounts/{accountId}/plans/usage`; `me` is the token's own account.
pub(crate) fn plan_usage(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let account = call.subject();
    if account != "me" && account != state.oauth.account_id {
        let message = format!("Account does not exist: {account}.");
        return Err(ApiError::new(404, 2001, message));
    }
    let at = call.now - i64::from(state.switches.lag_usage_seconds) * 1000;
    let used = state.seats.assigned(&state.world, at);
    let bought = state.seats.bought(&state.world);
    let base = match state.plan {
        Plan::Free | Plan::Pro => "yearly",
        Plan::Business => "biz_yearly",
    };
    let plans = plans(base, &bought, &used);
    Ok(Reply::json(200, &reshaped(state, plans)))
}

/// Every plan of which something is bought.
fn plans(base: &str, bought: &Bought, used: &Tally) -> Map<String, Value> {
    let mut plans = Map::new();
    let mut put = |name: &str, plan: Value| plans.insert(name.to_owned(), plan);
    put(
        "plan_base",
        plan(base, bought.base, used.base, used.pending_licensed),
    );
    let zoom_one = ["zoom_one_biz_plus_yearly".to_owned()];
    let webinar = WEBINAR_CAPACITIES.map(|size| format!("webinar{size}_yearly"));
    let large_meeting = LARGE_MEETING_CAPACITIES.map(|size| format!("large{size}_yearly"));
    let events = ["zoomevents500_yearly".to_owned()];
    for (name, plan) in [
        (
            "plan_zoom_one",
            sizes(&zoom_one, &[bought.zoom_one], &[used.zoom_one]),
        ),
        (
            "plan_webinar",
            sizes(&webinar, &bought.webinar, &used.webinar),
        ),
        (
            "plan_large_meeting",
            sizes(&large_meeting, &bought.large_meeting, &used.large_meeting),
        ),
        (
            "plan_zoom_events",
            sizes(&events, &[bought.events], &[used.events]),
        ),
    ] {
        if !plan.is_empty() {
            put(name, Value::Array(plan));
        }
    }
    if bought.united > 0 {
        let mut united = plan("zoomunited_pro_yearly", bought.united, used.united, 0);
        united["name"] = json!("Zoom United Pro with unlimited regional calling");
        put("plan_united", united);
    }
    for (name, kind, bought, used) in [
        (
            "plan_whiteboard",
            "whiteboard_yearly",
            bought.whiteboard,
            used.whiteboard,
        ),
        (
            "plan_zsched",
            "zscheduler_yearly",
            bought.scheduler,
            used.scheduler,
        ),
        (
            "plan_ztransl",
            "ztranslation_yearly",
            bought.captions,
            used.captions,
        ),
    ] {
        if bought > 0 {
            put(name, plan(kind, bought, used, 0));
        }
    }
    if bought.rooms > 0 {
        // Rooms have no invitations.
        let rooms = json!({"type": "zroom_yearly", "hosts": bought.rooms, "usage": used.rooms});
        put("plan_zoom_rooms", rooms);
    }
    let recording = json!({"type": "cmr_yearly_commitment_100", "free_storage": "5 GB",
        "free_storage_usage": "4.9 GB", "plan_storage": "100 GB",
        "plan_storage_usage": "31.4 GB", "plan_storage_exceed": "0", "max_exceed_date": "N/A"});
    put("plan_recording", recording);
    plans
}

fn plan(kind: &str, hosts: i64, usage: i64, pending: i64) -> Value {
    json!({"type": kind, "hosts": hosts, "usage": usage, "pending": pending})
}

/// A plan sold in several sizes: those of which some are bought.
fn sizes(kinds: &[String], bought: &[i64], used: &[i64]) -> Vec<Value> {
    kinds
        .iter()
        .zip(bought.iter().zip(used))
        .filter(|(_, (bought, _))| **bought > 0)
        .map(|(kind, (bought, used))| plan(kind, *bought, *used, 0))
        .collect()
}

/// The shapes of master accounts and of older documents, when switched on.
fn reshaped(state: &State, mut body: Map<String, Value>) -> Value {
    if state.switches.usage_as_active_hosts
        && let Some(base) = body.get_mut("plan_base").and_then(Value::as_object_mut)
        && let Some(usage) = base.remove("usage")
    {
        base.insert("active_hosts".to_owned(), usage);
    }
    if state.switches.plan_objects_as_arrays {
        for name in ["plan_base", "plan_zoom_rooms"] {
            if let Some(plan) = body.get_mut(name) {
                *plan = json!([plan.take()]);
            }
        }
    }
    Value::Object(body)
}
