//! The vendors' wires behind one trait. A connector knows its vendor's API and nothing of the
//! store; the variants of [`ConnectorError`] are the decisions that a job takes.

pub mod aha;
pub mod any;
pub mod authorize;
pub mod connect;
mod distinct;
pub mod error;
pub mod facts;
pub mod goto;
pub mod grant;
pub(crate) mod http;
mod lenient;
pub(crate) mod limits;
pub mod options;
mod principal;
pub mod redirect;
pub mod stats;
pub(crate) mod token;
mod walk;
pub mod write;
pub mod zoom;

use jiff::civil::Date;
use tokio::sync::mpsc::Sender;

pub use any::AnyConnector;
pub use connect::Connectors;
pub use error::{CallContext, ConnectorError};
pub use options::{ConnectorOptions, Limits, RetryPolicy};
pub use stats::{CallCounts, CallStats};
pub use write::{
    Consequence, FreshSeat, Hindrance, Holding, PriorState, Refusal, RefusalKind, SeatRef,
    Settling, WriteOptions, Written,
};

use facts::{
    Account, ActivityKind, ActivityPage, ActivityPlan, AddOnReport, Process, Purchased, SeatPage,
    Verdict, WalkReport,
};

use crate::profile::identifier::Vendor;

/// A client of one vendor account.
///
/// Every call keeps to the account's rate budget, retries what is worth retrying and has a
/// deadline; an error that comes out is final for this run.
pub trait Connector: Send + Sync {
    /// Whose API it speaks.
    fn vendor(&self) -> Vendor;

    /// Which account the credentials belong to, and which scopes they were granted.
    fn account(&self) -> impl Future<Output = Result<Account, ConnectorError>> + Send;

    /// Proves that one process can work: download and activity by calling for real, reclaim, as far
    /// as `options` let it go, by the granted scopes without writing.
    fn validate(
        &self,
        process: Process,
        options: &WriteOptions,
    ) -> impl Future<Output = Verdict> + Send;

    /// Streams every seat that the vendor's list calls tell into `pages`, one page a message. The
    /// report says whether the walk was complete; the receiver judges nothing before it has it.
    fn walk_seats(
        &self,
        pages: Sender<SeatPage>,
    ) -> impl Future<Output = Result<WalkReport, ConnectorError>> + Send;

    /// Kinds of activity of which the walk itself tells everybody's latest, so that a complete walk
    /// says of every day before it who did nothing since.
    fn activity_in_list(&self) -> &'static [ActivityKind] {
        &[]
    }

    /// The add-on seats of one user, for vendors whose lists do not tell them; empty otherwise.
    fn add_ons(
        &self,
        external_user_id: &str,
    ) -> impl Future<Output = Result<AddOnReport, ConnectorError>> + Send;

    /// What the vendor says was bought and is assigned, where it says so.
    fn purchased(&self) -> impl Future<Output = Result<Vec<Purchased>, ConnectorError>> + Send;

    /// How activity can be had with the scopes granted: by day for the whole account, or per user.
    /// Kinds that are had in different ways, or are kept for different times, are different plans.
    fn activity_plans(
        &self,
    ) -> impl Future<Output = Result<Vec<ActivityPlan>, ConnectorError>> + Send;

    /// Streams the account's activity of one completed UTC day, as one of its plans says.
    fn activity_of_day(
        &self,
        plan: &ActivityPlan,
        day: Date,
        pages: Sender<ActivityPage>,
    ) -> impl Future<Output = Result<(), ConnectorError>> + Send;

    /// The activity of one user from `since` on, for accounts that have no reports by day.
    fn activity_of_user(
        &self,
        external_user_id: &str,
        since: Date,
    ) -> impl Future<Output = Result<ActivityPage, ConnectorError>> + Send;

    /// A seat as the vendor tells it now, with what speaks against taking it back: for the moment just
    /// before a write. `counting` is what counts as use of it; use before `since` does not matter.
    fn read_seat(
        &self,
        seat: &SeatRef,
        counting: &[ActivityKind],
        since: Date,
        options: &WriteOptions,
    ) -> impl Future<Output = Result<FreshSeat, ConnectorError>> + Send;

    /// Whether a seat is held now.
    fn holding(
        &self,
        seat: &SeatRef,
    ) -> impl Future<Output = Result<Holding, ConnectorError>> + Send;

    /// Takes a seat back. Sent once: after trouble it may or may not have taken effect, which only
    /// reading tells.
    fn reclaim_seat(
        &self,
        seat: &SeatRef,
        prior: &PriorState,
        options: &WriteOptions,
    ) -> impl Future<Output = Result<Written, ConnectorError>> + Send;

    /// Gives a seat back as it was. Sent once.
    fn restore_seat(
        &self,
        seat: &SeatRef,
        prior: &PriorState,
    ) -> impl Future<Output = Result<Written, ConnectorError>> + Send;

    /// How long the vendor may take to show a write.
    fn settles(&self) -> Settling;
}
