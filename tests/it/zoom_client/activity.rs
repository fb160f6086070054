//! Who hosted what, against what the simulated people truly did.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};
use seatsync::clock::Clock as _;
use seatsync::connector::facts::{
    Activity, ActivityKind, ActivityPage, ActivityPlan, ActivitySource, ActivityUser, Grade,
};
use seatsync::connector::{AnyConnector, Connector as _, ConnectorError};
use tokio::sync::mpsc;
use vendor_sim::zoom::{Action, Cast, Endpoint, Fault, Hosted, HostedKind, Refusal, Shape};

use super::{Bench, impatient};

/// The one way in which Zoom's activity can be had with the scopes granted.
async fn plan_of(zoom: &AnyConnector) -> ActivityPlan {
    let [plan] = zoom.activity_plans().await.unwrap().try_into().unwrap();
    plan
}

async fn of_day(zoom: &AnyConnector, day: Date) -> (Result<(), ConnectorError>, Vec<Activity>) {
    let plan = plan_of(zoom).await;
    let (sender, mut receiver) = mpsc::channel::<ActivityPage>(2);
    let gather = async {
        let mut all = Vec::new();
        while let Some(page) = receiver.recv().await {
            all.extend(page.activities);
        }
        all
    };
    tokio::join!(zoom.activity_of_day(&plan, day, sender), gather)
}

/// A working day of the week before.
const FRIDAY: Date = date(2026, 2, 27);

fn scopes(bench: &Bench, scopes: &[&str]) {
    let client_id = bench.sim.client_id().to_owned();
    let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
    bench
        .control()
        .change_app(&client_id, |app| app.scopes = scopes);
}

const LISTS: &[&str] = &[
    "user:read:admin",
    "meeting:read:admin",
    "webinar:read:admin",
];

#[tokio::test]
async fn the_last_sixty_days_tell_when_everybody_last_hosted() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    let plan = plan_of(&zoom).await;
    assert_eq!(plan.source, ActivitySource::ReportsByDay);
    assert_eq!(plan.kinds, [ActivityKind::Meeting, ActivityKind::Webinar]);
    assert_eq!(plan.missing, [""; 0]);
    let today = bench.clock.now().to_zoned(TimeZone::UTC).date();
    let first = today.checked_sub(60.days()).unwrap();
    let mut meetings: BTreeMap<String, Date> = BTreeMap::new();
    let mut webinars: BTreeMap<String, Date> = BTreeMap::new();
    for day in first.series(1.day()).take_while(|day| *day < today) {
        let (read, activities) = of_day(&zoom, day).await;
        read.unwrap();
        for activity in activities {
            assert_eq!((activity.day, activity.grade), (day, Grade::Hosted));
            assert!(activity.count > 0);
            match (activity.kind, activity.user) {
                (ActivityKind::Meeting, ActivityUser::Id(id)) => meetings.insert(id, day),
                (ActivityKind::Webinar, ActivityUser::Email(email)) => webinars.insert(email, day),
                other => panic!("{other:?}"),
            };
        }
    }
    assert!(!webinars.is_empty());
    let mut hosts = 0;
    let within = |at: Option<jiff::Timestamp>| {
        let day = at.map(|at| at.to_zoned(TimeZone::UTC).date());
        day.filter(|day| *day >= first)
    };
    for truth in bench.control().truth() {
        let (meeting, webinar) = (within(truth.last_meeting), within(truth.last_webinar));
        if meeting == Some(today) || webinar == Some(today) {
            continue;
        }
        hosts += usize::from(meeting.is_some());
        assert_eq!(meetings.get(&truth.id).copied(), meeting, "{truth:?}");
        let email = truth.email.to_lowercase();
        assert_eq!(webinars.get(&email).copied(), webinar, "{truth:?}");
    }
    assert!(hosts > 20, "{hosts}");
}

#[tokio::test]
async fn a_report_that_breaks_once_is_read_again() {
    let cases = [
        Action::RepeatToken,
        Action::CutWalk,
        Action::DropRows { rows: 1 },
        Action::RepeatRows { rows: 1 },
        Action::Refuse {
            refusal: Refusal::BadPageToken,
        },
        Action::TruncateJson { bytes: 200 },
    ];
    let bench = Bench::with(
        seatsync::connector::ConnectorOptions {
            page_size: 5,
            ..impatient()
        },
        |_| {},
    )
    .await;
    let (read, whole) = of_day(&bench.zoom(), FRIDAY).await;
    read.unwrap();
    let hosts = |activities: &[Activity]| -> BTreeSet<String> {
        activities
            .iter()
            .map(|one| format!("{:?} {:?}", one.user, one.kind))
            .collect()
    };
    assert!(hosts(&whole).len() > 12);
    for action in cases {
        bench.control().clear_faults();
        bench.control().set_fault(
            Fault::on(Endpoint::ReportUsers, action.clone())
                .after(1)
                .times(1),
        );
        let (read, found) = of_day(&bench.zoom(), FRIDAY).await;
        read.unwrap();
        assert_eq!(hosts(&found), hosts(&whole), "{action:?}");
    }
}

#[tokio::test]
async fn a_report_that_stays_short_is_an_error_and_not_a_quiet_day() {
    for (endpoint, action) in [
        (Endpoint::ReportUsers, Action::DropRows { rows: 1 }),
        (Endpoint::ReportUsers, Action::RepeatToken),
        (
            Endpoint::ReportUsers,
            Action::Refuse {
                refusal: Refusal::NoPermission,
            },
        ),
        (
            Endpoint::HistoryMeetings,
            Action::Refuse {
                refusal: Refusal::InternalError,
            },
        ),
    ] {
        let bench = Bench::with(
            seatsync::connector::ConnectorOptions {
                page_size: 5,
                ..impatient()
            },
            |_| {},
        )
        .await;
        bench
            .control()
            .set_fault(Fault::on(endpoint, action.clone()));
        let (read, _) = of_day(&bench.zoom(), FRIDAY).await;
        let error = read.unwrap_err();
        assert!(
            error.context().unwrap().step.contains("2026-02-27"),
            "{action:?}: {error}"
        );
    }
}

#[tokio::test]
async fn shapes_seen_in_the_field_read_the_same() {
    let bench = Bench::start().await;
    let (_, whole) = of_day(&bench.zoom(), FRIDAY).await;
    for shape in [
        Shape::CustomAttributesObject,
        Shape::CustomAttributesArray,
        Shape::GroupString,
        Shape::UnknownFields,
    ] {
        bench.control().clear_faults();
        for endpoint in [Endpoint::ReportUsers, Endpoint::HistoryMeetings] {
            bench
                .control()
                .set_fault(Fault::on(endpoint, Action::Reshape { shape }));
        }
        let (read, found) = of_day(&bench.zoom(), FRIDAY).await;
        read.unwrap();
        assert_eq!(found, whole, "{shape:?}");
    }
}

#[tokio::test]
async fn a_hosts_webinars_of_a_day_are_one_fact() {
    let bench = Bench::start().await;
    let host = bench.control().cast(Cast::WebinarIdle).unwrap();
    for hour in [8, 9, 23] {
        let start = FRIDAY.at(hour, 30, 0, 0).to_zoned(TimeZone::UTC).unwrap();
        let webinar = Hosted {
            kind: HostedKind::Webinar,
            start: start.timestamp(),
            minutes: 20,
            participants: 3,
        };
        assert!(bench.control().host(&host.id, &webinar));
    }
    let (read, found) = of_day(&bench.zoom(), FRIDAY).await;
    read.unwrap();
    let email = ActivityUser::Email(host.email.to_lowercase());
    let found: Vec<Activity> = found.into_iter().filter(|one| one.user == email).collect();
    let expected = Activity {
        user: email,
        kind: ActivityKind::Webinar,
        day: FRIDAY,
        count: 3,
        grade: Grade::Hosted,
    };
    assert_eq!(found, [expected]);
}

#[tokio::test]
async fn where_one_day_is_refused_two_are_asked_for_and_what_they_tell_counts_for_the_later() {
    let bench = Bench::start().await;
    let host = bench.control().cast(Cast::NeverHosted).unwrap();
    let thursday = FRIDAY.yesterday().unwrap();
    let start = thursday.at(9, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
    let meeting = Hosted {
        kind: HostedKind::Scheduled,
        start: start.timestamp(),
        minutes: 20,
        participants: 3,
    };
    assert!(bench.control().host(&host.id, &meeting));
    let zoom = bench.zoom();
    let of_host = |activities: &[Activity]| -> Vec<Date> {
        let id = ActivityUser::Id(host.id.clone());
        let own = activities.iter().filter(|one| one.user == id);
        own.map(|one| one.day).collect()
    };
    let (read, single) = of_day(&zoom, FRIDAY).await;
    read.unwrap();
    assert_eq!(
        of_host(&single),
        [],
        "the day itself is asked for where it may be"
    );

    bench
        .control()
        .switch(|switches| switches.single_day_reports = false);
    bench.control().clear_requests();
    for day in [thursday, FRIDAY] {
        let (read, activities) = of_day(&zoom, day).await;
        read.unwrap();
        assert_eq!(of_host(&activities), [day]);
    }
    let requests = bench.requests_to(Endpoint::ReportUsers);
    let refused = requests.iter().filter(|request| request.status == 400);
    assert_eq!(refused.count(), 1, "it is remembered: {requests:#?}");
}

#[tokio::test]
async fn without_report_scopes_each_users_lists_tell_what_was_scheduled() {
    let bench = Bench::start().await;
    scopes(&bench, LISTS);
    let zoom = bench.zoom();
    let plan = plan_of(&zoom).await;
    assert_eq!(plan.source, ActivitySource::ListsByUser);
    let since = date(2026, 2, 1);
    let listed = async |member: Cast| {
        let person = bench.control().cast(member).unwrap();
        let page = zoom.activity_of_user(&person.id, since).await.unwrap();
        for activity in &page.activities {
            assert_eq!(activity.grade, Grade::Listed);
            assert_eq!(activity.user, ActivityUser::Id(person.id.clone()));
            assert!(activity.day >= since);
        }
        page.activities
    };
    let regular = listed(Cast::Regular).await;
    assert!(!regular.is_empty());
    let today = bench.clock.now().to_zoned(TimeZone::UTC).date();
    assert!(regular.iter().all(|activity| activity.day <= today));
    // The lists are blind to instant meetings, and show one that never took place.
    assert_eq!(listed(Cast::InstantOnly).await, []);
    assert!(!listed(Cast::StaleSchedule).await.is_empty());
    let webinars = listed(Cast::WebinarHost).await;
    assert!(webinars.iter().any(|one| one.kind == ActivityKind::Webinar));
    // No webinar plan, no right to host, gone: facts, and no failures.
    assert_eq!(listed(Cast::NoLicence).await, []);
    assert_eq!(listed(Cast::BasicIdle).await, []);
    let gone = zoom.activity_of_user("nobody-of-that-id", since).await;
    assert_eq!(gone.unwrap(), ActivityPage::default());
    let invited = zoom
        .activity_of_user("pending:new@example.com", since)
        .await;
    assert_eq!(invited.unwrap(), ActivityPage::default());
}

#[tokio::test]
async fn lists_of_several_pages_are_read_whole() {
    let options = seatsync::connector::ConnectorOptions {
        page_size: 2,
        ..impatient()
    };
    let bench = Bench::with(options, |_| {}).await;
    scopes(&bench, LISTS);
    let person = bench.control().cast(Cast::BasicIdle).unwrap();
    let start = bench.clock.now() - SignedDuration::from_hours(24 * 10);
    for days in 0..7 {
        let meeting = Hosted {
            kind: HostedKind::Scheduled,
            start: start + SignedDuration::from_hours(24 * days),
            minutes: 30,
            participants: 2,
        };
        assert!(bench.control().host(&person.id, &meeting));
    }
    let page = bench
        .zoom()
        .activity_of_user(&person.id, date(2026, 2, 1))
        .await
        .unwrap();
    let days: BTreeSet<Date> = page.activities.iter().map(|one| one.day).collect();
    assert_eq!(days.len(), 7, "{page:?}");
}

#[tokio::test]
async fn no_scope_for_any_activity_is_an_error_that_names_them() {
    let bench = Bench::start().await;
    scopes(&bench, &["user:read:admin"]);
    let error = bench.zoom().activity_plans().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "pull user activity: scope report:read:list_users:admin or report:read:admin or meeting:read:list_meetings:admin or meeting:read:admin is not granted: add it to the vendor app and authorise again"
    );
}

#[tokio::test]
async fn webinars_are_left_out_where_their_report_is_not_granted() {
    let bench = Bench::start().await;
    scopes(&bench, &["user:read:admin", "report:read:list_users:admin"]);
    let zoom = bench.zoom();
    let plan = plan_of(&zoom).await;
    assert_eq!(plan.kinds, [ActivityKind::Meeting]);
    let (read, found) = of_day(&zoom, FRIDAY).await;
    read.unwrap();
    assert!(found.iter().all(|one| one.kind == ActivityKind::Meeting));
    assert!(bench.requests_to(Endpoint::HistoryMeetings).is_empty());
}
