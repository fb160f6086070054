//! Events: what users did, day by day.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use super::Control;
use super::answer::Refusal;
use super::model::{EventQuery, EventRow, Listing};
use super::page::{self, PageSize};
use super::seats::known_profile;
use crate::profile::identifier::Identifier;
use crate::reclamation::evidence::counting;
use crate::store::event::{EventFilter, EventPlace};

/// How far back events are shown when nobody says, in days: a year, as in ServiceNow.
const SHOWN_DAYS: i64 = 365;

/// `GET /v1/events`. Which product an identifier belongs to is looked up now.
pub(super) async fn list(
    State(control): State<Control>,
    Query(query): Query<EventQuery>,
) -> Result<Json<Listing<EventRow>>, Refusal> {
    let size = PageSize::of(query.limit, page::USUAL);
    let after = query.after.as_deref().map(place).transpose()?;
    let today = control.clock.now().to_zoned(TimeZone::UTC).date();
    let filter = EventFilter {
        profile: known_profile(&control, query.profile.as_deref()).await?,
        user: query.user,
        since: query
            .since
            .unwrap_or_else(|| today.saturating_sub(SHOWN_DAYS.days())),
    };
    let catalogue = control.store.catalogue().await?;
    let events = control
        .store
        .events(filter, counting, after, size.with_one_ahead())
        .await?;
    let (events, next) = size.cut(events, |(place, _)| token(place));
    let mut models: BTreeMap<Identifier, _> = BTreeMap::new();
    let rows = events.into_iter().map(|(_, event)| {
        let model = event.identifier.as_ref().and_then(|identifier| {
            *models
                .entry(identifier.clone())
                .or_insert_with(|| catalogue.model_of(identifier))
        });
        EventRow {
            event,
            publisher: model.map(|model| model.publisher.clone()),
            product: model.map(|model| model.product.clone()),
        }
    });
    Ok(Json(Listing {
        rows: rows.collect(),
        next,
    }))
}

/// The user comes last: what a vendor calls one may hold any character.
fn token(place: &EventPlace) -> String {
    let EventPlace {
        profile,
        user_key,
        kind,
        grade,
        day,
        seat,
    } = place;
    format!("{profile}/{kind}/{grade}/{day}/{seat}/{user_key}")
}

fn place(token: &str) -> Result<EventPlace, Refusal> {
    let mut parts = token.splitn(6, '/');
    let mut read = || {
        Some(EventPlace {
            profile: parts.next()?.to_owned(),
            kind: parts.next()?.to_owned(),
            grade: parts.next()?.to_owned(),
            day: parts.next()?.parse().ok()?,
            seat: parts.next()?.parse().ok()?,
            user_key: parts.next()?.to_owned(),
        })
    };
    read().ok_or_else(|| Refusal::bad_request("`after` is not a token that a page gave"))
}
