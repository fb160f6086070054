//! Faults on demand: rules that pick requests and say what goes wrong with them. A rule is data,
//! so a test sets it in-process and a benchmark over the control surface alike. What differs
//! between vendors (operations, refusals, shapes of answers) comes in by type.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::{Reply, Request, Wire};

/// An operation of a vendor's API, as rules and logs speak of it.
pub trait Operation: Copy + PartialEq {
    /// The name used in the log and by fault rules.
    fn name(self) -> &'static str;

    /// Whether a request with this query asks for a page after the first.
    fn later_page(query: &[(String, String)]) -> bool;
}

/// A rule: which requests, how many of them, and what happens to them. The first rule that
/// matches a request decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault<E, A> {
    /// Shown in the request log.
    #[serde(default)]
    pub name: String,
    /// Which requests.
    #[serde(default = "When::any")]
    pub when: When<E>,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many are hit after that; without it, all.
    #[serde(default)]
    pub count: Option<u32>,
    /// What happens.
    pub action: A,
}

/// Which requests a rule picks; what is not set does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When<E> {
    /// The operation.
    #[serde(default = "none")]
    pub endpoint: Option<E>,
    /// The beginning of the path, such as `/oauth/token` or `/v2/report`.
    #[serde(default)]
    pub path: Option<String>,
    /// The method, in capitals.
    #[serde(default)]
    pub method: Option<String>,
    /// The user in the path, as sent.
    #[serde(default)]
    pub user: Option<String>,
    /// Query parameters with these values.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Only pages after the first of a walk (`true`) or only first pages (`false`).
    #[serde(default)]
    pub later_page: Option<bool>,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action<R, T, S> {
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
    /// One of the vendor's refusals.
    Refuse {
        /// Which.
        refusal: R,
    },
    /// A 429.
    TooMany {
        /// Of which kind.
        kind: T,
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
    /// Takes effect, and never answers.
    Swallow,
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
        shape: S,
    },
}

/// What only the vendor knows of a fault.
pub(crate) trait Spoil<R, T, S> {
    /// The refusal, worded for this request.
    fn refuse(&self, refusal: &R) -> Reply;

    /// The 429.
    fn too_many(&self, kind: &T) -> Reply;

    /// Makes the page point to itself.
    fn repeat_token(&self, body: &mut Value);

    /// Makes the page the last.
    fn cut_walk(&self, body: &mut Value);

    /// Gives the answer another shape.
    fn reshape(&self, shape: &S, body: &mut Value);
}

impl<E: Operation, A> Fault<E, A> {
    /// Hits every request to an operation.
    pub fn on(endpoint: E, action: A) -> Self {
        Self {
            name: endpoint.name().to_owned(),
            when: When {
                endpoint: Some(endpoint),
                ..When::any()
            },
            skip: 0,
            count: None,
            action,
        }
    }

    /// Hits every request whose path begins so.
    pub fn on_path(path: &str, action: A) -> Self {
        Self {
            name: path.to_owned(),
            when: When {
                path: Some(path.to_owned()),
                ..When::any()
            },
            skip: 0,
            count: None,
            action,
        }
    }

    /// Only so many requests.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// Only after so many have passed.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
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

fn none<E>() -> Option<E> {
    None
}

impl<E> When<E> {
    /// Every request.
    pub const fn any() -> Self {
        Self {
            endpoint: None,
            path: None,
            method: None,
            user: None,
            query: BTreeMap::new(),
            later_page: None,
        }
    }
}

impl<E> Default for When<E> {
    fn default() -> Self {
        Self::any()
    }
}

impl<E: Operation> When<E> {
    fn matches(&self, request: &Request, endpoint: Option<E>, user: Option<&str>) -> bool {
        let later = E::later_page(&request.query);
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
#[derive(Debug)]
pub(crate) struct Faults<E, A> {
    rules: Vec<Fault<E, A>>,
}

impl<E, A> Default for Faults<E, A> {
    fn default() -> Self {
        Self { rules: Vec::new() }
    }
}

impl<E: Operation, A: Clone> Faults<E, A> {
    pub(crate) fn add(&mut self, fault: Fault<E, A>) {
        self.rules.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> &[Fault<E, A>] {
        &self.rules
    }

    /// The fault that hits this request, counted.
    pub(crate) fn hit(
        &mut self,
        request: &Request,
        endpoint: Option<E>,
        user: Option<&str>,
    ) -> Option<Fault<E, A>> {
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

impl<R, T, S> Action<R, T, S> {
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

    /// Turns the answer into what the fault says. For a fault that preempts, `reply` is empty.
    pub(crate) fn spoil(&self, mut reply: Reply, vendor: &impl Spoil<R, T, S>) -> Reply {
        match self {
            Self::Answer {
                status,
                body,
                headers,
                ..
            } => answer(*status, body.as_ref(), headers),
            Self::Html { status, .. } => html(*status),
            Self::Refuse { refusal } => vendor.refuse(refusal),
            Self::TooMany { kind } => vendor.too_many(kind),
            Self::Reset { .. } => wired(reply, Wire::Reset),
            Self::Hang | Self::Swallow => wired(reply, Wire::Hang),
            Self::CutBody { bytes } => wired(reply, Wire::CutAfter(*bytes)),
            Self::Slow {
                piece,
                pause_millis,
            } => {
                let pause = Duration::from_millis(*pause_millis);
                wired(
                    reply,
                    Wire::Slow {
                        piece: *piece,
                        pause,
                    },
                )
            }
            Self::TruncateJson { bytes } => {
                reply.body.truncate(*bytes);
                reply
            }
            Self::Delay { .. } => reply,
            Self::RepeatToken => edited(reply, |body| vendor.repeat_token(body)),
            Self::CutWalk => edited(reply, |body| vendor.cut_walk(body)),
            Self::DropRows { rows } => edited(reply, |body| {
                if let Some(list) = rows_of(body) {
                    list.truncate(list.len().saturating_sub(*rows));
                }
            }),
            Self::RepeatRows { rows } => edited(reply, |body| {
                if let Some(list) = rows_of(body) {
                    let again: Vec<Value> = list.iter().take(*rows).cloned().collect();
                    list.extend(again);
                }
            }),
            Self::Set { pointer, value } => edited(reply, |body| set(body, pointer, value)),
            Self::Reshape { shape } => edited(reply, |body| vendor.reshape(shape, body)),
        }
    }
}

fn wired(mut reply: Reply, wire: Wire) -> Reply {
    reply.wire = wire;
    reply
}

fn answer(status: u16, body: Option<&Value>, headers: &BTreeMap<String, String>) -> Reply {
    let mut reply = match body {
        None => Reply::empty(status),
        Some(Value::String(text)) => Reply::text(status, "text/plain", text.as_str()),
        Some(body) => Reply::json(status, body),
    };
    for (name, value) in headers {
        reply.set_header(name.to_ascii_lowercase(), value.as_str());
    }
    reply
}

/// The error page of a proxy in front of the API.
fn html(status: u16) -> Reply {
    let title = match status {
        502 => "502 Bad Gateway",
        503 => "503 Service Temporarily Unavailable",
        504 => "504 Gateway Time-out",
        _ => "Error",
    };
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\
         \r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    Reply::text(status, "text/html", page)
}

/// Edits a JSON body; anything else passes unharmed.
fn edited(mut reply: Reply, edit: impl FnOnce(&mut Value)) -> Reply {
    let text = String::from_utf8_lossy(&reply.body);
    if let Ok(mut body) = serde_json::from_str::<Value>(&with_long_numbers(&text, hidden))
        && (body.is_object() || body.is_array())
    {
        edit(&mut body);
        reply.body = match serde_json::to_string(&body) {
            Ok(text) => text
                .replace(HIDDEN_BEFORE, "")
                .replace(HIDDEN_AFTER, "")
                .into_bytes(),
            Err(_) => Vec::new(),
        };
    }
    reply
}

/// Around a number that is text while it is edited.
const HIDDEN_BEFORE: &str = "\"#number:";
const HIDDEN_AFTER: &str = ":number#\"";
/// Digits that a number may have and still be kept exactly by any JSON library.
const SAFE_DIGITS: usize = 15;

fn hidden(digits: &str) -> String {
    format!("{HIDDEN_BEFORE}{digits}{HIDDEN_AFTER}")
}

/// Puts something in the place of each whole number that editing would round.
fn with_long_numbers(text: &str, replace: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_text = false;
    while let Some(first) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let taken = if in_text && first == '\\' {
            2.min(rest.len())
        } else if !in_text && digits > 0 {
            digits
        } else {
            in_text ^= first == '"';
            first.len_utf8()
        };
        let (piece, after) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        if !in_text && digits > SAFE_DIGITS {
            out.push_str(&replace(piece));
        } else {
            out.push_str(piece);
        }
        rest = after;
    }
    out
}

/// The rows of a page: the answer itself where it is a list, else the first list in it.
pub(crate) fn rows_of(body: &mut Value) -> Option<&mut Vec<Value>> {
    match body {
        Value::Array(rows) => Some(rows),
        Value::Object(members) => members.values_mut().find_map(|value| match value {
            Value::Array(rows) => Some(rows),
            // HAL puts the list one level deeper.
            Value::Object(inner) => inner.values_mut().find_map(Value::as_array_mut),
            _ => None,
        }),
        _ => None,
    }
}

fn set(body: &mut Value, pointer: &str, value: &Value) {
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        return;
    };
    match body.pointer_mut(parent) {
        Some(Value::Object(members)) => {
            members.insert(last.to_owned(), value.clone());
        }
        Some(Value::Array(items)) => {
            if let Some(item) = last.parse().ok().and_then(|at: usize| items.get_mut(at)) {
                *item = value.clone();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_survive_an_edit_and_text_is_left_alone() {
        let body = r#"{"key":78888886011013972886849029,"s":"a \" 78888886011013972886849029","n":[1,4266846632996900001]}"#;
        let reply = Reply {
            body: body.as_bytes().to_vec(),
            ..Reply::default()
        };
        let reply = edited(reply, |body| body["new"] = Value::Null);
        let expected = body.replace("]}", r#"],"new":null}"#);
        assert_eq!(String::from_utf8(reply.body).unwrap(), expected);
    }
}
