//! Years of days at a vendor that fails, under people who come, go and work, a team that edits its profile and
//! a daemon that is killed, against the truth: what was written is compared with what the simulated account
//! knows, by no code of the product.
//!
//! `SEATSYNC_DAYS=N` asks for so many profile-days in all.

mod life;
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use seatsync::connector::Connectors;
use seatsync::job::Runner;
use seatsync::profile::model::SubflowKind;
use seatsync::reclamation::actor::Actor;
use seatsync::reclamation::candidate::State;
use seatsync::reclamation::guard::Guard;
use seatsync::reclamation::plan::Plan;
use seatsync::settings::Guards;
use seatsync::store::candidate::CandidateFilter;
use seatsync::subflow::decide::{Decision, decide};
use vendor_sim::zoom::{Hosted, PersonChange, Population};

use crate::bed::{Bed, change, name};
use life::{Dice, Trouble};
use truth::{
    Change, Ledger, RUN_COUNT, RUN_PERCENT, RunFacts, Seat, Terms, WIRE_COUNT, WIRE_PERCENT,
};

/// Profile-days in all, when nobody asks for more.
const DAYS: u32 = 600;
/// Accounts that are lived through side by side.
const WORLDS: u32 = 10;
/// Days from one calm to the next: then it is counted what goes once nothing fails.
const SEASON: u32 = 25;
/// Runs of a calm.
const CALM: u32 = 3;
/// Writes without which the run proves nothing, for each ten profile-days.
const LEAST_WRITES: u64 = 1;

/// What a world counted.
#[derive(Debug, Default)]
struct Tally {
    days: u32,
    writes: u64,
    crashes: u64,
    releases: u64,
    withheld: BTreeMap<Guard, u64>,
    holds: BTreeMap<Guard, u64>,
    /// Seats that were to go in the calms, and that went.
    wanted: u64,
    freed: u64,
}

struct World {
    bed: Bed,
    /// The daemon's records, read from beside it.
    records: Mutex<Connection>,
    runner: Runner<Connectors>,
    seed: u64,
    dice: Dice,
    terms: Terms,
    ledger: Ledger,
    /// Members who are administrators at present.
    promoted: BTreeSet<String>,
    /// For so many days yet the vendor's reports fail.
    reports_out: u32,
    /// For so many days yet every change of a licence fails.
    writes_fail: u32,
    /// So much of the ledger and of the record agrees.
    settled: Settled,
    tally: Tally,
}

/// Up to where the ledger was compared with the record.
#[derive(Debug, Default, Clone, Copy)]
struct Settled {
    changes: usize,
    audit: i64,
    writes: i64,
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn at_hour(day: Date, hour: i8) -> Timestamp {
    let time = day.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC);
    time.unwrap().timestamp()
}

impl World {
    async fn begin(seed: u64) -> Self {
        let mut bed = Bed::with(|options| {
            options.users = 5;
            options.seed = seed;
            options.population = Population {
                hosts: 0.5,
                licensed: 1.0,
                rooms: 0.0,
                inactive: 0.0,
                pending: 0.0,
                former: 0.0,
                new_accounts: 0.0,
                ..Population::default()
            };
        })
        .await;
        bed.allow_writes();
        let mut guards = Guards::default();
        guards.max_per_run.percent = RUN_PERCENT;
        guards.max_per_run.count = RUN_COUNT;
        guards.hold_above.percent = WIRE_PERCENT;
        guards.hold_above.min_count = WIRE_COUNT;
        bed.guards(guards);
        let lately = bed.clock_now() - SignedDuration::from_hours(30);
        let created = bed.clock_now() - SignedDuration::from_hours(24 * 90);
        for number in 0..8 {
            let member = PersonChange {
                email: Some(format!("member{number}@example.com")),
                kind: Some(2),
                webinar: (number == 0).then_some(500),
                created: Some(created),
                ..change()
            };
            let member = bed.zoom().add_person(member).unwrap().unwrap();
            // In every other account hardly anybody is idle when the first plan is made.
            if seed.is_multiple_of(2) && number > 1 {
                bed.zoom().host(&member.id, &Hosted::meeting(lately));
            }
        }
        let world = Self {
            runner: bed.runner(),
            records: Mutex::new(bed.database()),
            bed,
            seed,
            dice: Dice(seed),
            terms: Terms {
                threshold: if seed.is_multiple_of(3) { 20 } else { 10 },
                max_per_day: 5,
                excluded: BTreeMap::new(),
                protected: BTreeMap::new(),
                outside_protected: true,
                stopped: false,
            },
            ledger: Ledger::default(),
            promoted: BTreeSet::new(),
            reports_out: 0,
            writes_fail: 0,
            settled: Settled::default(),
            tally: Tally::default(),
        };
        world.apply().await;
        world
    }

    fn now(&self) -> Timestamp {
        self.bed.clock_now()
    }

    /// For messages: which world, and which of its days.
    fn place(&self) -> String {
        format!("seed {}, day {}", self.seed, self.tally.days)
    }

    fn number(&self, sql: &str) -> i64 {
        let records = self.records.lock().unwrap();
        records.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Writes of which it is not recorded what they came to.
    fn open_writes(&self) -> i64 {
        self.number("SELECT count(*) FROM writes WHERE state = 'intended'")
    }

    /// Tomorrow, when people begin to work.
    fn next_day(&mut self) {
        let tomorrow = day_of(self.now()).tomorrow().unwrap();
        self.bed.clock.set(at_hour(tomorrow, 9));
        self.tally.days += 1;
    }

    /// One day with its trouble.
    async fn day(&mut self, edits: bool) {
        self.people_live();
        if edits {
            self.team_edits().await;
        }
        let trouble = self.trouble();
        self.run(trouble).await;
        if self.dice.one_in(2) {
            self.people_live();
            if edits && self.dice.one_in(2) {
                self.team_edits().await;
            }
            self.afternoon(trouble).await;
        }
        self.bed.zoom().clear_faults();
        self.believe_the_list().await;
        if self.dice.one_in(3) {
            self.resume_what_failed().await;
        }
        self.next_day();
    }

    /// Nobody looks after the daemon for a week, and it does not run.
    async fn week_off(&mut self) {
        for _ in 0..6 {
            self.people_live();
            self.next_day();
        }
        self.day(false).await;
    }

    /// What is due; a daemon that is killed starts again. How many licensed seats were taken back.
    async fn run(&mut self, trouble: Trouble) -> (u32, u32) {
        let begun = self.now();
        self.bed.zoom().clear_requests();
        self.ledger.begin_run(self.bed.zoom(), &self.terms);
        let cut = tokio::select! {
            ended = self.runner.run_due_to_completion() => {
                ended.unwrap();
                false
            }
            () = self.bed.zoom().until(|request| request.fault.is_some()), if trouble == Trouble::Kill => true,
        };
        if cut {
            self.tally.crashes += 1;
            self.runner = self.bed.runner();
            self.runner.run_due_to_completion().await.unwrap();
        }
        self.judge(begun, false, trouble).await
    }

    /// A person looks, releases what is held, and asks for another run.
    async fn afternoon(&mut self, trouble: Trouble) -> (u32, u32) {
        let begun = self.now();
        self.bed.zoom().clear_requests();
        self.ledger.begin_run(self.bed.zoom(), &self.terms);
        let released = self.release().await;
        let profile = name("zoom");
        // One that was put off is not asked for a second time.
        let _ = self
            .runner
            .request(&profile, SubflowKind::ReclaimSubscriptions)
            .await;
        self.runner.run_due_to_completion().await.unwrap();
        self.judge(begun, released, trouble).await
    }

    /// How many reclaims ended since then.
    fn reclaims(&self, since: Timestamp) -> u32 {
        let ended = self.number(&format!(
            "SELECT count(*) FROM jobs WHERE subflow = 'reclaim_subscriptions' AND ended_at >= {}",
            since.as_millisecond()
        ));
        u32::try_from(ended).unwrap()
    }

    async fn judge(&mut self, begun: Timestamp, released: bool, trouble: Trouble) -> (u32, u32) {
        let facts = RunFacts {
            begun,
            released,
            reclaims: self.reclaims(begun),
            only_writes_fail: trouble == Trouble::OfWrites,
        };
        let place = self.place();
        let written = self
            .ledger
            .judge(self.bed.zoom(), &self.terms, facts, &place);
        self.tally.writes += u64::from(written.1);
        if let Some(plan) = self.last_plan().await {
            for report in &plan.guards {
                *self.tally.withheld.entry(report.guard).or_default() += report.withheld;
            }
            for report in plan.held_by() {
                *self.tally.holds.entry(report.guard).or_default() += 1;
            }
        }
        written
    }

    async fn last_plan(&self) -> Option<Plan> {
        let id = self.bed.id("zoom").await;
        let standing = self.bed.store.reclaim_standing(id).await.unwrap();
        standing.last_plan
    }

    /// A person releases the plan that is held, where that is for a person to say.
    async fn release(&mut self) -> bool {
        let Some(plan) = self.last_plan().await else {
            return false;
        };
        let mut held = plan.held_by().peekable();
        if held.peek().is_none() || !held.all(|report| report.guard.is_releasable()) {
            return false;
        }
        let id = self.bed.id("zoom").await;
        let now = self.now();
        self.bed
            .store
            .release_plan(id, plan.digest.clone(), Actor::Peer(0), now)
            .await
            .unwrap();
        self.tally.releases += 1;
        true
    }

    /// A person says that a list which lost many at once tells the truth.
    async fn believe_the_list(&self) {
        let id = self.bed.id("zoom").await;
        self.bed
            .store
            .release_walk(id, &Actor::Peer(0), self.now())
            .await
            .unwrap();
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

    /// Once nothing fails any more and the team leaves its files alone, what is idle goes as fast as the
    /// guards let it.
    async fn calm(&mut self) {
        self.set_stopped(false);
        (self.reports_out, self.writes_fail) = (0, 0);
        for _ in 0..2 {
            self.day(false).await;
        }
        for _ in 0..CALM {
            self.resume_what_failed().await;
            let zoom = self.bed.zoom();
            let idle = self.ledger.surely_idle(zoom, &self.terms, 2);
            let (held_up, free): (Vec<_>, Vec<_>) = idle.into_iter().partition(|person| {
                let to_come = zoom.truth_of(&person.id).unwrap().next_event.is_some();
                to_come
                    || person.webinar.is_some()
                    || self.ledger.relaxed(&person.id, self.now())
                    || self.terms.lapsed(&person.id, day_of(self.now()))
            });
            let most = self.ledger.most_per_run();
            // What the vendor is found to speak against takes its place in the plan.
            let most = most.min(self.terms.max_per_day);
            let places = most.saturating_sub(u32::try_from(held_up.len()).unwrap());
            let (mut licensed, mut all) = self.run(Trouble::None).await;
            if all == 0 {
                (licensed, all) = self.afternoon(Trouble::None).await;
            }
            let free = u32::try_from(free.len()).unwrap();
            let wanted = if all >= self.terms.max_per_day {
                licensed
            } else {
                places.min(free)
            };
            self.tally.wanted += u64::from(wanted);
            self.tally.freed += u64::from(licensed.min(wanted));
            self.next_day();
        }
        self.settle_accounts();
    }

    /// What is recorded agrees with what the vendor saw since it was looked at last.
    fn settle_accounts(&mut self) {
        let place = self.place();
        assert_eq!(
            self.open_writes(),
            0,
            "{place}: writes whose end is not known"
        );
        let Settled {
            changes,
            audit,
            writes,
        } = self.settled;
        let mut seen: BTreeMap<(String, bool), i64> = BTreeMap::new();
        for Change { user, seat } in &self.ledger.changes()[changes..] {
            let licensed = *seat == Seat::Licensed;
            *seen.entry((user.clone(), licensed)).or_default() += 1;
        }
        let recorded = |sql: &str, after: i64| -> BTreeMap<(String, bool), i64> {
            let records = self.records.lock().unwrap();
            let mut statement = records.prepare(sql).unwrap();
            let rows = statement.query_map([after], |row| {
                let identifier: String = row.get(1)?;
                let key = (row.get(0)?, identifier == "zoom.licensed");
                Ok((key, row.get(2)?))
            });
            rows.unwrap().collect::<Result<_, _>>().unwrap()
        };
        let audited = recorded(
            "SELECT c.external_user_id, c.identifier, count(*)
             FROM audit AS a JOIN candidates AS c ON c.id = a.candidate
             WHERE a.seq > ?1 AND a.action = 'write_ended' AND json_extract(a.facts, '$.state') = 'done'
             GROUP BY 1, 2",
            audit,
        );
        assert_eq!(
            audited, seen,
            "{place}: the audit log and the vendor's ledger"
        );
        let done = recorded(
            "SELECT c.external_user_id, c.identifier, count(*)
             FROM writes AS w JOIN candidates AS c ON c.id = w.candidate_id
             WHERE w.id > ?1 AND w.state = 'done' GROUP BY 1, 2",
            writes,
        );
        assert_eq!(
            done, seen,
            "{place}: the recorded writes and the vendor's ledger"
        );
        let untold = self.number(&format!(
            "SELECT count(*) FROM writes AS w WHERE w.id > {writes}
             AND ((SELECT count(*) FROM audit WHERE seq > {audit} AND action = 'write_intended'
                   AND json_extract(facts, '$.write') = w.id) <> 1
               OR (SELECT count(*) FROM audit WHERE seq > {audit} AND action = 'write_ended'
                   AND json_extract(facts, '$.write') = w.id) <> 1)"
        ));
        assert_eq!(
            untold, 0,
            "{place}: writes that the audit log does not tell once"
        );
        self.settled = Settled {
            changes: self.ledger.changes().len(),
            audit: self.number("SELECT coalesce(max(seq), 0) FROM audit"),
            writes: self.number("SELECT coalesce(max(id), 0) FROM writes"),
        };
    }
}

async fn live_through(seed: u64, days: u32) -> Tally {
    let mut world = World::begin(seed).await;
    let mut calm_at = SEASON;
    while world.tally.days < days {
        if world.tally.days >= calm_at {
            world.calm().await;
            calm_at += SEASON;
        } else if world.dice.one_in(40) {
            world.week_off().await;
        } else {
            world.day(world.tally.days > 0).await;
        }
    }
    world.calm().await;
    let verified = world.bed.store.verify_audit(None).await.unwrap();
    assert_eq!(verified.broken, None, "{}", world.place());
    world.tally
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
    for seed in 1..=WORLDS {
        worlds.spawn(live_through(u64::from(seed), days.div_ceil(WORLDS)));
    }
    let mut all = Tally::default();
    let mut failures = Vec::new();
    while let Some(ended) = worlds.join_next().await {
        let tally = match ended {
            Ok(tally) => tally,
            Err(failed) => {
                failures.push(failed.to_string());
                continue;
            }
        };
        all.days += tally.days;
        all.writes += tally.writes;
        all.crashes += tally.crashes;
        all.releases += tally.releases;
        for (guard, count) in tally.withheld {
            *all.withheld.entry(guard).or_default() += count;
        }
        for (guard, count) in tally.holds {
            *all.holds.entry(guard).or_default() += count;
        }
        all.wanted += tally.wanted;
        all.freed += tally.freed;
    }
    println!("{all:?}");
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(
        all.writes * 10 >= LEAST_WRITES * u64::from(days),
        "{} writes in {days} days",
        all.writes
    );
    assert!(
        all.freed * 100 >= all.wanted * 95,
        "{} of {} freed",
        all.freed,
        all.wanted
    );
}
