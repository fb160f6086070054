//! What happens on a day: people work, come and go, the team edits its profile, the operator puts the stop
//! file, and the vendor fails.

use jiff::{SignedDuration, ToSpan as _};
use serde_json::json;
use vendor_sim::zoom::{Action, Endpoint, Fault, Hosted, HostedKind, Person, PersonChange};

use super::truth::{OUTSIDE, people};
use super::{World, at_hour, day_of};
use crate::bed::change;

/// Fewer people than this, and nobody leaves.
const FEWEST: usize = 12;
/// More than this, and nobody joins.
const MOST: usize = 15;
/// Thresholds that the team takes, in days.
const THRESHOLDS: [i64; 4] = [6, 8, 12, 20];
/// Writes that the team lets be made on a day.
const A_DAY: [u32; 3] = [1, 2, 6];
/// Days for which the vendor's reports fail, once they do.
const OUT_FOR: u32 = 6;
/// Days for which every change of a licence fails, once one does.
const FAIL_FOR: u32 = 4;

/// Numbers that look random and are always the same for a seed.
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.roll() % n.max(1)
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let at = self.below(list.len() as u64);
        list.get(usize::try_from(at).unwrap())
    }
}

/// What goes wrong on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    /// Writes fail, and nothing else.
    OfWrites,
    /// The reports of hosts fail, as they do for some days.
    OfReports,
    /// The list of users lacks some, however often it is read.
    OfTheList,
    /// Some call of the day fails.
    OfOneCall,
    /// The daemon is killed at some call.
    Kill,
}

impl World {
    /// What people do on a day.
    pub(super) fn people_live(&mut self) {
        let people = people(self.bed.zoom());
        if self.dice.one_in(2)
            && let Some(person) = self.dice.pick(&people)
        {
            self.hosts(person);
        }
        // While it is open what a write came to, nobody else changes a licence: the two changes could not
        // be told apart.
        if self.open_writes() == 0 {
            self.licences_change(&people);
        }
        if people.len() < MOST && self.dice.one_in(25) {
            self.somebody_joins();
        }
        if people.len() > FEWEST && self.dice.one_in(25) {
            let members: Vec<&Person> = people.iter().filter(|one| one.role_id == "2").collect();
            if let Some(person) = self.dice.pick(&members) {
                self.bed.zoom().remove_person(&person.id);
            }
        }
        self.roles_change(&people);
        self.ledger.look(self.bed.zoom());
        // Whoever looks, looks later.
        self.bed.clock.advance(SignedDuration::from_mins(1));
    }

    fn hosts(&mut self, person: &Person) {
        let number = i64::try_from(self.dice.below(20)).unwrap();
        let past = self.now() - SignedDuration::from_hours(number + 1);
        let evening = day_of(self.now()).saturating_add((1 + number / 2).days());
        let to_come = at_hour(evening, 22);
        let hosted = match self.dice.below(8) {
            0 if person.webinar.is_some() => Hosted::webinar(past),
            1 => Hosted::meeting(to_come),
            2..=4 => Hosted::meeting(past),
            _ => Hosted {
                kind: HostedKind::Instant,
                ..Hosted::meeting(past)
            },
        };
        self.bed.zoom().host(&person.id, &hosted);
    }

    fn licences_change(&mut self, people: &[Person]) {
        let a_project_begins = self.dice.one_in(30);
        for person in people.iter().filter(|one| one.status == "active") {
            let licensed = PersonChange {
                kind: Some(2),
                webinar: self.dice.one_in(6).then_some(500),
                ..change()
            };
            if person.kind == 1 && (a_project_begins || self.dice.one_in(2)) {
                self.bed.zoom().change_person(&person.id, licensed).unwrap();
            }
        }
    }

    fn somebody_joins(&mut self) {
        let domain = if self.dice.one_in(4) {
            OUTSIDE
        } else {
            "example.com"
        };
        let newcomer = PersonChange {
            email: Some(format!("new{}@{domain}", self.dice.roll())),
            kind: Some(2),
            created: Some(self.now()),
            ..change()
        };
        self.bed.zoom().add_person(newcomer).unwrap();
    }

    /// A member is made an administrator, or an administrator a member.
    fn roles_change(&mut self, people: &[Person]) {
        if self.dice.one_in(15)
            && let Some(person) = self.dice.pick(people)
            && person.role_id == "2"
        {
            let role = PersonChange {
                role_id: Some("1".to_owned()),
                ..change()
            };
            self.bed.zoom().change_person(&person.id, role).unwrap();
            self.promoted.insert(person.id.clone());
        }
        if self.promoted.len() > 2
            && let Some(user) = self.promoted.pop_first()
        {
            let role = PersonChange {
                role_id: Some("2".to_owned()),
                ..change()
            };
            self.bed.zoom().change_person(&user, role).unwrap();
        }
    }

    /// What the team and the operator change on a day.
    pub(super) async fn team_edits(&mut self) {
        let mut edited = false;
        if self.dice.one_in(5)
            && let Some(person) = self.dice.pick(&people(self.bed.zoom()))
        {
            self.edits_a_list(&person.id);
            edited = true;
        }
        if self.dice.one_in(25) {
            self.terms.outside_protected = !self.terms.outside_protected;
            if !self.terms.outside_protected {
                for person in people(self.bed.zoom()) {
                    if person.email.ends_with(OUTSIDE) {
                        self.ledger.lift(person.id, self.now());
                    }
                }
            }
            edited = true;
        }
        if self.dice.one_in(12) {
            let before = self.terms.threshold;
            self.terms.threshold = *self.dice.pick(&THRESHOLDS).unwrap();
            if self.terms.threshold < before {
                self.ledger.loosen(self.now());
            }
            edited = true;
        }
        if self.dice.one_in(12) {
            let before = self.terms.max_per_day;
            self.terms.max_per_day = *self.dice.pick(&A_DAY).unwrap();
            if self.terms.max_per_day > before {
                self.ledger.loosen(self.now());
            }
            edited = true;
        }
        if edited {
            self.apply().await;
        }
        if self.dice.one_in(if self.terms.stopped { 2 } else { 25 }) {
            self.set_stopped(!self.terms.stopped);
        }
    }

    /// The operator stops every write, or lets them go on.
    pub(super) fn set_stopped(&mut self, stopped: bool) {
        let file = self.bed.state().join("stop-writes");
        if stopped {
            std::fs::write(file, "").unwrap();
        } else if self.terms.stopped {
            std::fs::remove_file(file).unwrap();
        }
        self.terms.stopped = stopped;
    }

    /// Somebody is excluded or protected, some for days alone, and somebody else no longer.
    fn edits_a_list(&mut self, user: &str) {
        let days = i64::try_from(self.dice.below(6)).unwrap();
        let last = self
            .dice
            .one_in(4)
            .then(|| day_of(self.now()).saturating_add(days.days()));
        let list = if self.dice.one_in(2) {
            &mut self.terms.excluded
        } else {
            &mut self.terms.protected
        };
        let lifted = if list.len() > 1 {
            list.pop_first()
        } else {
            None
        };
        list.insert(user.to_owned(), last);
        let now = self.bed.clock_now();
        // An entry whose last day is over was no longer in force.
        if let Some((lifted, last)) = lifted
            && lifted != user
            && last.is_none_or(|last| day_of(now) <= last)
        {
            self.ledger.lift(lifted, now);
        }
    }

    /// Applies what the team asks for.
    pub(super) async fn apply(&self) {
        let terms = &self.terms;
        let excluded: Vec<_> = terms
            .excluded
            .iter()
            .map(|(user, last)| {
                json!({
                    "origin": "Profile zoom", "target": {"users": {"user": user}},
                    "reason": "test", "expires": last,
                })
            })
            .collect();
        let protected = terms
            .protected
            .iter()
            .map(|(user, last)| json!({"user": user, "reason": "test", "expires": last}));
        let outside = terms
            .outside_protected
            .then(|| json!({"domain": OUTSIDE, "reason": "test", "expires": null}));
        let protected: Vec<_> = protected
            .chain(outside)
            .map(|entry| json!({"origin": "Profile zoom", "entry": entry}))
            .collect();
        self.bed
            .apply("zoom", |profile| {
                profile["profile"]["subflows"]["reclaim_subscriptions"]["enabled"] = true.into();
                profile["profile"]["subflows"]["analyze_from"] = "16d".into();
                profile["profile"]["reclamation"] = json!({
                    "mode": "automatic", "notify_user": false, "cool_down": "1d",
                    "last_activity_threshold": format!("{}d", terms.threshold),
                    "guards": {"max_per_day": terms.max_per_day},
                });
                profile["exclusions"] = excluded.into();
                profile["protected"] = protected.into();
            })
            .await;
    }

    /// Lets the vendor fail today, or not.
    pub(super) fn trouble(&mut self) -> Trouble {
        let after = u32::try_from(self.dice.below(4)).unwrap();
        if self.reports_out == 0 && self.dice.one_in(40) {
            self.reports_out = OUT_FOR;
        }
        if self.reports_out > 0 {
            self.reports_out -= 1;
            let out = Action::Html {
                status: 503,
                after_effect: false,
            };
            self.bed
                .zoom()
                .set_fault(Fault::on(Endpoint::ReportUsers, out));
            return Trouble::OfReports;
        }
        if self.writes_fail == 0 && self.dice.one_in(20) {
            self.writes_fail = FAIL_FOR;
        }
        if self.writes_fail > 0 {
            self.writes_fail -= 1;
            let fails = Action::Html {
                status: 500,
                after_effect: false,
            };
            let name = "writes fail".to_owned();
            let fault = Fault::on(Endpoint::UpdateUser, fails);
            self.bed.zoom().set_fault(Fault { name, ..fault });
            return Trouble::OfWrites;
        }
        let (trouble, fault) = match self.dice.below(18) {
            0..=3 => (
                Trouble::OfOneCall,
                self.one_call_fails().after(after).times(1),
            ),
            4 => {
                let action = Action::DropRows { rows: 3 };
                (Trouble::OfTheList, Fault::on(Endpoint::ListUsers, action))
            }
            5..=6 => (Trouble::Kill, self.kill().after(after / 2).times(1)),
            _ => return Trouble::None,
        };
        let name = "today's trouble".to_owned();
        self.bed.zoom().set_fault(Fault { name, ..fault });
        trouble
    }

    fn one_call_fails(&mut self) -> Fault {
        let endpoints = [
            Endpoint::ListUsers,
            Endpoint::ReportUsers,
            Endpoint::GetUser,
            Endpoint::GetSettings,
            Endpoint::UpdateUser,
            Endpoint::UpdateSettings,
            Endpoint::UserMeetings,
            Endpoint::ReportUserMeetings,
        ];
        let after_effect = self.dice.one_in(2);
        let action = match self.dice.below(4) {
            0 => Action::Html {
                status: 502,
                after_effect,
            },
            1 => Action::Reset { after_effect },
            2 => Action::TruncateJson { bytes: 40 },
            _ => Action::DropRows { rows: 3 },
        };
        Fault::on(*self.dice.pick(&endpoints).unwrap(), action)
    }

    /// The daemon is killed while it waits for an answer to this, which took effect or did not.
    fn kill(&mut self) -> Fault {
        let endpoints = [
            Endpoint::ListUsers,
            Endpoint::GetSettings,
            Endpoint::GetUser,
            Endpoint::UpdateUser,
            Endpoint::UpdateUser,
            Endpoint::UpdateSettings,
        ];
        let action = if self.dice.one_in(2) {
            Action::Hang
        } else {
            Action::Swallow
        };
        Fault::on(*self.dice.pick(&endpoints).unwrap(), action)
    }
}
