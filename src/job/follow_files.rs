//! What follows from changed files before any vendor is asked, done at once for one profile: a snapshot is
//! planned from by this, where the daemon goes through its queue.

use jiff::tz::TimeZone;

use super::lookout::match_all;
use crate::clock::Clock;
use crate::profile::model::SubflowKind;
use crate::reclamation::rule::Rules;
use crate::settings::Settings;
use crate::store::Store;
use crate::store::document::RecordedProfile;
use crate::store::job::Counts;
use crate::subflow::entries::Matcher;
use crate::subflow::progress::{JobProgress, Reporter, RunningJobs};
use crate::subflow::{Run, SubflowError, candidates};

/// Records the rules that reach a profile now, matches its entries again, and finds its candidates.
pub async fn follow_files(
    store: &Store,
    profile: &RecordedProfile,
    clock: &dyn Clock,
    settings: &Settings,
) -> Result<(), SubflowError> {
    let now = clock.now();
    let zone: &TimeZone = &settings.time_zone;
    let rules = Rules::of(&profile.desired, settings.guards);
    store.settle_rules(profile.id, rules, now).await?;
    let matcher = Matcher::new(&profile.desired, now.to_zoned(zone.clone()).date());
    match_all(store, profile, matcher, now).await?;
    let job = format!("files-{}", profile.id.0);
    let reporter = Reporter::start(
        tokio::sync::watch::Sender::new(RunningJobs::new()),
        job.clone(),
        JobProgress {
            profile: profile.name.clone(),
            subflow: SubflowKind::RefreshCandidates,
            started_at: now,
            step: "following changed files".to_owned(),
            done: 0,
            of: None,
        },
    );
    let run = Run {
        store,
        clock,
        zone,
        profile,
        job: &job,
        reporter: &reporter,
    };
    candidates::refresh_candidates(&run, settings.guards, &mut Counts::default()).await?;
    Ok(())
}
