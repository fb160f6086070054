//! A store as a complete download and its activity would leave it.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use seatsync::clock::{Clock as _, SystemClock};
use seatsync::profile::model::DesiredProfile;
use seatsync::store::Store;
use seatsync::store::document::{Application, ProfileWrite};
use seatsync::store::revision::{Attempt, RevisionOutcome};
use serde_json::json;

/// One seat in so many is unused.
const UNUSED: u32 = 100;
/// Days of activity that are known: the generated rule asks for 60.
const KNOWN_DAYS: i64 = 90;

/// Fills a store with that many seats of a published profile `judged`.
pub(crate) async fn fill(folder: &Path, seats: u32) -> Result<(), Box<dyn Error>> {
    let now = SystemClock.now();
    let store = Store::open(folder)?;
    store.apply(application(now)?).await?;
    store.close().await;
    drop(store);
    let mut database = Connection::open(folder.join("seatsync.db"))?;
    let t = database.transaction()?;
    let today = number_of(now.to_zoned(TimeZone::UTC).date());
    let at = now.as_millisecond();
    let long_ago = now
        .checked_sub(SignedDuration::from_hours(24 * 700))?
        .as_millisecond();
    {
        let mut insert = t.prepare(
            "INSERT INTO subscriptions (profile_id, external_user_id, identifier, email, display_name,
                 department, status, role, user_created_at, last_login_at, bundled, paid,
                 may_have_add_ons, source, digest, walk, first_seen, changed_at, last_hosted_day)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, 'active', ?6, ?7, ?7, 0, ?8, ?8, 'walk', ?9, 1, ?7, ?7, ?10)",
        )?;
        for number in 0..seats {
            // Vendors' ids are in no order.
            let user = format!(
                "{:016x}",
                u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            );
            let paid = number % 5 != 4;
            let idle = if number % UNUSED == 0 {
                80
            } else {
                1 + i64::from(number % 50)
            };
            insert.execute(params![
                user,
                if paid { "zoom.licensed" } else { "zoom.basic" },
                format!("person.{number}@example.com"),
                format!("Person {number}"),
                format!("Department {}", number % 40),
                if number % 1_000 == 1 {
                    "admin"
                } else {
                    "member"
                },
                long_ago,
                paid,
                [0_u8; 32],
                today - idle,
            ])?;
        }
    }
    t.execute(
        "INSERT INTO walks (profile_id, job, ended_at, verdict, users, seats, walks, unrecognized)
         VALUES (1, 'bench', ?1, 'complete', ?2, ?2, 1, '[]')",
        params![at, seats],
    )?;
    for (identifier, held, paid) in [
        ("zoom.licensed", seats / 5 * 4, true),
        ("zoom.basic", seats / 5, false),
    ] {
        t.execute(
            "INSERT INTO seat_counts VALUES (1, ?1, ?2, ?3, ?4, 0)",
            params![identifier, today, held, if paid { held } else { 0 }],
        )?;
    }
    for back in 1..=KNOWN_DAYS {
        for kind in ["meeting", "webinar"] {
            t.execute(
                "INSERT INTO activity_days VALUES (1, ?1, 'hosted', ?2, ?3)",
                params![kind, today - back, at],
            )?;
        }
    }
    t.commit()?;
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?;
    Ok(())
}

/// A day as the store has it.
fn number_of(day: Date) -> i64 {
    day.duration_since(date(1970, 1, 1)).as_hours() / 24
}

/// The profile, as reconciling would record it.
fn application(now: Timestamp) -> Result<Application, Box<dyn Error>> {
    let desired: DesiredProfile = serde_json::from_value(json!({
        "profile": {
            "name": "judged", "display_name": "judged", "profile_type": "zoom",
            "state": "published", "suspend": false, "formerly": [],
            "connection": {"named": "judged"}, "connect_connection": null,
            "subflows": {
                "download_subscriptions": {"enabled": true, "schedule": null},
                "pull_user_activity": {"enabled": true, "schedule": null},
                "analyze_from": "60d",
                "reclaim_subscriptions": {"enabled": false, "schedule": null}
            },
            "exclusions": {"identifiers": [], "users": []},
            "protected": [], "reclamation": null
        },
        "connection": {
            "name": "judged", "vendor": "zoom", "url": "https://api.zoom.us/v2",
            "grant": "account_credentials", "token_url": "https://zoom.us/oauth/token",
            "authorize_url": "https://zoom.us/oauth/authorize", "account_id": "account",
            "client_id": "client", "client_secret": {"env": "SECRET"}, "token": null,
            "plan": "pro", "share": 25
        },
        "connect_connection": null, "exclusions": [], "protected": []
    }))?;
    Ok(Application {
        attempt: Attempt {
            digest: "sha256:bench".into(),
            label: None,
            outcome: RevisionOutcome::Applied,
            findings: 0,
            message: String::new(),
            exclusions_unknown: None,
            rules_in_doubt: BTreeMap::new(),
            at: now,
        },
        renames: Vec::new(),
        documents: Vec::new(),
        states: Vec::new(),
        removed: Vec::new(),
        profiles: vec![ProfileWrite {
            digest: "sha256:bench".into(),
            desired,
            published: true,
        }],
        orphans: Vec::new(),
        conditions: Vec::new(),
    })
}
