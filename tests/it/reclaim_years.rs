//! Years of days at a vendor that fails, under people who come, go and work, against the truth: what was
//! written is compared with what the simulated account knows, by no code of the product.
//!
//! `SEATSYNC_DAYS=N` asks for so many profile-days in all.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use seatsync::reclamation::actor::Actor;
use seatsync::reclamation::candidate::State;
use seatsync::reclamation::guard::Guard;
use seatsync::settings::Guards;
use seatsync::store::candidate::CandidateFilter;
use seatsync::store::reclaim::ReclaimStanding;
use seatsync::subflow::decide::{Decision, decide};
use serde_json::json;
use vendor_sim::zoom::{
    Action, Endpoint, Fault, Hosted, HostedKind, LoggedRequest, PersonChange, Population,
};

use crate::bed::{Bed, name};

/// Profile-days in all, when nobody asks for more.
const DAYS: u32 = 1_000;
/// Accounts that are lived through side by side.
const WORLDS: u32 = 20;
/// The rule's threshold.
const THRESHOLD_DAYS: i64 = 14;
/// Writes without which the run proves nothing, for each ten profile-days.
const LEAST_WRITES: u64 = 1;

/// Numbers that look random and are always the same for a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.roll() % n.max(1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let at = self.below(list.len() as u64);
        list.get(usize::try_from(at).unwrap())
    }
}

/// What a world counted.
#[derive(Debug, Default)]
struct Tally {
    writes: u64,
    crashes: u64,
    withheld: BTreeMap<Guard, u64>,
}

struct World {
    bed: Bed,
    dice: Dice,
    excluded: BTreeSet<String>,
    protected: BTreeSet<String>,
    /// Entries that were lifted, and when.
    lifted: BTreeMap<String, Timestamp>,
    /// A run was cut: until the next one looks, nobody else changes a licence, or which of the two
    /// changes a seat shows could not be told.
    cut: bool,
    tally: Tally,
}

impl World {
    async fn begin(seed: u64) -> Self {
        let mut bed = Bed::with(|options| {
            options.users = 40;
            options.seed = seed;
            options.population = Population {
                licensed: 0.8,
                events: 0.0,
                large_meeting: 0.0,
                webinar: 0.1,
                former: 0.0,
                ..Population::default()
            };
        })
        .await;
        bed.allow_writes();
        let world = Self {
            bed,
            dice: Dice(seed),
            excluded: BTreeSet::new(),
            protected: BTreeSet::new(),
            lifted: BTreeMap::new(),
            cut: false,
            tally: Tally::default(),
        };
        world.apply().await;
        world
    }

    async fn apply(&self) {
        let entry = |user: &String| json!({"user": user, "reason": "test", "expires": null});
        let excluded: Vec<_> = self.excluded.iter().collect();
        let protected: Vec<_> = self.protected.iter().collect();
        self.bed
            .apply("zoom", |profile| {
                profile["profile"]["subflows"]["reclaim_subscriptions"]["enabled"] = true.into();
                profile["profile"]["subflows"]["analyze_from"] = "16d".into();
                profile["profile"]["reclamation"] = json!({
                    "mode": "automatic", "notify_user": false, "cool_down": "1d",
                    "last_activity_threshold": format!("{THRESHOLD_DAYS}d"),
                });
                profile["exclusions"] = excluded
                    .iter()
                    .map(|user| {
                        json!({
                            "origin": "Profile zoom", "target": {"users": {"user": user}},
                            "reason": "test", "expires": null,
                        })
                    })
                    .collect();
                profile["protected"] = protected
                    .iter()
                    .map(|user| json!({"origin": "Profile zoom", "entry": entry(user)}))
                    .collect();
            })
            .await;
    }

    fn now(&self) -> Timestamp {
        self.bed.clock_now()
    }

    /// What people do on a day, and what goes wrong at the vendor.
    async fn live(&mut self) {
        let people: Vec<_> = self
            .bed
            .zoom()
            .truth()
            .into_iter()
            .filter_map(|truth| self.bed.zoom().person(&truth.id))
            .collect();
        for _ in 0..self.dice.below(4) {
            if let Some(person) = self.dice.pick(&people) {
                let hours = i64::try_from(self.dice.below(20)).unwrap();
                let at = self.now() - SignedDuration::from_hours(hours);
                let kind = if self.dice.one_in(2) {
                    HostedKind::Instant
                } else {
                    HostedKind::Scheduled
                };
                let hosted = Hosted {
                    kind,
                    ..Hosted::meeting(at)
                };
                self.bed.zoom().host(&person.id, &hosted);
            }
        }
        let basic: Vec<_> = people
            .iter()
            .filter(|person| person.kind == 1 && person.status == "active")
            .collect();
        if let Some(person) = self.dice.pick(&basic)
            && !std::mem::take(&mut self.cut)
        {
            let licensed = PersonChange {
                kind: Some(2),
                ..PersonChange::default()
            };
            self.bed.zoom().change_person(&person.id, licensed).unwrap();
        }
        if self.dice.one_in(20) {
            let newcomer = PersonChange {
                email: Some(format!("new{}@example.com", self.dice.roll())),
                kind: Some(2),
                created: Some(self.now()),
                ..PersonChange::default()
            };
            self.bed.zoom().add_person(newcomer).unwrap();
        }
        if people.len() > 36
            && self.dice.one_in(20)
            && let Some(person) = self.dice.pick(&people)
            && person.role_id == "2"
        {
            self.bed.zoom().remove_person(&person.id);
        }
        if self.dice.one_in(6)
            && let Some(person) = self.dice.pick(&people)
        {
            self.edit(person.id.clone()).await;
        }
    }

    /// Somebody is excluded or protected, or is no longer.
    async fn edit(&mut self, user: String) {
        let list = if self.dice.one_in(2) {
            &mut self.excluded
        } else {
            &mut self.protected
        };
        let lifted = if list.len() > 4 {
            list.pop_first()
        } else {
            None
        };
        list.insert(user.clone());
        if let Some(lifted) = lifted {
            self.lifted.insert(lifted, self.bed.clock_now());
        }
        self.apply().await;
    }

    fn fault(&mut self) -> Option<Action> {
        Some(match self.dice.below(12) {
            0 => Action::Html {
                status: 502,
                after_effect: false,
            },
            1 => Action::Html {
                status: 500,
                after_effect: true,
            },
            2 => Action::Reset { after_effect: true },
            3 => Action::Reset {
                after_effect: false,
            },
            4 => Action::TruncateJson { bytes: 40 },
            5 => Action::DropRows { rows: 5 },
            6 => Action::Hang,
            _ => return None,
        })
    }

    /// One day: the vendor may fail, the daemon may be cut.
    async fn day(&mut self) {
        self.live().await;
        self.bed.zoom().clear_faults();
        self.bed.zoom().clear_requests();
        let hangs = match self.fault() {
            None => false,
            Some(action) => {
                let endpoints = [
                    Endpoint::ListUsers,
                    Endpoint::ReportUsers,
                    Endpoint::GetUser,
                    Endpoint::GetSettings,
                    Endpoint::UpdateUser,
                    Endpoint::UpdateUser,
                    Endpoint::UpdateSettings,
                    Endpoint::UserMeetings,
                    Endpoint::ReportUserMeetings,
                ];
                let endpoint = *self.dice.pick(&endpoints).unwrap();
                let after = u32::try_from(self.dice.below(4)).unwrap();
                let hangs = action == Action::Hang;
                let mut fault = Fault::on(endpoint, action).after(after).times(1);
                fault.name = "today's trouble".to_owned();
                self.bed.zoom().set_fault(fault);
                hangs
            }
        };
        let before = self.bed.id("zoom").await;
        let standing = self.bed.store.reclaim_standing(before).await.unwrap();
        self.release(&standing).await;
        let begun = self.now();
        if hangs {
            self.run_until_cut().await;
        } else {
            self.bed.run().await;
        }
        self.judge(begun);
        self.bed.zoom().clear_faults();
        if self.dice.one_in(3) {
            let begun = self.now();
            self.bed.zoom().clear_requests();
            self.bed.run().await;
            self.judge(begun);
        }
        self.bed.clock.advance(SignedDuration::from_hours(24));
    }

    /// A person releases what is held, on most days.
    async fn release(&mut self, standing: &ReclaimStanding) {
        let Some(plan) = &standing.last_plan else {
            return;
        };
        for report in &plan.guards {
            *self.tally.withheld.entry(report.guard).or_default() += report.withheld;
        }
        let mut held = plan.held_by().peekable();
        if held.peek().is_some() && held.all(|report| report.guard.is_releasable()) {
            let id = self.bed.id("zoom").await;
            let digest = plan.digest.clone();
            let by = Actor::Peer(0);
            let now = self.now();
            self.bed
                .store
                .release_plan(id, digest, by, now)
                .await
                .unwrap();
        }
    }

    /// Runs until the call that hangs was made, or to the end, and drops what runs then.
    async fn run_until_cut(&mut self) {
        let runner = self.bed.runner();
        let run = runner.run_due_to_completion();
        tokio::pin!(run);
        loop {
            tokio::select! {
                _ = &mut run => return,
                () = tokio::task::yield_now() => {}
            }
            let requests = self.bed.zoom().requests();
            if requests.iter().any(|request| request.fault.is_some()) {
                self.tally.crashes += 1;
                self.cut = true;
                return;
            }
        }
    }

    /// Every write of a run against the truth.
    fn judge(&mut self, begun: Timestamp) {
        let requests = self.bed.zoom().requests();
        let changes: Vec<&LoggedRequest> = requests.iter().filter(|one| one.wrote()).collect();
        let mut of_kind: BTreeMap<&str, u64> = BTreeMap::new();
        for change in &changes {
            let user = change.user_id.clone().unwrap();
            let kind = if change.endpoint == Some(Endpoint::UpdateUser) {
                "licensed"
            } else {
                "add-on"
            };
            *of_kind.entry(kind).or_default() += 1;
            self.judge_one(&user, kind, begun);
        }
        // 40 people have at most 40 licensed seats: a twentieth of them is two, and at least one goes.
        for (kind, count) in of_kind {
            assert!(count <= 2, "{count} writes of {kind} in one run");
        }
        self.tally.writes += changes.len() as u64;
        let violations = self.bed.zoom().violations();
        assert!(
            violations.is_empty(),
            "{violations:#?} among {:#?}",
            requests
                .iter()
                .map(|one| format!(
                    "{} {} {} {} {:?}",
                    one.number,
                    one.method,
                    one.path,
                    one.status,
                    (&one.query, &one.fault, one.at)
                ))
                .collect::<Vec<_>>()
        );
    }

    fn judge_one(&self, user: &str, kind: &str, begun: Timestamp) {
        let zoom = self.bed.zoom();
        let truth = zoom.truth_of(user).unwrap();
        let person = zoom.person(user).unwrap();
        let threshold = SignedDuration::from_hours(24 * THRESHOLD_DAYS);
        let last = if kind == "licensed" {
            truth.last_meeting.max(truth.last_webinar)
        } else {
            truth.last_webinar
        };
        if let Some(last) = last {
            let idle = begun.duration_since(last);
            assert!(
                idle >= threshold,
                "{user} was active on {last}, written to on {begun}"
            );
        }
        assert!(!self.excluded.contains(user), "{user} is excluded");
        assert!(!self.protected.contains(user), "{user} is protected");
        if let Some(lifted) = self.lifted.get(user) {
            let since = begun.duration_since(*lifted);
            assert!(
                since >= SignedDuration::from_hours(24),
                "{user} was lifted on {lifted}"
            );
        }
        let administers = matches!(&*person.role_id, "0" | "1");
        assert!(!administers, "{user} administers the account");
        assert!(person.zoom_one_type.is_none() && person.plan_united_type.is_none());
        assert!(
            begun.duration_since(person.created) >= threshold,
            "{user} is new"
        );
    }

    /// What is recorded agrees with what the vendor saw, over the whole life of the world.
    async fn settle_accounts(&self, changes_seen: u64) {
        let verified = self.bed.store.verify_audit(None).await.unwrap();
        assert_eq!(verified.broken, None);
        let database = self.bed.database();
        let count = |sql: &str| -> u64 {
            let count: i64 = database.query_row(sql, [], |row| row.get(0)).unwrap();
            u64::try_from(count).unwrap()
        };
        let called =
            count("SELECT count(*) FROM writes WHERE prior IS NOT NULL AND state <> 'refused'");
        assert!(
            called >= changes_seen,
            "{called} recorded, {changes_seen} made"
        );
        assert_eq!(
            count("SELECT count(*) FROM writes"),
            count("SELECT count(*) FROM audit WHERE action = 'write_intended'"),
        );
        assert_eq!(
            count("SELECT count(*) FROM writes WHERE state = 'done'"),
            changes_seen,
            "the vendor's ledger and ours"
        );
    }

    /// Whom the truth says to be idle and eligible now.
    fn eligible(&self) -> BTreeSet<String> {
        let now = self.now();
        let threshold = SignedDuration::from_hours(24 * (THRESHOLD_DAYS + 2));
        let old = |at: Timestamp| now.duration_since(at) > threshold;
        let zoom = self.bed.zoom();
        zoom.truth()
            .into_iter()
            .filter(|truth| {
                let Some(person) = zoom.person(&truth.id) else {
                    return false;
                };
                person.kind == 2
                    && person.status == "active"
                    && person.role_id == "2"
                    && person.webinar.is_none()
                    && person.large_meeting.is_none()
                    && person.zoom_one_type.is_none()
                    && person.plan_united_type.is_none()
                    && truth.last_meeting.max(truth.last_webinar).is_none_or(old)
                    && truth.next_event.is_none()
                    && old(person.created)
                    && !self.excluded.contains(&truth.id)
                    && !self.protected.contains(&truth.id)
            })
            .map(|truth| truth.id)
            .collect()
    }

    /// A seat whose write failed waits for a person, who says that it may be tried again.
    async fn resume_what_failed(&self) {
        let filter = CandidateFilter {
            state: Some(State::AttentionRequired),
            ..CandidateFilter::default()
        };
        let waiting = self
            .bed
            .store
            .candidates(filter, None, 1_000)
            .await
            .unwrap();
        let (guards, now) = (Guards::default(), self.now());
        let store = &self.bed.store;
        decide(
            store,
            guards,
            Decision::Resume,
            waiting,
            &Actor::Peer(0),
            now,
        )
        .await
        .unwrap();
    }

    /// Once nothing fails any more, what is idle goes as fast as the guards let it.
    async fn free_what_is_idle(&mut self) -> (u64, u64) {
        self.bed.zoom().clear_faults();
        // Everything that was assigned or lifted lately comes of age, and trouble is looked at.
        for _ in 0..18 {
            let id = self.bed.id("zoom").await;
            let standing = self.bed.store.reclaim_standing(id).await.unwrap();
            self.release(&standing).await;
            self.resume_what_failed().await;
            self.bed.zoom().clear_requests();
            let begun = self.now();
            self.bed.run().await;
            self.judge(begun);
            self.bed.clock.advance(SignedDuration::from_hours(24));
        }
        let (mut wanted, mut freed) = (0, 0);
        for _ in 0..3 {
            let eligible = self.eligible();
            let licensed = self
                .bed
                .zoom()
                .truth()
                .iter()
                .filter_map(|truth| self.bed.zoom().person(&truth.id))
                .filter(|person| person.kind == 2)
                .count() as u64;
            let most = (licensed / 20).max(1);
            wanted += most.min(eligible.len() as u64);
            self.bed.zoom().clear_requests();
            let begun = self.now();
            self.bed.run().await;
            let requests = self.bed.zoom().requests();
            freed += requests
                .iter()
                .filter(|one| one.wrote() && one.endpoint == Some(Endpoint::UpdateUser))
                .count() as u64;
            self.judge(begun);
            self.bed.clock.advance(SignedDuration::from_hours(24));
        }
        (wanted, freed)
    }
}

async fn live_through(seed: u64, days: u32) -> (Tally, u64, u64) {
    let mut world = World::begin(seed).await;
    assert_eq!(world.bed.id("zoom").await.0, 1, "{}", name("zoom"));
    for _ in 0..days {
        world.day().await;
    }
    let (wanted, freed) = world.free_what_is_idle().await;
    world.settle_accounts(world.tally.writes).await;
    (world.tally, wanted, freed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_years_of_trouble_no_write_hits_anybody_it_must_not() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long to run is asked for from outside"
    )]
    let days: u32 = std::env::var("SEATSYNC_DAYS")
        .ok()
        .and_then(|days| days.parse().ok())
        .unwrap_or(DAYS);
    let mut worlds = tokio::task::JoinSet::new();
    for seed in 0..WORLDS {
        worlds.spawn(live_through(u64::from(seed) + 1, days / WORLDS));
    }
    let mut all = Tally::default();
    let (mut wanted, mut freed) = (0, 0);
    while let Some(ended) = worlds.join_next().await {
        let (tally, w, f) = ended.unwrap();
        all.writes += tally.writes;
        all.crashes += tally.crashes;
        for (guard, count) in tally.withheld {
            *all.withheld.entry(guard).or_default() += count;
        }
        wanted += w;
        freed += f;
    }
    println!(
        "{days} profile-days, {} writes, {} crashes, withheld {:?}, at the end {freed} of {wanted} freed",
        all.writes, all.crashes, all.withheld
    );
    assert!(
        all.writes * 10 >= LEAST_WRITES * u64::from(days),
        "{} writes",
        all.writes
    );
    assert!(freed * 100 >= wanted * 95, "{freed} of {wanted} freed");
}
