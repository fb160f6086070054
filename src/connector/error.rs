//! What can go wrong at a vendor. Each variant is a decision that the caller takes.

use jiff::Timestamp;

use crate::secret::SecretError;

/// Where in the vendor's API something happened, for messages and job results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallContext {
    /// The step in our words, for instance `list active users`.
    pub step: String,
    /// HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// The vendor's own error code.
    pub code: Option<String>,
    /// The vendor's trace id.
    pub trace_id: Option<String>,
}

/// A failed vendor call, after every retry that was worth making.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// The credentials are refused: a person must act; retrying is useless.
    #[error("{}: the vendor refuses the credentials: {message}", context.step)]
    Unauthorized {
        /// Where.
        context: CallContext,
        /// What the vendor said and what to do.
        message: String,
    },
    /// A scope is missing: that process is degraded, others go on.
    #[error("{}: scope {} is not granted: add it to the vendor app and authorise again", context.step, scopes.join(" or "))]
    MissingScope {
        /// Where.
        context: CallContext,
        /// Alternatives, any of which would do.
        scopes: Vec<String>,
    },
    /// The rate limit leaves no room before `until`: run again then, it costs no attempt.
    #[error("{}: the vendor's rate limit is used up until {until}", context.step)]
    RateLimited {
        /// Where.
        context: CallContext,
        /// When there is room again.
        until: Timestamp,
    },
    /// Network or server trouble outlasted the retries: run again later.
    #[error("{}: the vendor cannot be reached: {message}", context.step)]
    Unavailable {
        /// Where.
        context: CallContext,
        /// The last cause.
        message: String,
    },
    /// The vendor says no to this request: do not repeat it.
    #[error("{}: the vendor refuses: {message}", context.step)]
    Rejected {
        /// Where.
        context: CallContext,
        /// What the vendor said.
        message: String,
    },
    /// The answer is not what the vendor documents: fail, keep the place.
    #[error("{}: the vendor's answer cannot be understood: {message}", context.step)]
    Malformed {
        /// Where.
        context: CallContext,
        /// What is wrong with it.
        message: String,
    },
    /// This version does not speak that vendor or grant.
    #[error("{what} is not supported by this version of seatsync")]
    Unsupported {
        /// What was asked for.
        what: String,
    },
    /// The connection or the host lacks something that calling needs; nothing was called.
    #[error("{message}")]
    Misconfigured {
        /// What is missing, and where to put it.
        message: String,
    },
    /// A secret could not be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The receiver of pages went away: the run was cancelled.
    #[error("the run was cancelled")]
    Cancelled,
}

impl ConnectorError {
    /// The kind of trouble in one word, for traces.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Unauthorized { .. } => "unauthorized",
            Self::MissingScope { .. } => "missing_scope",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Rejected { .. } => "rejected",
            Self::Malformed { .. } => "malformed",
            Self::Unsupported { .. } => "unsupported",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Secret(_) => "secret",
            Self::Cancelled => "cancelled",
        }
    }

    /// Where it happened, when a call was made.
    pub fn context(&self) -> Option<&CallContext> {
        match self {
            Self::Unauthorized { context, .. }
            | Self::MissingScope { context, .. }
            | Self::RateLimited { context, .. }
            | Self::Unavailable { context, .. }
            | Self::Rejected { context, .. }
            | Self::Malformed { context, .. } => Some(context),
            Self::Unsupported { .. }
            | Self::Misconfigured { .. }
            | Self::Secret(_)
            | Self::Cancelled => None,
        }
    }
}
