//! Downloads against the simulated Aha! account: seats and last access in one walk, who joins and
//! leaves, and what may not be believed.

use std::ops::Deref;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use seatsync::clock::Clock as _;
use seatsync::connector::facts::{ActivityKind, Grade, Role};
use seatsync::job::OnceReport;
use seatsync::profile::model::SubflowKind;
use seatsync::store::condition::{ConditionKind, ConditionStatus};
use seatsync::store::job::{Job, JobState};
use seatsync::store::subscription::Subscription;
use seatsync::subflow::coverage;
use serde_json::json;
use vendor_sim::SimClock;
use vendor_sim::aha::{
    Action, AhaSim, AhaSimOptions, Cast, Control, Endpoint, Fault, NonAdmin, PersonChange, Switches,
};

use crate::ground::{Ground, desired};

/// A simulated Aha! account on a [`Ground`].
struct Bed {
    ground: Ground,
    sim: AhaSim,
}

impl Deref for Bed {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        &self.ground
    }
}

impl Bed {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut AhaSimOptions)) -> Self {
        let clock = Ground::monday_morning();
        let mut options = AhaSimOptions {
            users: 120,
            limits: false,
            clock: SimClock::following({
                let clock = clock.clone();
                move || clock.now()
            }),
            ..AhaSimOptions::default()
        };
        change(&mut options);
        let sim = AhaSim::start(options).await.unwrap();
        Self {
            ground: Ground::new(clock, "AHA_KEY", sim.api_key()),
            sim,
        }
    }

    fn aha(&self) -> &Control {
        self.sim.control()
    }

    fn id_of(&self, member: Cast) -> String {
        self.sim.cast(member).unwrap().id
    }

    fn change(&self, member: Cast, change: PersonChange) {
        self.aha()
            .change_person(&self.id_of(member), change)
            .unwrap();
    }

    async fn publish(&self) -> OnceReport {
        let connection = json!({
            "name": "aha", "vendor": "aha", "url": self.sim.api_url(), "grant": "api_key",
            "token_url": self.sim.token_url(), "authorize_url": self.sim.authorize_url(),
            "account_id": null, "client_id": null, "client_secret": null,
            "token": {"env": "AHA_KEY"}, "plan": "pro", "share": 100
        });
        self.apply_desired(&desired("aha", "aha", &connection))
            .await;
        self.run().await
    }

    async fn seat_of(&self, member: Cast) -> Subscription {
        let [seat] = self.seats_of(&self.id_of(member)).await.try_into().unwrap();
        seat
    }

    /// The last download.
    async fn last_job(&self) -> Job {
        let jobs = self.jobs().await;
        let mut downloads = jobs
            .into_iter()
            .filter(|job| job.subflow == SubflowKind::DownloadSubscriptions);
        downloads.next_back().unwrap()
    }
}

fn day(at: Timestamp) -> jiff::civil::Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn disabled() -> PersonChange {
    PersonChange {
        enabled: Some(false),
        ..PersonChange::default()
    }
}

#[tokio::test]
async fn publishing_downloads_seats_and_last_access_in_one_job() {
    let bed = Bed::start().await;
    let report = bed.publish().await;
    let [download, candidates] = report.jobs.as_slice() else {
        panic!("{:#?}", report.jobs);
    };
    assert_eq!(download.subflow, SubflowKind::DownloadSubscriptions);
    assert_eq!(candidates.subflow, SubflowKind::RefreshCandidates);
    let seats = bed.seats().await;
    // The second walk, which proves the first, tells nobody twice.
    let fetched = usize::try_from(bed.last_job().await.counts.fetched).unwrap();
    assert_eq!(fetched, seats.len());
    let people = bed.aha().people();
    let now = bed.clock_now();
    assert_eq!(seats.len(), people.iter().filter(|one| one.enabled).count());
    for person in people.iter().filter(|one| one.enabled) {
        let found = seats
            .iter()
            .find(|seat| seat.seat.external_user_id == person.id);
        let seat = found.unwrap_or_else(|| panic!("no seat of {person:?}"));
        let expected = person.accessed.filter(|at| *at <= now).map(day);
        assert_eq!(seat.last_hosted, expected, "{person:?}");
        let protected = seat.seat.role != Role::Member;
        assert_eq!(protected, person.administrator, "{person:?}");
    }
    let counted = bed.store.identifiers(None).await.unwrap();
    let paid = counted
        .iter()
        .find(|one| one.identifier == "aha.paid_seat")
        .unwrap();
    assert_eq!(
        (paid.seats, paid.paid),
        (bed.aha().seats().used, paid.seats)
    );
    assert_eq!(paid.assigned, Some(paid.seats));
    let unpaid = counted
        .iter()
        .find(|one| one.identifier == "aha.unpaid_seat")
        .unwrap();
    assert_eq!(unpaid.paid, 0);
}

#[tokio::test]
async fn a_complete_download_makes_the_days_before_it_known() {
    let bed = Bed::start().await;
    bed.publish().await;
    let profile = bed.id("aha").await;
    let now = bed.clock_now();
    let covers = |spans: &[_], back: i64, grade| {
        let from = day(now - SignedDuration::from_hours(24 * back));
        coverage::covers(spans, ActivityKind::SignIn, grade, from, now)
    };
    let known = bed.store.coverage(profile).await.unwrap();
    assert!(
        covers(&known, 60, Grade::Hosted) && covers(&known, 300, Grade::Hosted),
        "{known:?}"
    );
    assert!(known.iter().all(|span| span.last < day(now)), "{known:?}");

    // A walk that does not count makes no day known.
    bed.aha()
        .set_fault(Fault::on(Endpoint::ListUsers, Action::DropRows { rows: 1 }));
    bed.next_day().await;
    assert_eq!(bed.store.coverage(profile).await.unwrap(), known);
    bed.aha().clear_faults();
    bed.next_day().await;
    let later = bed.store.coverage(profile).await.unwrap();
    assert_eq!(
        later.iter().map(|span| span.last).max(),
        Some(day(now + SignedDuration::from_hours(24)))
    );
}

#[tokio::test]
async fn last_access_moves_forward_with_each_download_and_never_back() {
    let bed = Bed::start().await;
    bed.publish().await;
    let (member, idle) = (
        bed.seat_of(Cast::Member).await,
        bed.seat_of(Cast::Idle).await,
    );
    bed.next_day().await;
    let later = bed.seat_of(Cast::Member).await;
    assert!(later.last_hosted > member.last_hosted);
    assert_eq!(bed.seat_of(Cast::Idle).await.last_hosted, idle.last_hosted);
    assert!(bed.aha().sign_in(&bed.id_of(Cast::Idle), bed.clock_now()));
    bed.next_day().await;
    let back = bed.seat_of(Cast::Idle).await;
    let yesterday = bed.clock_now() - SignedDuration::from_hours(24);
    assert_eq!(back.last_hosted, Some(day(yesterday)));
    assert_eq!(
        back.last_activity.map(|last| last.grade),
        Some(Grade::Hosted)
    );
    assert_eq!(bed.seat_of(Cast::NeverSignedIn).await.last_activity, None);
}

#[tokio::test]
async fn an_access_that_lies_ahead_is_told_and_counts_when_its_day_has_come() {
    let bed = Bed::start().await;
    bed.publish().await;
    let job = bed.last_job().await;
    assert_eq!(job.state, JobState::PartiallyCompleted);
    let id = bed.id_of(Cast::FutureAccess);
    let message = job.failure.unwrap().message;
    assert!(
        message.contains(&id) && message.contains("2026-03-12"),
        "{message}"
    );
    assert_eq!(bed.seat_of(Cast::FutureAccess).await.last_activity, None);
    for _ in 0..12 {
        bed.next_day().await;
    }
    let seat = bed.seat_of(Cast::FutureAccess).await;
    assert_eq!(seat.last_hosted, Some(jiff::civil::date(2026, 3, 12)));
    assert_eq!(bed.last_job().await.state, JobState::Completed);
}

#[tokio::test]
async fn who_is_deactivated_loses_the_seat_and_gets_the_same_one_back() {
    let bed = Bed::start().await;
    bed.publish().await;
    let before = bed.seat_of(Cast::Idle).await;
    bed.change(Cast::Idle, disabled());
    let reviewer = PersonChange {
        paid_seat: Some(true),
        ..PersonChange::default()
    };
    bed.change(Cast::Reviewer, reviewer);
    bed.next_day().await;
    let ended = bed.seat_of(Cast::Idle).await;
    assert_eq!(
        (ended.id, ended.ended_by.as_deref()),
        (before.id, Some("download"))
    );
    let of_reviewer = bed.seats_of(&bed.id_of(Cast::Reviewer)).await;
    let held: Vec<&str> = of_reviewer
        .iter()
        .filter(|seat| seat.ended_at.is_none())
        .map(|seat| seat.seat.identifier.as_str())
        .collect();
    assert_eq!(
        (of_reviewer.len(), held.as_slice()),
        (2, ["aha.paid_seat"].as_slice())
    );

    let enabled = PersonChange {
        enabled: Some(true),
        ..PersonChange::default()
    };
    bed.change(Cast::Idle, enabled);
    bed.next_day().await;
    let back = bed.seat_of(Cast::Idle).await;
    assert_eq!((back.id, back.ended_at), (before.id, None));
    assert_eq!(
        (back.first_seen, back.last_hosted),
        (before.first_seen, before.last_hosted)
    );
}

#[tokio::test]
async fn a_list_of_half_the_users_is_held() {
    let bed = Bed::start().await;
    bed.publish().await;
    let before = bed.seats().await;
    for person in bed
        .aha()
        .people()
        .iter()
        .filter(|one| !one.administrator)
        .take(60)
    {
        assert!(bed.aha().remove_person(&person.id));
    }
    let report = bed.next_day().await;
    assert_eq!(report.jobs[0].state, JobState::Failed);
    let complete = bed.condition("aha", ConditionKind::Complete).await;
    assert_eq!(complete.reason, "TooFewUsers", "{complete:?}");
    assert_eq!(bed.seats().await, before);
}

#[tokio::test]
async fn rights_that_are_lost_after_publishing_end_no_seat() {
    let shortened: fn(&mut Switches) = |switches| switches.non_admin = NonAdmin::CallerOnly;
    let refused: fn(&mut Switches) = |switches| switches.non_admin = NonAdmin::Refused;
    for (switch, condition, said) in [
        (
            shortened,
            ConditionKind::Complete,
            "administers nothing at Aha!",
        ),
        (
            refused,
            ConditionKind::Stalled,
            "as a user who is an administrator",
        ),
    ] {
        let bed = Bed::start().await;
        bed.publish().await;
        let before = bed.seats().await;
        bed.aha().switch(switch);
        let demoted = PersonChange {
            administers_account: Some(false),
            ..PersonChange::default()
        };
        bed.change(Cast::TokenOwner, demoted);
        let report = bed.next_day().await;
        assert_eq!(report.jobs[0].state, JobState::Failed, "{:#?}", report.jobs);
        let told = bed.condition("aha", condition).await;
        assert!(told.message.contains(said), "{told:?}");
        assert_eq!(bed.seats().await, before);
    }
}

#[tokio::test]
async fn a_key_of_another_account_holds_the_profile() {
    let bed = Bed::start().await;
    bed.publish().await;
    let calls = bed.aha().requests().len();
    let set = Action::Set {
        pointer: "/user/accounts/0/account/domain".to_owned(),
        value: json!("elsewhere"),
    };
    bed.aha().set_fault(Fault::on(Endpoint::Me, set));
    bed.next_day().await;
    let held = bed.condition("aha", ConditionKind::Held).await;
    assert_eq!(
        (held.status, held.reason.as_str()),
        (ConditionStatus::True, "OtherAccount")
    );
    assert!(held.message.contains("`example`") && held.message.contains("`elsewhere`"));
    assert_eq!(
        bed.aha().requests().len(),
        calls + 1,
        "nothing but whose key it is"
    );
}

#[tokio::test]
async fn validating_proves_every_process_before_the_first_download() {
    let bed = Bed::start().await;
    bed.publish().await;
    let download = bed
        .condition(
            "aha",
            ConditionKind::Validated(seatsync::connector::facts::Process::Download),
        )
        .await;
    assert_eq!(download.status, ConditionStatus::True);
    assert!(
        download.message.contains("Aha! lists 120 users"),
        "{download:?}"
    );
    assert!(bed.aha().requests().iter().all(|request| !request.wrote()));
}
