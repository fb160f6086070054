//! What is true of a simulated account and of what its team asked for, and what nobody may have done to
//! it: plain facts, and no code of the product.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use vendor_sim::zoom::{Control, Endpoint, LoggedRequest, Person};

/// Per cent of an identifier's seats that may go in one run.
pub(super) const RUN_PERCENT: u8 = 25;
/// Never more of them than this.
pub(super) const RUN_COUNT: u32 = 3;
/// Per cent of an identifier's seats that trip the wire when they are found at once.
pub(super) const WIRE_PERCENT: u8 = 20;
/// Fewer than this never trip it.
pub(super) const WIRE_COUNT: u32 = 4;
/// The mail domain of people from outside.
pub(super) const OUTSIDE: &str = "contractor.example";
/// So many writes that take no effect in a row stop a profile.
const ERRORS: u32 = 3;

/// What the team and the operator ask for at present.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    /// Days without use after which a seat counts as unused.
    pub(super) threshold: i64,
    pub(super) max_per_day: u32,
    /// By user id; with the last day of an entry that has one.
    pub(super) excluded: BTreeMap<String, Option<Date>>,
    pub(super) protected: BTreeMap<String, Option<Date>>,
    /// Everybody from outside is protected.
    pub(super) outside_protected: bool,
    /// The file that stops every write is there.
    pub(super) stopped: bool,
}

impl Terms {
    /// Whether the last day of an entry for a user is over since yesterday or the day before.
    pub(super) fn lapsed(&self, user: &str, today: Date) -> bool {
        let lately = today.saturating_sub(2.days())..today;
        let of = |list: &BTreeMap<String, Option<Date>>| {
            let last = list.get(user).copied().flatten();
            last.is_some_and(|last| lately.contains(&last))
        };
        of(&self.excluded) || of(&self.protected)
    }

    fn spare(&self, person: &Person, day: Date) -> Option<&'static str> {
        let holds = |list: &BTreeMap<String, Option<Date>>| {
            let last = list.get(&person.id);
            last.is_some_and(|last| last.is_none_or(|last| day <= last))
        };
        if holds(&self.excluded) {
            Some("is excluded")
        } else if holds(&self.protected) {
            Some("is protected")
        } else if self.outside_protected && person.email.ends_with(OUTSIDE) {
            Some("is of a protected domain")
        } else {
            None
        }
    }
}

/// What a user holds that can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seat {
    Licensed,
    Webinar,
}

/// A change at the vendor, by the vendor's own log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) user: String,
    pub(super) seat: Seat,
}

/// A run of the daemon, as far as the outside knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunFacts {
    /// When it began.
    pub(super) begun: Timestamp,
    /// A person released a plan for it.
    pub(super) released: bool,
    /// How many reclaims ran: one that was put off may come beside the day's own.
    pub(super) reclaims: u32,
    /// The vendor fails in nothing but writes.
    pub(super) only_writes_fail: bool,
}

/// The account's ledger, from its beginning on.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Who holds what, and since when.
    held: BTreeMap<(String, Seat), Timestamp>,
    /// Since when a whole list can have told the daemon of a licensed seat.
    told: BTreeMap<String, Timestamp>,
    changes: Vec<Change>,
    /// When an entry for a user was taken out.
    lifted: BTreeMap<String, Timestamp>,
    /// When the rule, or a guard, was relaxed last.
    loosened: Option<Timestamp>,
    /// Days whose meetings the vendor reported without fault.
    reported: BTreeSet<Date>,
    /// Users of whom an earlier run can have known that they are idle.
    known_idle: BTreeSet<String>,
    of_day: (Date, u32),
    ever_released: bool,
    /// When the first whole list came: what it tells of was there before.
    begun: Timestamp,
    /// Writes in a row that took no effect, as far as the daemon must know.
    in_vain: u32,
    /// Licensed seats when this run and the one before it began: what a plan is made from was downloaded in
    /// one of them.
    licensed: [usize; 2],
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

pub(super) fn people(zoom: &Control) -> Vec<Person> {
    let truth = zoom.truth().into_iter();
    truth.filter_map(|truth| zoom.person(&truth.id)).collect()
}

impl Ledger {
    /// What people changed between the runs: who got a seat, and who is gone.
    pub(super) fn look(&mut self, zoom: &Control) {
        let now = zoom.now();
        let mut held = BTreeMap::new();
        for person in people(zoom) {
            let licensed = (person.kind == 2).then_some(Seat::Licensed);
            let webinar = person.webinar.map(|_| Seat::Webinar);
            for seat in licensed.into_iter().chain(webinar) {
                let key = (person.id.clone(), seat);
                let first = self.held.is_empty();
                let since = if first { person.created } else { now };
                held.insert(key.clone(), self.held.get(&key).copied().unwrap_or(since));
            }
        }
        self.held = held;
        let licensed = |user: &String| self.held.contains_key(&(user.clone(), Seat::Licensed));
        self.told.retain(|user, _| licensed(user));
    }

    pub(super) fn lift(&mut self, user: String, at: Timestamp) {
        self.lifted.insert(user, at);
    }

    pub(super) fn loosen(&mut self, at: Timestamp) {
        self.loosened = Some(at);
    }

    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// A run begins.
    pub(super) fn begin_run(&mut self, zoom: &Control, terms: &Terms) {
        self.licensed = [self.licensed[1], licensed_seats(zoom, terms)];
    }

    fn licensed(&self) -> usize {
        self.licensed[0].max(self.licensed[1])
    }

    /// How many licensed seats may go in one run.
    pub(super) fn most_per_run(&self) -> u32 {
        let licensed = self.licensed();
        let part = u32::try_from(licensed * usize::from(RUN_PERCENT) / 100).unwrap();
        part.clamp(1, RUN_COUNT)
    }

    /// How long a person has neither used the seat nor got it, nor come to the account.
    fn idle(&self, zoom: &Control, person: &Person, seat: Seat, at: Timestamp) -> SignedDuration {
        let truth = zoom.truth_of(&person.id).unwrap();
        let used = match seat {
            Seat::Licensed => truth.last_meeting.max(truth.last_webinar),
            Seat::Webinar => truth.last_webinar,
        };
        let got = self.held.get(&(person.id.clone(), seat)).copied();
        let since = used.max(got).max(Some(person.created));
        at.duration_since(since.unwrap())
    }

    /// Whose licensed seat is beyond doubt idle and nothing protects, with `margin` days to the threshold.
    pub(super) fn surely_idle(&self, zoom: &Control, terms: &Terms, margin: i64) -> Vec<Person> {
        let now = zoom.now();
        let idle = |person: &Person| {
            person.kind == 2
                && person.status == "active"
                && person.role_id == "2"
                && person.zoom_one_type.is_none()
                && person.plan_united_type.is_none()
                && person.large_meeting.is_none()
                && terms.spare(person, day_of(now)).is_none()
                && self.idle(zoom, person, Seat::Licensed, now) >= days(terms.threshold + margin)
                && self.told.get(&person.id).is_some_and(|told| {
                    *told == self.begun
                        || now.duration_since(*told) >= days(terms.threshold + margin)
                })
        };
        people(zoom).into_iter().filter(idle).collect()
    }

    /// Whether a seat was relaxed in the last 24 hours, or all were.
    pub(super) fn relaxed(&self, user: &str, at: Timestamp) -> bool {
        let lately = |then: &Timestamp| at.duration_since(*then) < days(1);
        self.loosened.as_ref().is_some_and(lately) || self.lifted.get(user).is_some_and(lately)
    }

    /// Holds every write of a run against the truth; `place` says where in the test that is. How many
    /// licensed seats were taken back, and how many seats in all.
    pub(super) fn judge(
        &mut self,
        zoom: &Control,
        terms: &Terms,
        run: RunFacts,
        place: &str,
    ) -> (u32, u32) {
        let requests = zoom.requests();
        self.note_reports(&requests);
        self.note_lists(&requests, zoom.now());
        self.ever_released |= run.released;
        if run.released {
            self.in_vain = 0;
        }
        let at_once = self.found_at_once(zoom, terms);
        let most = self.most_per_run();
        let mut of_seat: BTreeMap<Seat, u32> = BTreeMap::new();
        let tries = requests.iter().filter(|one| is_write(one));
        for request in tries {
            assert!(
                self.in_vain < ERRORS,
                "{place}: a write after {ERRORS} that failed: {request:?}"
            );
            if !request.wrote() {
                self.in_vain += u32::from(run.only_writes_fail);
                continue;
            }
            self.in_vain = 0;
            let seat = seat_of(request);
            self.judge_one(zoom, terms, request, place);
            *of_seat.entry(seat).or_default() += 1;
        }
        if !run.only_writes_fail {
            self.in_vain = 0;
        }
        let licensed = of_seat.get(&Seat::Licensed).copied().unwrap_or_default();
        let all = of_seat.values().sum();
        for (seat, count) in &of_seat {
            let most = if *seat == Seat::Webinar { 1 } else { most };
            assert!(
                *count <= most * run.reclaims.max(1),
                "{place}: {count} writes of {seat:?} in one run"
            );
        }
        self.judge_the_day(run, terms, all, place);
        assert!(
            licensed == 0 || run.released || at_once.is_none(),
            "{place}: nobody released a plan of {at_once:?} found at once"
        );
        let violations = zoom.violations();
        assert!(violations.is_empty(), "{place}: {violations:#?}");
        if run.released || at_once.is_none() {
            let idle = self.perhaps_idle(zoom, terms);
            self.known_idle.extend(idle);
        }
        (licensed, all)
    }

    /// Licensed seats that a whole list told of.
    fn note_lists(&mut self, requests: &[LoggedRequest], now: Timestamp) {
        let lists = requests
            .iter()
            .filter(|one| one.endpoint == Some(Endpoint::ListUsers));
        let whole = |one: &LoggedRequest| one.fault.is_none() && one.status == 200;
        if lists.clone().count() == 0 || !lists.clone().all(whole) {
            return;
        }
        if self.told.is_empty() {
            self.begun = now;
        }
        for (user, seat) in self.held.keys() {
            if *seat == Seat::Licensed {
                self.told.entry(user.clone()).or_insert(now);
            }
        }
    }

    fn note_reports(&mut self, requests: &[LoggedRequest]) {
        let hosts = requests.iter().filter(|request| {
            request.endpoint == Some(Endpoint::ReportUsers)
                && request.fault.is_none()
                && request.status == 200
        });
        for request in hosts {
            let of = |key: &str| -> Option<Date> {
                let found = request.query.iter().find(|(name, _)| name == key)?;
                found.1.parse().ok()
            };
            let (Some(from), Some(to)) = (of("from"), of("to")) else {
                continue;
            };
            let read = from.series(1.day()).take_while(|day| *day <= to);
            self.reported.extend(read);
        }
    }

    /// How many idle seats no earlier run can have known, if these are too many to be believed.
    fn found_at_once(&self, zoom: &Control, terms: &Terms) -> Option<usize> {
        let found = self.surely_idle(zoom, terms, 2);
        let new = |person: &&Person| !self.known_idle.contains(&person.id);
        let new = found.iter().filter(new).count();
        // The daemon may count some who left since it looked.
        let seats = self.licensed() + 2;
        let many = new * 100 > seats * usize::from(WIRE_PERCENT);
        (many && new >= usize::try_from(WIRE_COUNT).unwrap()).then_some(new)
    }

    fn perhaps_idle(&self, zoom: &Control, terms: &Terms) -> Vec<String> {
        let now = zoom.now();
        let perhaps = |person: &Person| {
            let idle = self.idle(zoom, person, Seat::Licensed, now);
            person.kind == 2 && idle >= days(terms.threshold - 1)
        };
        let people = people(zoom).into_iter().filter(perhaps);
        people.map(|person| person.id).collect()
    }

    fn judge_the_day(&mut self, run: RunFacts, terms: &Terms, count: u32, place: &str) {
        let today = day_of(run.begun);
        if self.of_day.0 != today {
            self.of_day = (today, 0);
        }
        let left = terms.max_per_day.saturating_sub(self.of_day.1);
        assert!(
            count <= left,
            "{place}: {count} writes where {left} of {} were left of the day",
            terms.max_per_day
        );
        self.of_day.1 += count;
    }

    fn judge_one(&mut self, zoom: &Control, terms: &Terms, request: &LoggedRequest, place: &str) {
        let (user, seat, at) = (
            request.user_id.clone().unwrap(),
            seat_of(request),
            request.at,
        );
        let person = zoom.person(&user).unwrap();
        let truth = zoom.truth_of(&user).unwrap();
        let idle = self.idle(zoom, &person, seat, at);
        let place = format!("{place}: {seat:?} of {user} on {at}");
        assert!(
            !terms.stopped,
            "{place}: the file that stops writes is there"
        );
        assert!(
            self.ever_released,
            "{place}: nobody released the first plan"
        );
        assert!(
            idle >= days(terms.threshold),
            "{place}: idle for {} days of {}: {truth:?}, got it {:?}",
            idle.as_hours() / 24,
            terms.threshold,
            self.held.get(&(user.clone(), seat))
        );
        if let Some(spare) = terms.spare(&person, day_of(at)) {
            panic!("{place}: the user {spare}");
        }
        assert!(
            !self.relaxed(&user, at),
            "{place}: relaxed at {:?}, and its own entry at {:?}",
            self.loosened,
            self.lifted.get(&user)
        );
        assert_eq!(person.role_id, "2", "{place}: not a member");
        assert_eq!(person.status, "active", "{place}");
        assert!(person.zoom_one_type.is_none() && person.plan_united_type.is_none());
        let window = day_of(at).saturating_sub((terms.threshold - 1).days());
        let lacking = window
            .series(1.day())
            .take_while(|day| *day <= day_of(at).saturating_sub(4.days()))
            .find(|day| !self.reported.contains(day));
        assert_eq!(lacking, None, "{place}: no report of a day of the window");
        let held = self.held.remove(&(user.clone(), seat));
        assert!(held.is_some(), "{place}: the seat was not held");
        if seat == Seat::Licensed {
            assert_eq!(truth.next_event, None, "{place}: something is to come");
            let beside = self.held.contains_key(&(user.clone(), Seat::Webinar));
            assert!(!beside, "{place}: the webinar seat went along");
            self.known_idle.remove(&user);
            self.told.remove(&user);
        }
        self.changes.push(Change { user, seat });
    }
}

/// Licensed seats that no exclusion takes out.
fn licensed_seats(zoom: &Control, terms: &Terms) -> usize {
    let today = day_of(zoom.now());
    let counts = |person: &Person| {
        let last = terms.excluded.get(&person.id);
        person.kind == 2 && !last.is_some_and(|last| last.is_none_or(|last| today <= last))
    };
    people(zoom).iter().filter(|person| counts(person)).count()
}

fn is_write(request: &LoggedRequest) -> bool {
    matches!(
        request.endpoint,
        Some(Endpoint::UpdateUser | Endpoint::UpdateSettings)
    )
}

fn seat_of(request: &LoggedRequest) -> Seat {
    if request.endpoint == Some(Endpoint::UpdateUser) {
        Seat::Licensed
    } else {
        Seat::Webinar
    }
}
