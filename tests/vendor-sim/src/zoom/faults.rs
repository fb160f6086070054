//! Faults on demand: rules that pick requests and say what goes wrong with them. A rule is data,
//! so a test sets it in-process and a benchmark over the control surface alike.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::Request;
use crate::zoom::endpoint::Endpoint;
use crate::zoom::limits::TooMany;

/// A rule: which requests, how many of them, and what happens to them. The first rule that
/// matches a request decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Shown in the request log.
    #[serde(default)]
    pub name: String,
    /// Which requests.
    #[serde(default)]
    pub when: When,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many are hit after that; without it, all.
    #[serde(default)]
    pub count: Option<u32>,
    /// What happens.
    pub action: Action,
}

/// Which requests a rule picks; what is not set does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The operation.
    pub endpoint: Option<Endpoint>,
    /// The beginning of the path, such as `/oauth/token` or `/v2/report`.
    pub path: Option<String>,
    /// The method, in capitals.
    pub method: Option<String>,
    /// The user in the path, as sent.
    pub user: Option<String>,
    /// Query parameters with these values.
    pub query: BTreeMap<String, String>,
    /// Only pages after the first of a walk (`true`) or only first pages (`false`).
    pub later_page: Option<bool>,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Answers with a status and a body of choice.
    Answer {
        /// The HTTP status.
        status: u16,
        /// A JSON body; a string is sent as plain text.
        #[serde(default)]
        body: Option<Value>,
        /// Further headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// Whether the request takes effect nevertheless.
        #[serde(default)]
        after_effect: bool,
    },
    /// Answers with a proxy's HTML error page.
    Html {
        /// The HTTP status, such as 502.
        status: u16,
        /// Whether the request takes effect nevertheless.
        #[serde(default)]
        after_effect: bool,
    },
    /// One of Zoom's refusals.
    Refuse {
        /// Which.
        refusal: Refusal,
    },
    /// A 429.
    TooMany {
        /// Of which kind.
        kind: TooMany,
    },
    /// Drops the connection without an answer.
    Reset {
        /// Whether the request takes effect nevertheless: the lost 204.
        #[serde(default)]
        after_effect: bool,
    },
    /// Announces the whole body, sends part of it and drops the connection.
    CutBody {
        /// Bytes sent.
        bytes: usize,
    },
    /// Sends a well-formed answer whose JSON stops early.
    TruncateJson {
        /// Bytes kept.
        bytes: usize,
    },
    /// Sends the body in small pieces.
    Slow {
        /// Bytes of a piece.
        piece: usize,
        /// Real milliseconds before each.
        pause_millis: u64,
    },
    /// Lets the request rest before it takes effect.
    Delay {
        /// Real milliseconds.
        millis: u64,
    },
    /// Never answers.
    Hang,
    /// Gives the token that was just used as the next one again.
    RepeatToken,
    /// Claims that this page is the last.
    CutWalk,
    /// Leaves out the last rows of the page; the total stays.
    DropRows {
        /// How many.
        rows: usize,
    },
    /// Sends the first rows of the page twice.
    RepeatRows {
        /// How many.
        rows: usize,
    },
    /// Puts a value at a place of the answer.
    Set {
        /// A JSON pointer, such as `/users/0/type`; the last part may be new.
        pointer: String,
        /// The value.
        value: Value,
    },
    /// Gives the answer one of the shapes seen in the field.
    Reshape {
        /// Which.
        shape: Shape,
    },
}

/// Zoom's refusals that a rule may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// 401, code 124: expired.
    ExpiredToken,
    /// 400, code 124: invalid, with the other status seen in the field.
    InvalidToken400,
    /// 400, code 4711.
    MissingScope,
    /// 403: the role lost the permission.
    Forbidden,
    /// 404, code 1001.
    NoSuchUser,
    /// 400, code 1010.
    NotInAccount,
    /// 400, code 1120.
    InviteExpired,
    /// 400, code 3161.
    NoHosting,
    /// 400, code 200: webinar plan missing.
    WebinarPlanMissing,
    /// 400, code 300: bad page token.
    BadPageToken,
    /// 400, code 200: "No permission."
    NoPermission,
    /// 500 with a JSON body.
    InternalError,
    /// 503 with a JSON body.
    Unavailable,
}

/// Shapes of answers that differ from the documented one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `custom_attributes` as one object instead of an array.
    CustomAttributesObject,
    /// `custom_attributes` as an array.
    CustomAttributesArray,
    /// `plan_base` and `plan_zoom_rooms` as arrays.
    PlanBaseArray,
    /// A row's `group` as text instead of an array.
    GroupString,
    /// `zoom_one_type` beyond what a double holds exactly.
    HugeZoomOneType,
    /// Members nobody knows, everywhere.
    UnknownFields,
    /// A user `type` nobody knows.
    UnknownType,
}

impl Fault {
    /// Hits every request to an operation.
    pub fn on(endpoint: Endpoint, action: Action) -> Self {
        Self {
            name: endpoint.name().to_owned(),
            when: When {
                endpoint: Some(endpoint),
                ..When::default()
            },
            skip: 0,
            count: None,
            action,
        }
    }

    /// Hits every request whose path begins so.
    pub fn on_path(path: &str, action: Action) -> Self {
        Self {
            name: path.to_owned(),
            when: When {
                path: Some(path.to_owned()),
                ..When::default()
            },
            skip: 0,
            count: None,
            action,
        }
    }

    /// Only so many requests.
    #[must_use]
    pub const fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// Only after so many have passed.
    #[must_use]
    pub const fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Only for this user, named as in the path.
    #[must_use]
    pub fn for_user(mut self, user: &str) -> Self {
        self.when.user = Some(user.to_owned());
        self
    }
}

impl When {
    fn matches(&self, request: &Request, endpoint: Option<Endpoint>, user: Option<&str>) -> bool {
        let later = request
            .param("next_page_token")
            .is_some_and(|token| !token.is_empty());
        self.endpoint.is_none_or(|wanted| Some(wanted) == endpoint)
            && self
                .path
                .as_deref()
                .is_none_or(|prefix| request.path.starts_with(prefix))
            && self
                .method
                .as_deref()
                .is_none_or(|method| request.method == method)
            && self.user.as_deref().is_none_or(|name| user == Some(name))
            && self.later_page.is_none_or(|wanted| wanted == later)
            && self
                .query
                .iter()
                .all(|(name, value)| request.param(name) == Some(value))
    }
}

/// The rules in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.rules.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> &[Fault] {
        &self.rules
    }

    /// The fault that hits this request, counted.
    pub(crate) fn hit(
        &mut self,
        request: &Request,
        endpoint: Option<Endpoint>,
        user: Option<&str>,
    ) -> Option<Fault> {
        let rule = self
            .rules
            .iter_mut()
            .find(|rule| rule.count != Some(0) && rule.when.matches(request, endpoint, user))?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        if let Some(left) = &mut rule.count {
            *left -= 1;
        }
        Some(rule.clone())
    }
}

impl Action {
    /// How long the request rests first.
    pub(crate) const fn delay(&self) -> Duration {
        match self {
            Self::Delay { millis } => Duration::from_millis(*millis),
            _ => Duration::ZERO,
        }
    }

    /// Whether the request is answered without being looked at.
    pub(crate) const fn preempts(&self) -> bool {
        match self {
            Self::Answer { after_effect, .. }
            | Self::Html { after_effect, .. }
            | Self::Reset { after_effect } => !*after_effect,
            Self::Refuse { .. } | Self::TooMany { .. } | Self::Hang => true,
            _ => false,
        }
    }

    /// Whether a page hit by this can be taken for a whole one by mistake, or is lost.
    pub(crate) const fn spoils_page(&self) -> bool {
        !matches!(
            self,
            Self::Delay { .. } | Self::Slow { .. } | Self::Reshape { .. } | Self::Set { .. }
        )
    }
}
