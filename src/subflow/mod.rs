//! What a job does at a vendor, one file per subflow, vendor-neutral: it knows the connector's
//! contract and the store's verbs. [`crate::job`] runs them and decides what their errors mean.

pub mod activity;
pub mod add_ons;
pub mod candidates;
pub mod coverage;
pub mod criteria;
pub mod decide;
pub mod download;
pub mod entries;
pub mod entry_standing;
pub mod explain;
pub mod gate;
pub mod installed;
pub mod installed_decide;
pub mod installed_explain;
pub mod plan;
pub mod position;
pub mod progress;
pub mod reclaim;
pub mod restore;
pub mod savings;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock::Clock;
use crate::connector::ConnectorError;
use crate::store::document::RecordedProfile;
use crate::store::job::Failure;
use crate::store::{Store, StoreError};
use progress::Reporter;

/// What a subflow runs with.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Where facts go.
    pub store: &'a Store,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// The settings' zone: last days of entries are days of it.
    pub zone: &'a TimeZone,
    /// For which profile.
    pub profile: &'a RecordedProfile,
    /// The job's id.
    pub job: &'a str,
    /// Where it tells how far it is.
    pub reporter: &'a Reporter,
}

impl Run<'_> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Today in UTC, which vendors' days are.
    fn today(&self) -> Date {
        self.now().to_zoned(TimeZone::UTC).date()
    }
}

/// How a run ended that was not cut short by an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was done.
    Completed,
    /// What was done counts; something is missing.
    Partial(Failure),
    /// Nothing of it counts: the vendor's lists cannot be believed.
    Unbelieved(Failure),
}

/// What cut a run short. What was recorded before it stays.
#[derive(Debug, thiserror::Error)]
pub enum SubflowError {
    /// At the vendor; the variant says what to do.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// In the store.
    #[error(transparent)]
    Store(#[from] StoreError),
}
