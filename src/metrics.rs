//! The numbers that `GET /metrics` shows, in one place. What happens in this process is counted
//! here as it happens; what the store knows is read at each scrape and passed in as a [`Snapshot`].

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// Counters of this process. Cheap to clone; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Requests on the usage socket, by HTTP status.
    pub usage_requests: Family<StatusLabel, Counter>,
    /// Items in them, by fate.
    pub usage_items: Family<FateLabel, Counter>,
    /// Columns in stored items that we do not keep.
    pub usage_unknown_columns: Counter,
    /// Jobs that ended, by how.
    pub job_results: Family<JobLabel, Counter>,
    /// Calls made to vendors, by profile.
    pub vendor_calls: Family<ProfileLabel, Counter>,
    /// Of those, repeats.
    pub vendor_retries: Family<ProfileLabel, Counter>,
    /// Seconds that runs waited for a rate limit, ours or the vendor's.
    pub vendor_throttled: Family<ProfileLabel, Counter<f64, AtomicU64>>,
    /// Answers of vendors, by class of the HTTP status.
    pub vendor_answers: Family<AnswerLabel, Counter>,
}

/// Label of a count by HTTP status.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StatusLabel {
    /// HTTP status.
    pub status: u16,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Fate {
    /// A new record.
    Insert,
    /// A known record.
    Update,
    /// Refused, with its reason in the answer.
    Error,
}

/// Label of a count by fate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FateLabel {
    /// What became of it.
    pub fate: Fate,
}

/// Label of a count of job results.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct JobLabel {
    /// Of which profile.
    pub profile: String,
    /// Which subflow.
    pub subflow: String,
    /// How it ended.
    pub state: String,
}

/// Label of a count by profile.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ProfileLabel {
    /// Of which profile.
    pub profile: String,
}

/// Label of a count of vendors' answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AnswerLabel {
    /// Of which vendor.
    pub vendor: String,
    /// `2xx`, or `none` where no answer came.
    pub status_class: String,
}

/// What the store knows at the time of a scrape.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Findings in the files now.
    pub findings: u64,
    /// Whether the folder is held.
    pub folder_held: bool,
    /// (profile, condition, whether it is true).
    pub conditions: Vec<(String, String, bool)>,
    /// (profile, identifier, seats that stand).
    pub seats: Vec<(String, String, u64)>,
    /// (profile, subflow, Unix time of the last completed job).
    pub last_success: Vec<(String, String, f64)>,
    /// (connection, whether a person's consent is in force, Unix time of its end of age).
    pub authorizations: Vec<(String, bool, Option<f64>)>,
    /// Transactions with usage records in them since the start.
    pub usage_commits: u64,
    /// (profile, subflow, state, jobs that wait or run).
    pub jobs: Vec<(String, String, String, u64)>,
    /// (profile, state, candidates).
    pub candidates: Vec<(String, String, u64)>,
    /// (profile, guard, whether it holds the plan that a job made last, steps that it keeps back).
    pub guards: Vec<(String, String, bool, u64)>,
    /// (database, bytes with its log).
    pub store_bytes: Vec<(String, u64)>,
    /// Unix time at which the daemon started.
    pub started_at: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConditionLabel {
    profile: String,
    condition: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabel {
    connection: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CandidateLabel {
    profile: String,
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GuardLabel {
    profile: String,
    guard: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DatabaseLabel {
    database: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SeatLabel {
    profile: String,
    identifier: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SubflowLabel {
    profile: String,
    subflow: String,
}

impl Metrics {
    /// Everything as OpenMetrics text.
    pub fn render(&self, snapshot: Snapshot) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("seatsync");
        registry.register(
            "build",
            "The program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register(
            "usage_requests",
            "Requests on the usage socket",
            self.usage_requests.clone(),
        );
        registry.register(
            "usage_items",
            "Items pushed by agents",
            self.usage_items.clone(),
        );
        registry.register(
            "usage_unknown_columns",
            "Columns pushed by agents that are not kept",
            self.usage_unknown_columns.clone(),
        );
        registry.register("job_results", "Jobs that ended", self.job_results.clone());
        registry.register(
            "vendor_calls",
            "Calls made to vendors, retries included",
            self.vendor_calls.clone(),
        );
        registry.register(
            "vendor_retries",
            "Calls sent to vendors again after trouble",
            self.vendor_retries.clone(),
        );
        registry.register_with_unit(
            "vendor_throttled",
            "Time that runs waited for a rate limit",
            Unit::Seconds,
            self.vendor_throttled.clone(),
        );
        registry.register(
            "vendor_answers",
            "Answers of vendors by class of the HTTP status",
            self.vendor_answers.clone(),
        );
        register_work(&mut registry, &snapshot);
        register_snapshot(&mut registry, snapshot);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// What waits, runs and is decided, and what that takes of the disk.
fn register_work(registry: &mut Registry, snapshot: &Snapshot) {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let started = Gauge::<f64, AtomicU64>::default();
    started.set(snapshot.started_at);
    registry.register(
        "start_timestamp_seconds",
        "When the daemon started",
        started,
    );

    let jobs = Family::<JobLabel, Gauge>::default();
    for (profile, subflow, state, count) in &snapshot.jobs {
        let label = JobLabel {
            profile: profile.clone(),
            subflow: subflow.clone(),
            state: state.clone(),
        };
        jobs.get_or_create(&label).set(number(*count));
    }
    registry.register("jobs", "Jobs that wait or run", jobs);

    let candidates = Family::<CandidateLabel, Gauge>::default();
    for (profile, state, count) in &snapshot.candidates {
        let label = CandidateLabel {
            profile: profile.clone(),
            state: state.clone(),
        };
        candidates.get_or_create(&label).set(number(*count));
    }
    registry.register("candidates", "Seats found unused", candidates);

    let holds = Family::<GuardLabel, Gauge>::default();
    let withheld = Family::<GuardLabel, Gauge>::default();
    for (profile, guard, held, steps) in &snapshot.guards {
        let label = GuardLabel {
            profile: profile.clone(),
            guard: guard.clone(),
        };
        holds.get_or_create(&label).set(i64::from(*held));
        withheld.get_or_create(&label).set(number(*steps));
    }
    registry.register(
        "guard_holds",
        "The guard holds the plan that a job made last",
        holds,
    );
    registry.register(
        "guard_withheld",
        "Steps of that plan that the guard keeps back",
        withheld,
    );

    let bytes = Family::<DatabaseLabel, Gauge>::default();
    for (database, count) in &snapshot.store_bytes {
        let label = DatabaseLabel {
            database: database.clone(),
        };
        bytes.get_or_create(&label).set(number(*count));
    }
    registry.register_with_unit(
        "store",
        "Size of a database with its log",
        Unit::Bytes,
        bytes,
    );
}

fn register_snapshot(registry: &mut Registry, snapshot: Snapshot) {
    let findings = Gauge::<i64>::default();
    findings.set(i64::try_from(snapshot.findings).unwrap_or(i64::MAX));
    registry.register("findings", "Findings in the files now", findings);

    let held = Gauge::<i64>::default();
    held.set(i64::from(snapshot.folder_held));
    registry.register("folder_held", "The profiles folder is held", held);

    let conditions = Family::<ConditionLabel, Gauge>::default();
    for (profile, condition, holds) in snapshot.conditions {
        conditions
            .get_or_create(&ConditionLabel { profile, condition })
            .set(i64::from(holds));
    }
    registry.register("condition", "Conditions of profiles", conditions);

    let seats = Family::<SeatLabel, Gauge>::default();
    for (profile, identifier, count) in snapshot.seats {
        seats
            .get_or_create(&SeatLabel {
                profile,
                identifier,
            })
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    registry.register("seats", "Seats that stand", seats);

    let commits = Counter::<u64>::default();
    commits.inc_by(snapshot.usage_commits);
    registry.register(
        "usage_commits",
        "Transactions that stored usage records, each with one sync",
        commits,
    );

    let success = Family::<SubflowLabel, Gauge<f64, AtomicU64>>::default();
    for (profile, subflow, at) in snapshot.last_success {
        success
            .get_or_create(&SubflowLabel { profile, subflow })
            .set(at);
    }
    registry.register(
        "last_success_timestamp_seconds",
        "When the last completed job of a subflow ended",
        success,
    );

    let in_force = Family::<ConnectionLabel, Gauge>::default();
    let ends = Family::<ConnectionLabel, Gauge<f64, AtomicU64>>::default();
    for (connection, holds, ends_at) in snapshot.authorizations {
        let label = ConnectionLabel { connection };
        in_force.get_or_create(&label).set(i64::from(holds));
        if let Some(ends_at) = ends_at {
            ends.get_or_create(&label).set(ends_at);
        }
    }
    registry.register(
        "authorization_in_force",
        "A person's consent to a connection is in force",
        in_force,
    );
    registry.register(
        "authorization_end_timestamp_seconds",
        "When the refresh token of a connection ends of age",
        ends,
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn counters_and_the_store_s_numbers_stand_in_one_text() {
        let metrics = Metrics::default();
        metrics
            .usage_requests
            .get_or_create(&StatusLabel { status: 200 })
            .inc();
        let snapshot = Snapshot {
            seats: vec![("zoom-emea".into(), "zoom.licensed".into(), 41)],
            ..Snapshot::default()
        };
        let text = metrics.render(snapshot).unwrap();
        assert!(text.contains("seatsync_usage_requests_total{status=\"200\"} 1"));
        assert!(
            text.contains("seatsync_seats{profile=\"zoom-emea\",identifier=\"zoom.licensed\"} 41")
        );
        assert!(text.ends_with("# EOF\n"));
    }

    /// Names of every series, with all of them in use.
    fn names() -> BTreeSet<String> {
        let metrics = Metrics::default();
        let word = || "x".to_owned();
        let of_profile = ProfileLabel { profile: word() };
        metrics
            .usage_requests
            .get_or_create(&StatusLabel { status: 200 })
            .inc();
        metrics
            .usage_items
            .get_or_create(&FateLabel { fate: Fate::Insert })
            .inc();
        metrics
            .job_results
            .get_or_create(&JobLabel {
                profile: word(),
                subflow: word(),
                state: word(),
            })
            .inc();
        metrics.vendor_calls.get_or_create(&of_profile).inc();
        metrics.vendor_retries.get_or_create(&of_profile).inc();
        metrics.vendor_throttled.get_or_create(&of_profile).inc();
        metrics
            .vendor_answers
            .get_or_create(&AnswerLabel {
                vendor: word(),
                status_class: word(),
            })
            .inc();
        let snapshot = Snapshot {
            conditions: vec![(word(), word(), true)],
            seats: vec![(word(), word(), 1)],
            last_success: vec![(word(), word(), 1.0)],
            authorizations: vec![(word(), true, Some(1.0))],
            jobs: vec![(word(), word(), word(), 1)],
            candidates: vec![(word(), word(), 1)],
            guards: vec![(word(), word(), true, 1)],
            store_bytes: vec![(word(), 1)],
            ..Snapshot::default()
        };
        let text = metrics.render(snapshot).unwrap();
        let series = text.lines().filter(|line| !line.starts_with('#'));
        series
            .map(|line| line.split(['{', ' ']).next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn rules_dashboard_and_page_name_only_what_is_measured() {
        let known = names();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for (file, at_least) in [
            (
                "packaging/usr/share/seatsync/prometheus/seatsync.rules.yaml",
                8,
            ),
            ("packaging/usr/share/seatsync/grafana/seatsync.json", 8),
            ("docs/metrics.md", known.len()),
        ] {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let named: BTreeSet<&str> =
                words.filter(|word| word.starts_with("seatsync_")).collect();
            let unknown: Vec<_> = named
                .iter()
                .filter(|name| !known.contains(**name))
                .collect();
            assert!(unknown.is_empty(), "{file}: {unknown:?} of {known:?}");
            assert!(named.len() >= at_least, "{file} names {}", named.len());
        }
    }
}
