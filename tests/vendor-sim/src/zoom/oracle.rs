//! The oracle: what no client may ever have done, judged from the requests as they came. It knows
//! the truth of the account, so it finds what the client's own checks would not.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::zoom::endpoint::{Endpoint, Label};
use crate::zoom::log::LoggedRequest;
use crate::zoom::options::Plan;
use crate::zoom::service::Turned;
use crate::zoom::user::User;
use crate::zoom::world::World;

/// Milliseconds for which a read of a user before a write counts as fresh.
const FRESH_MILLIS: i64 = 5 * 60_000;

/// Page sizes that nobody reads a whole account by.
const PROBES: [&str; 2] = ["page_size=1", "page_size=10"];

/// Something a careful client does not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// The request in the log that broke it.
    pub request: u64,
    /// When, on the vendor's clock.
    pub at: Timestamp,
    /// What happened.
    pub detail: String,
}

/// The oracle's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A write to an owner, an administrator, a room, a bundle user, somebody with an event to
    /// come or somebody named by the test.
    WriteOnProtected,
    /// A write while the latest walk through some report or through the users was not whole.
    WriteWhilePartial,
    /// A write to a user who had not been read within the last five minutes, or was written to
    /// since.
    WriteWithoutFreshRead,
    /// More calls within a window than the agreed share of the limit.
    OverShare,
}

/// Watches the requests.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// Addresses and ids that must not be written to, in lower case.
    protected: BTreeSet<String>,
    violations: Vec<Violation>,
    /// Per walk key, the latest walk and whether it came to its end unharmed.
    walks: BTreeMap<String, Progress>,
    /// Per user id, when they were last read with nothing written since.
    read: BTreeMap<String, i64>,
}

/// How far the latest walk of a key came.
#[derive(Debug)]
struct Progress {
    walk: u64,
    /// The user whose list it is, of lists that are one user's.
    of: Option<String>,
    /// Milliseconds since 1970.
    began: i64,
    /// Pages that the client did not get whole, by their position.
    harmed: BTreeSet<u64>,
    ended: bool,
}

impl Oracle {
    /// Names users who must not be written to.
    pub(crate) fn protect(&mut self, users: impl IntoIterator<Item = String>) {
        self.protected
            .extend(users.into_iter().map(|user| user.to_lowercase()));
    }

    pub(crate) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(crate) fn clear(&mut self) {
        *self = Self {
            protected: std::mem::take(&mut self.protected),
            ..Self::default()
        };
    }

    /// Judges a request whose answer is settled. `spoilt` says that a fault kept the client from
    /// getting the answer whole. The world is the one after the request.
    pub(crate) fn saw(
        &mut self,
        entry: &LoggedRequest,
        turned: Option<&Turned>,
        spoilt: bool,
        world: &World,
    ) {
        let Some(endpoint) = entry.endpoint else {
            return;
        };
        if let Some(turned) = turned {
            self.follow(turned, entry, spoilt);
        }
        let now = entry.at.as_millisecond();
        let good = (200..300).contains(&entry.status);
        if matches!(endpoint, Endpoint::GetUser | Endpoint::GetSettings) && good && !spoilt {
            self.read
                .extend(entry.user_id.iter().map(|user| (user.clone(), now)));
        }
        if entry.wrote() {
            let written = written(entry, world);
            for user in &written {
                self.judge(entry, user, world, now);
            }
            let lacking = self
                .walks
                .iter()
                .filter(|(_, walk)| walk.concerns(&written))
                .find(|(key, walk)| walk.lacks_something(key, now));
            if let Some((key, _)) = lacking {
                let key = key.replace('\n', " ");
                self.report(
                    entry,
                    Rule::WriteWhilePartial,
                    format!("the walk `{key}` is not whole"),
                );
            }
        }
    }

    fn follow(&mut self, turned: &Turned, entry: &LoggedRequest, spoilt: bool) {
        let progress = self
            .walks
            .entry(turned.key.clone())
            .or_insert_with(|| Progress::new(turned.walk, entry));
        if progress.walk != turned.walk {
            *progress = Progress::new(turned.walk, entry);
        }
        if spoilt {
            progress.harmed.insert(turned.position);
        } else {
            progress.harmed.remove(&turned.position);
            progress.ended |= turned.last;
        }
    }

    fn judge(&mut self, entry: &LoggedRequest, user: &User, world: &World, now: i64) {
        let named = [user.id.to_lowercase(), user.email.to_lowercase()]
            .iter()
            .any(|name| self.protected.contains(name));
        if let Some(reason) = protected_by(user, world, named) {
            let detail = format!("`{}` is {reason}", user.email);
            self.report(entry, Rule::WriteOnProtected, detail);
        }
        let fresh = self
            .read
            .remove(&user.id)
            .is_some_and(|at| now - at <= FRESH_MILLIS);
        if !fresh {
            let detail = format!("`{}` was not read just before", user.email);
            self.report(entry, Rule::WriteWithoutFreshRead, detail);
        }
    }

    fn report(&mut self, entry: &LoggedRequest, rule: Rule, detail: String) {
        self.violations.push(Violation {
            rule,
            request: entry.number,
            at: entry.at,
            detail,
        });
    }
}

impl Progress {
    fn new(walk: u64, entry: &LoggedRequest) -> Self {
        Self {
            walk,
            of: entry.user_id.clone(),
            began: entry.at.as_millisecond(),
            harmed: BTreeSet::new(),
            ended: false,
        }
    }

    /// Whether it tells something about these users.
    fn concerns(&self, users: &[User]) -> bool {
        let of = self.of.as_ref();
        of.is_none_or(|of| users.iter().any(|user| user.id == *of))
    }

    /// Whether a write at `now` acts on less than this walk set out to see. A walk in the smallest pages
    /// is a probe, and one of an earlier day has been followed by others.
    fn lacks_something(&self, key: &str, now: i64) -> bool {
        let whole = self.ended && self.harmed.is_empty();
        let probe = key.lines().any(|parameter| PROBES.contains(&parameter));
        !whole && !probe && now - self.began < 26 * 3_600_000
    }
}

/// The users a request wrote to, as they were before it.
fn written(entry: &LoggedRequest, world: &World) -> Vec<User> {
    let before = entry.at.as_millisecond() - 1;
    let in_body = entry
        .body
        .as_ref()
        .and_then(|body| body.get("users")?.as_array())
        .into_iter()
        .flatten()
        .filter_map(|user| user.get("id").or_else(|| user.get("email"))?.as_str());
    entry
        .user
        .as_deref()
        .into_iter()
        .chain(in_body)
        .filter_map(|key| world.find(key, before))
        .collect()
}

fn protected_by(user: &User, world: &World, named: bool) -> Option<&'static str> {
    // What they were when the account was generated counts too: an edit by the client itself
    // must not lift the protection.
    let generated = world.generator.user(user.index);
    let any = |is: fn(&User) -> bool| is(user) || generated.as_ref().is_some_and(is);
    if named {
        Some("named as protected")
    } else if any(|user| user.owner() || user.admin()) {
        Some("the owner or an administrator")
    } else if user.room {
        Some("a room")
    } else if any(|user| user.bundle.is_some()) {
        Some("licensed through a bundle")
    } else if any(|user| user.features.upcoming_event) {
        Some("the host of an event to come")
    } else {
        None
    }
}

/// Windows in which more calls were made than a share of the plan's rate; at least one call per
/// window is always within the share.
pub(crate) fn over_share(log: &[LoggedRequest], plan: Plan, share: f64) -> Vec<Violation> {
    let mut found = Vec::new();
    for label in Label::ALL {
        let rate = plan.rate(label);
        let allowed = crate::random::Ppm::of(share)
            .share_of(u64::from(rate.calls))
            .max(1);
        let calls: Vec<&LoggedRequest> = log
            .iter()
            .filter(|entry| entry.label == Some(label))
            .collect();
        let mut first = 0;
        for (last, entry) in calls.iter().enumerate() {
            let now = entry.at.as_millisecond();
            while calls[first].at.as_millisecond() <= now - rate.per_millis {
                first += 1;
            }
            let made = (last - first + 1) as u64;
            if made > allowed {
                found.push(Violation {
                    rule: Rule::OverShare,
                    request: entry.number,
                    at: entry.at,
                    detail: format!("{made} {label} calls where {allowed} are the share"),
                });
            }
        }
    }
    found
}
