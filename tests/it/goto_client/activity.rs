//! Who used what: sessions organizer by organizer, calls and support day by day.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use seatsync::connector::facts::{
    Activity, ActivityKind, ActivityPage, ActivityPlan, ActivitySource, ActivityUser, Grade,
};
use seatsync::connector::{AnyConnector, Connector as _, ConnectorError};
use tokio::sync::mpsc;
use vendor_sim::goto::{Action, Cast, Endpoint, Fault, Kind, Refusal};

use super::Bench;

/// 60 days before the start.
const SINCE: Date = date(2026, 1, 1);

fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

async fn plan_for(goto: &AnyConnector, kind: ActivityKind) -> ActivityPlan {
    let plans = goto.activity_plans().await.unwrap();
    let mut plans = plans.into_iter().filter(|plan| plan.kinds.contains(&kind));
    plans.next().unwrap()
}

/// The last day of each user in these days.
async fn last_days(
    goto: &AnyConnector,
    plan: &ActivityPlan,
    (first, last): (Date, Date),
) -> BTreeMap<ActivityKey, Date> {
    let mut found = BTreeMap::new();
    for day in first.series(1.day()).take_while(|day| *day <= last) {
        let (sender, mut receiver) = mpsc::channel::<ActivityPage>(2);
        let gather = async {
            let mut all: Vec<Activity> = Vec::new();
            while let Some(page) = receiver.recv().await {
                all.extend(page.activities);
            }
            all
        };
        let (read, all) = tokio::join!(goto.activity_of_day(plan, day, sender), gather);
        read.unwrap();
        for activity in all {
            assert_eq!((activity.day, activity.grade), (day, Grade::Hosted));
            let (ActivityUser::Id(user) | ActivityUser::Email(user)) = activity.user;
            found.insert(user, day);
        }
    }
    found
}

type ActivityKey = String;

#[tokio::test]
async fn a_time_that_cannot_be_read_is_no_proof_of_disuse() {
    let bench = Bench::start().await;
    let trainer = bench.key(Cast::Trainer);
    for (endpoint, pointer) in [
        (Endpoint::OrganizerMeetings, "/0/startTime"),
        (Endpoint::TrainingSessions, "/0/sessionStartTime"),
        (
            Endpoint::OrganizerSessions,
            "/_embedded/sessionInfoResources/0/startTime",
        ),
    ] {
        bench.control().clear_faults();
        let garbled = Action::Set {
            pointer: pointer.to_owned(),
            value: "last Tuesday".into(),
        };
        bench.control().set_fault(Fault::on(endpoint, garbled));
        let member = match endpoint {
            Endpoint::TrainingSessions => trainer.clone(),
            Endpoint::OrganizerSessions => bench.key(Cast::WebinarOrganizer),
            _ => bench.key(Cast::Admin),
        };
        let read = bench.goto().activity_of_user(&member, SINCE).await;
        let error = read.unwrap_err();
        assert!(
            matches!(error, ConnectorError::Malformed { .. })
                && error.to_string().contains("`last Tuesday`"),
            "{endpoint:?} {error}"
        );
    }
}

#[tokio::test]
async fn a_call_or_a_support_session_whose_time_cannot_be_read_ends_the_day() {
    for (kind, endpoint, pointer, closed) in [
        (
            ActivityKind::Call,
            Endpoint::CallHistory,
            "/items/0/startTime",
            &[][..],
        ),
        (
            ActivityKind::Call,
            Endpoint::CallEvents,
            "/items/0/callCreated",
            &["call-history.v1.read"],
        ),
        (
            ActivityKind::Support,
            Endpoint::ExtendedSessions,
            "/sessions/0/startedAt",
            &[],
        ),
    ] {
        let bench = Bench::start().await;
        bench.control().grant_only(&ALL_BUT(closed));
        let goto = bench.goto();
        let plan = plan_for(&goto, kind).await;
        let garbled = Action::Set {
            pointer: pointer.to_owned(),
            value: "last Tuesday".into(),
        };
        bench.control().set_fault(Fault::on(endpoint, garbled));
        let mut told = Vec::new();
        for day in WEEKS.0.series(1.day()).take_while(|day| *day <= WEEKS.1) {
            let (pages, mut received) = mpsc::channel(8);
            let read = goto.activity_of_day(&plan, day, pages).await;
            if let Err(error) = read {
                assert!(
                    received.recv().await.is_none(),
                    "{day}: half of it was told"
                );
                told.push(error);
            }
        }
        assert!(!told.is_empty(), "{endpoint:?}");
        for error in told {
            assert!(
                matches!(error, ConnectorError::Malformed { .. })
                    && error.to_string().contains("`last Tuesday`"),
                "{endpoint:?} {error}"
            );
        }
    }
}

async fn of(bench: &Bench, goto: &AnyConnector, member: Cast) -> Vec<Activity> {
    let page = goto
        .activity_of_user(&bench.key(member), SINCE)
        .await
        .unwrap();
    assert!(page.activities.iter().all(|one| one.grade == Grade::Hosted));
    page.activities
}

fn last(activities: &[Activity], kind: ActivityKind) -> Option<Date> {
    let days = activities.iter().filter(|one| one.kind == kind);
    days.map(|one| one.day).max()
}

#[tokio::test]
async fn each_way_of_knowing_covers_its_kinds() {
    use ActivityKind::{Call, Meeting, Support, Training, Webinar};
    let bench = Bench::start().await;
    let plans = bench.goto().activity_plans().await.unwrap();
    let told: Vec<(ActivitySource, Vec<ActivityKind>, u32)> = plans
        .into_iter()
        .map(|plan| {
            assert_eq!(plan.missing, [""; 0]);
            (plan.source, plan.kinds, plan.keeps_days)
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                ActivitySource::ReportsByUser,
                vec![Meeting, Webinar, Training],
                180
            ),
            (ActivitySource::ReportsByDay, vec![Support], 30),
            (ActivitySource::ReportsByDay, vec![Call], 390),
        ]
    );
}

#[tokio::test]
async fn sessions_tell_when_an_organizer_last_held_something() {
    let bench = Bench::start().await;
    let goto = bench.goto();
    let truth = |email: &str, kind| {
        let last = bench.control().last(email, kind).map(day_of);
        last.filter(|day| *day >= SINCE)
    };
    for (member, email) in [
        (Cast::Admin, "ada.admin@example.com"),
        (Cast::WebinarOrganizer, "wendy.webinar@example.com"),
        (Cast::Idle, "ida.idle@example.com"),
        (Cast::NeverHosted, "ned.never@example.com"),
        (Cast::Trainer, "tina.trainer@example.com"),
    ] {
        let found = of(&bench, &goto, member).await;
        for (kind, sim) in [
            (ActivityKind::Meeting, Kind::Meeting),
            (ActivityKind::Webinar, Kind::Webinar),
            (ActivityKind::Training, Kind::Training),
        ] {
            assert_eq!(last(&found, kind), truth(email, sim), "{email} {kind:?}");
        }
    }
    assert!(
        of(&bench, &goto, Cast::Idle).await.is_empty(),
        "70 days ago"
    );
}

#[tokio::test]
async fn only_what_was_held_counts_and_whoever_started_it_counts_too() {
    let bench = Bench::start().await;
    let goto = bench.goto();
    assert!(of(&bench, &goto, Cast::SchedulesOnly).await.is_empty());
    let by_maker = of(&bench, &goto, Cast::WebinarOrganizer).await;
    let co_host = ActivityUser::Id(bench.key(Cast::CoHost));
    let credited = by_maker.iter().filter(|one| one.user == co_host).count();
    assert!(credited > 0);
    let own = of(&bench, &goto, Cast::CoHost).await;
    assert!(own.iter().any(|one| one.user == co_host));
}

#[tokio::test]
async fn windows_are_no_longer_than_what_was_seen_to_be_answered() {
    let bench = Bench::start().await;
    let goto = bench.goto();
    let key = bench.key(Cast::Admin);
    goto.activity_of_user(&key, date(2025, 9, 3)).await.unwrap();
    let asked = bench.requests_to(Endpoint::OrganizerMeetings);
    assert_eq!(asked.len(), 3, "180 days in windows of 90");
    let param = |at: usize, name: &str| {
        let query = &asked[at].query;
        query.iter().find(|(key, _)| key == name).unwrap().1.clone()
    };
    assert_eq!(param(0, "endDate"), param(1, "startDate"));
    assert_eq!(param(2, "endDate"), "2026-03-02T09:00:00Z");
}

#[tokio::test]
async fn an_organizer_nobody_knows_there_held_nothing_and_a_refused_one_is_told() {
    let bench = Bench::start().await;
    let goto = bench.goto();
    let key = bench.key(Cast::Admin);
    let refuse = |refusal| Fault::on(Endpoint::OrganizerMeetings, Action::Refuse { refusal });
    bench.control().set_fault(refuse(Refusal::NotFound));
    assert!(
        goto.activity_of_user(&key, SINCE)
            .await
            .unwrap()
            .activities
            .is_empty()
    );
    bench.control().clear_faults();
    bench.control().set_fault(refuse(Refusal::Forbidden));
    let error = goto.activity_of_user(&key, SINCE).await.unwrap_err();
    assert!(
        error.to_string().contains("You do not have permission"),
        "{error}"
    );
}

#[tokio::test]
async fn offsets_without_a_colon_are_times_too() {
    let bench = Bench::start().await;
    bench
        .control()
        .switch(|switches| switches.meeting_times_with_offset = true);
    assert!(!of(&bench, &bench.goto(), Cast::Admin).await.is_empty());
}

/// Ten working days and the weekends between.
const WEEKS: (Date, Date) = (date(2026, 2, 14), date(2026, 2, 27));

#[tokio::test]
async fn calls_are_told_by_key_where_the_call_history_is_open() {
    let bench = Bench::start().await;
    let goto = bench.goto();
    let plan = plan_for(&goto, ActivityKind::Call).await;
    let found = last_days(&goto, &plan, WEEKS).await;
    assert!(found.contains_key(&bench.key(Cast::Caller)));
    assert!(found.contains_key(&bench.key(Cast::Namesake)));
    assert!(found.contains_key(&bench.key(Cast::WebinarOrganizer)));
    assert!(!found.contains_key(&bench.key(Cast::OtherNamesake)));
    assert!(!found.contains_key(&bench.key(Cast::SilentCaller)));
    assert!(found.keys().all(|key| !key.starts_with("pbx:")));
    let last = bench
        .control()
        .last("carla.caller@example.com", Kind::Call)
        .unwrap();
    if day_of(last) <= WEEKS.1 {
        assert_eq!(found.get(&bench.key(Cast::Caller)), Some(&day_of(last)));
    }
}

const ALL_BUT: fn(&[&str]) -> Vec<&'static str> = |without| {
    let all = [
        "identity:",
        "collab:",
        "support:",
        "cr.v1.read",
        "users.v1.lines.read",
        "call-events.v1.events.read",
        "call-history.v1.read",
    ];
    all.into_iter()
        .filter(|scope| !without.contains(scope))
        .collect()
};

#[tokio::test]
async fn the_call_events_report_stands_in_for_the_history() {
    let bench = Bench::start().await;
    let by_history = last_days(
        &bench.goto(),
        &plan_for(&bench.goto(), ActivityKind::Call).await,
        WEEKS,
    )
    .await;
    let bench = Bench::start().await;
    bench
        .control()
        .grant_only(&ALL_BUT(&["call-history.v1.read"]));
    let goto = bench.goto();
    let plan = plan_for(&goto, ActivityKind::Call).await;
    assert_eq!(last_days(&goto, &plan, WEEKS).await, by_history);
    assert!(bench.requests_to(Endpoint::CallEvents).len() > 14);
}

#[tokio::test]
async fn by_name_alone_a_shared_name_stays_unresolved() {
    let bench = Bench::start().await;
    bench.control().grant_only(&ALL_BUT(&[
        "call-history.v1.read",
        "call-events.v1.events.read",
    ]));
    let goto = bench.goto();
    let plan = plan_for(&goto, ActivityKind::Call).await;
    assert!(
        plan.missing
            .join("")
            .contains("names are shared by several"),
        "{:?}",
        plan.missing
    );
    let found = last_days(&goto, &plan, WEEKS).await;
    assert!(found.contains_key(&bench.key(Cast::Caller)));
    for member in [Cast::Namesake, Cast::OtherNamesake] {
        assert!(
            !found.contains_key(&bench.key(member)),
            "{member:?} was guessed"
        );
    }
    assert!(found.keys().any(|key| key.starts_with("pbx:")));
}

#[tokio::test]
async fn without_its_own_connection_goto_connect_is_not_read_and_that_is_said() {
    let mut bench = Bench::start().await;
    bench.second = None;
    let plans = bench.goto().activity_plans().await.unwrap();
    assert!(
        plans
            .iter()
            .all(|plan| !plan.kinds.contains(&ActivityKind::Call))
    );
    let missing: Vec<&String> = plans.iter().flat_map(|plan| &plan.missing).collect();
    assert!(missing[0].contains("connect_connection"), "{missing:?}");
}

#[tokio::test]
async fn support_sessions_name_the_expert() {
    let bench = Bench::start().await;
    let goto = bench.goto();
    let plan = plan_for(&goto, ActivityKind::Support).await;
    let found = last_days(&goto, &plan, WEEKS).await;
    assert!(found.contains_key(&bench.key(Cast::Supporter)), "{found:?}");
}
