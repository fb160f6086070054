//! What people changed. Only the first thousand users change things, one thing on each day on which
//! they sign in; reading leaves no trace.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::aha::errors;
use crate::aha::generate::DAY;
use crate::aha::service::{Call, State};
use crate::aha::user::{User, instant};
use crate::http::Reply;

/// Who changes things.
const CHANGERS: u32 = 1_000;
/// How long audits are kept.
const KEPT_DAYS: i64 = 365;
/// The ids of audits begin here, in the order of time.
const IDS: i64 = 7_000_000_000_000_000_000;

/// Which audits a query asks for.
struct Wanted {
    rows: Vec<u32>,
    since: i64,
    before: i64,
    after_id: i64,
}

impl Wanted {
    fn of(state: &State, call: &Call<'_>, oldest: i64, newest: i64) -> Option<Self> {
        let time = |name: &str, usual: i64| match call.request.param(name) {
            None => Some(usual),
            Some(text) => text.parse::<Timestamp>().ok().map(Timestamp::as_second),
        };
        let rows = match call.request.param("user_id") {
            None => (0..CHANGERS.min(state.world.generator.users())).collect(),
            Some(id) => {
                let user = state.world.find(id, call.now);
                user.map(|user| user.row)
                    .filter(|row| *row < CHANGERS)
                    .into_iter()
                    .collect()
            }
        };
        let after_id = call.request.param("after_id");
        Some(Self {
            rows,
            since: time("created_since", oldest)?.max(oldest),
            before: time("created_before", newest)?.min(newest),
            after_id: after_id.map_or(Some(0), |id| id.parse().ok())?,
        })
    }

    /// Calls `each` with the id, the time and the user of every audit, oldest first.
    fn each(&self, state: &State, mut each: impl FnMut(i64, i64, &User)) {
        for day in self.since.div_euclid(DAY)..=self.before.div_euclid(DAY) {
            let end_of_day = (day + 1) * DAY - 1;
            for row in &self.rows {
                let id = IDS + day * i64::from(CHANGERS) + i64::from(*row);
                let Some(user) = state.world.user(*row, end_of_day * 1000) else {
                    continue;
                };
                let at = user
                    .accessed
                    .filter(|at| at.div_euclid(DAY) == day && user.enabled);
                if let Some(at) = at.filter(|at| (self.since..self.before).contains(at))
                    && id > self.after_id
                {
                    each(id, at, &user);
                }
            }
        }
    }
}

/// `GET /audits`: those of the last twelve months.
pub(crate) fn list(state: &State, call: &Call<'_>) -> Reply {
    let bounded = call.request.param("created_since").is_some();
    if state.switches.audits_need_bounds && !bounded {
        return Reply::text(
            504,
            "text/html",
            "<html><body>504 Gateway Time-out</body></html>",
        );
    }
    let page = match state.page(call.request) {
        Ok(page) => page,
        Err(refused) => return refused,
    };
    let now = call.now.div_euclid(1000);
    let Some(wanted) = Wanted::of(state, call, now - KEPT_DAYS * DAY, now) else {
        return errors::bad_request("a time or an id cannot be read");
    };
    let mut total = 0;
    let mut rows: Vec<Value> = Vec::new();
    wanted.each(state, |id, at, user| {
        if (page.first()..page.first() + page.size).contains(&total) {
            rows.push(audit(id, at, user));
        }
        total += 1;
    });
    Reply::json(
        200,
        &json!({"audits": rows, "pagination": page.describe(total)}),
    )
}

fn audit(id: i64, at: i64, user: &User) -> Value {
    json!({
        "id": id.to_string(),
        "audit_action": "update",
        "created_at": instant(at),
        "interesting": true,
        "user": user.reference(),
        "contributors": [],
        "auditable_type": "Feature",
        "auditable_id": 1_007_868_956,
        "associated_type": "Feature",
        "associated_id": 1_007_868_956,
        "description": "updated feature PRJ1-1",
        "auditable_url": "https://example.aha.io/features/PRJ1-1",
        "changes": [{"field_name": "Name", "value": "New name"}],
    })
}

/// `GET /historical_audits`: on which days people changed things, before the last twelve months.
pub(crate) fn history(state: &State, call: &Call<'_>) -> Reply {
    let page = match state.page(call.request) {
        Ok(page) => page,
        Err(refused) => return refused,
    };
    let newest = call.now.div_euclid(1000) - KEPT_DAYS * DAY;
    let Some(wanted) = Wanted::of(state, call, newest - KEPT_DAYS * DAY, newest) else {
        return errors::bad_request("a time or an id cannot be read");
    };
    let mut by_user: Vec<(User, Vec<String>)> = Vec::new();
    wanted.each(state, |_, at, user| {
        let day = instant(at)[..10].to_owned();
        match by_user.iter_mut().find(|(known, _)| known.row == user.row) {
            Some((_, days)) => days.push(day),
            None => by_user.push((user.clone(), vec![day])),
        }
    });
    let total = by_user.len();
    let rows: Vec<Value> = by_user
        .into_iter()
        .skip(page.first())
        .take(page.size)
        .map(|(user, days)| {
            let mut row = user.reference();
            row["auditable_id"] = json!(1_007_868_956);
            row["auditable_type"] = json!("Feature");
            row["dates_active"] = json!(days);
            row
        })
        .collect();
    Reply::json(
        200,
        &json!({"historical_audits": rows, "pagination": page.describe(total)}),
    )
}

/// `POST /historical_audits`: a search that costs tokens.
pub(crate) fn search(state: &mut State) -> Reply {
    state.searches += 1;
    let id = 6_776_881_149_486_782_891 + state.searches;
    let mut reply = Reply::json(200, &json!({"search_id": id.to_string()}));
    let left = 100_u64.saturating_sub(state.searches);
    reply.set_header("x-historical-tokens-available", left.to_string());
    reply
}
