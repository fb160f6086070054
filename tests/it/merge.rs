//! Whatever walks come after one another, the store says what a plain map says, and writes only
//! rows that changed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rusqlite::Connection;
use seatsync::connector::facts::{Completeness, Role, Seat, UserStatus, WalkReport};
use seatsync::store::Store;
use seatsync::store::document::ProfileId;
use seatsync::store::matching::Entries;
use seatsync::store::staging::{StagedPage, StagedSeat};
use seatsync::store::subscription::{Presence, SubscriptionFilter};
use seatsync::store::walk::{NewWalk, WalkVerdict};

/// What a walk tells of a user: the variant of everything that can change.
type Told = BTreeMap<(u8, u8), u8>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    variant: u8,
    first_seen: Timestamp,
    ended_at: Option<Timestamp>,
    last_seen: Option<Timestamp>,
}

fn seat(user: u8, product: u8, variant: u8) -> StagedSeat {
    let identifier = ["zoom.licensed", "zoom.basic"][usize::from(product)];
    StagedSeat {
        seat: Seat {
            external_user_id: format!("user-{user}"),
            identifier: identifier.parse().unwrap(),
            email: format!("User{user}@example.com"),
            display_name: format!("User {user}"),
            department: (variant > 0).then(|| format!("Department {variant}")),
            status: UserStatus::Active,
            role: Role::Member,
            user_created_at: None,
            last_login_at: None,
            bundled: false,
            paid: product == 0,
            may_have_add_ons: false,
        },
        used_on: None,
    }
}

async fn walk(store: &Store, told: &Told, twice: bool, now: Timestamp) {
    let mut staging = store.begin_staging(ProfileId(1), "walk").await.unwrap();
    for _ in 0..=usize::from(twice) {
        for page in told.iter().collect::<Vec<_>>().chunks(3) {
            let seats = page
                .iter()
                .map(|((user, product), variant)| seat(*user, *product, **variant))
                .collect();
            let page = StagedPage {
                seats,
                matches: Vec::new(),
            };
            staging = staging.stage(page).await.unwrap();
        }
    }
    let walk = NewWalk {
        job: "job".into(),
        verdict: WalkVerdict::Complete,
        reason: None,
        report: WalkReport {
            completeness: Completeness::Complete,
            users: u64::try_from(told.len()).unwrap(),
            vendor_total: None,
            unrecognized: Vec::new(),
            walks: 1,
        },
        seats: staging.seats(),
        ended_at: now,
    };
    store
        .merge(staging, walk, Entries::default())
        .await
        .unwrap();
}

fn apply(
    model: &mut BTreeMap<(u8, u8), Row>,
    told: &Told,
    before: Option<Timestamp>,
    now: Timestamp,
) {
    for (key, row) in model.iter_mut() {
        if row.ended_at.is_none() && !told.contains_key(key) {
            row.ended_at = Some(now);
            row.last_seen = before;
        }
    }
    for (key, variant) in told {
        let row = model.entry(*key).or_insert(Row {
            variant: *variant,
            first_seen: now,
            ended_at: None,
            last_seen: None,
        });
        row.variant = *variant;
        row.ended_at = None;
        row.last_seen = None;
    }
}

async fn recorded(store: &Store) -> BTreeMap<(u8, u8), Row> {
    let filter = SubscriptionFilter {
        presence: Presence::Any,
        ..SubscriptionFilter::default()
    };
    let seats = store.subscriptions(filter, None, 1_000).await.unwrap();
    seats
        .into_iter()
        .map(|seat| {
            let user = seat.seat.external_user_id.strip_prefix("user-").unwrap();
            let key = (user.parse().unwrap(), u8::from(!seat.seat.paid));
            let department = seat.seat.department.unwrap_or_default();
            let variant = department.strip_prefix("Department ").unwrap_or("0");
            let row = Row {
                variant: variant.parse().unwrap(),
                first_seen: seat.first_seen,
                ended_at: seat.ended_at,
                last_seen: seat.last_seen.filter(|_| seat.ended_at.is_some()),
            };
            (key, row)
        })
        .collect()
}

/// Which walk wrote each row.
fn written(database: &Connection) -> BTreeMap<(String, String), i64> {
    database
        .prepare("SELECT external_user_id, identifier, walk FROM subscriptions")
        .unwrap()
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn merged_walks_are_what_a_map_says(
        walks in proptest::collection::vec(
            (proptest::collection::btree_map((0_u8..6, 0_u8..2), 0_u8..3, 0..10), any::<bool>()),
            1..7,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path()).unwrap();
            let database = Connection::open(folder.path().join("seatsync.db")).unwrap();
            database
                .execute_batch(
                    "INSERT INTO profiles (id, name, desired, digest, revision, applied_at)
                     VALUES (1, 'zoom', '{}', '', '', 0)",
                )
                .unwrap();
            let mut model = BTreeMap::new();
            let mut now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
            let mut before = None;
            for (told, twice) in walks {
                now += SignedDuration::from_hours(24);
                let held: BTreeMap<_, _> = model
                    .iter()
                    .filter(|(_, row): &(_, &Row)| row.ended_at.is_none())
                    .map(|(key, row)| (*key, row.variant))
                    .collect();
                let rows_before = written(&database);
                walk(&store, &told, twice, now).await;
                apply(&mut model, &told, before, now);
                prop_assert_eq!(recorded(&store).await, model.clone());
                let rewritten: BTreeSet<_> = written(&database)
                    .into_iter()
                    .filter(|(key, walk)| rows_before.get(key) != Some(walk))
                    .map(|(key, _)| key)
                    .collect();
                let changed = told.iter().filter(|(key, variant)| held.get(key) != Some(variant));
                prop_assert_eq!(rewritten.len(), changed.count());
                before = Some(now);
            }
            Ok(())
        })?;
    }
}
