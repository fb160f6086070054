//! What a fault does to an answer.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::http::{Reply, Request, Wire};
use crate::zoom::endpoint::{Endpoint, Label};
use crate::zoom::errors::ApiError;
use crate::zoom::faults::{Action, Refusal, Shape};
use crate::zoom::options::Plan;

/// What a fault needs to know of the request it hits.
pub(crate) struct Scene<'a> {
    pub(crate) request: &'a Request,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) user: Option<&'a str>,
    pub(crate) plan: Plan,
    pub(crate) now: i64,
}

impl Action {
    /// Turns the answer into what the fault says. For a fault that preempts, `reply` is empty.
    pub(crate) fn spoil(&self, mut reply: Reply, scene: &Scene<'_>) -> Reply {
        match self {
            Self::Answer {
                status,
                body,
                headers,
                ..
            } => answer(*status, body.as_ref(), headers),
            Self::Html { status, .. } => html(*status),
            Self::Refuse { refusal } => refuse(*refusal, scene).reply(),
            Self::TooMany { kind } => {
                let label = scene.endpoint.map_or(Label::Light, Endpoint::label);
                kind.reply(label, scene.plan.rate(label).calls, scene.now)
            }
            Self::Reset { .. } => wired(reply, Wire::Reset),
            Self::Hang => wired(reply, Wire::Hang),
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
            Self::RepeatToken => edited(reply, |body| {
                if let Some(token) = scene
                    .request
                    .param("next_page_token")
                    .filter(|t| !t.is_empty())
                {
                    body["next_page_token"] = json!(token);
                }
            }),
            Self::CutWalk => edited(reply, |body| body["next_page_token"] = json!("")),
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
            Self::Reshape { shape } => edited(reply, |body| reshape(*shape, body)),
        }
    }
}

fn wired(mut reply: Reply, wire: Wire) -> Reply {
    reply.wire = wire;
    reply
}

fn answer(
    status: u16,
    body: Option<&Value>,
    headers: &std::collections::BTreeMap<String, String>,
) -> Reply {
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

fn refuse(refusal: Refusal, scene: &Scene<'_>) -> ApiError {
    let user = scene.user.unwrap_or_default();
    match refusal {
        Refusal::ExpiredToken => ApiError::expired_token(),
        Refusal::InvalidToken400 => ApiError::bad(124, "Invalid access token."),
        Refusal::MissingScope => {
            ApiError::missing_scope(scene.endpoint.unwrap_or(Endpoint::GetUser))
        }
        Refusal::Forbidden => ApiError::new(403, 403, "You do not have permission."),
        Refusal::NoSuchUser => ApiError::no_such_user(user),
        Refusal::NotInAccount => ApiError::bad(1010, "User does not belong to this account."),
        Refusal::InviteExpired => ApiError::invite_expired(),
        Refusal::NoHosting => ApiError::no_hosting(),
        Refusal::WebinarPlanMissing => ApiError::webinar_plan_missing(),
        Refusal::BadPageToken => ApiError::bad_page_token(),
        Refusal::NoPermission => ApiError::bad(200, "No permission."),
        Refusal::InternalError => ApiError::new(500, 500, "Internal server error."),
        Refusal::Unavailable => ApiError::new(503, 503, "Service temporarily unavailable."),
    }
}

/// Edits a JSON body; anything else passes unharmed.
fn edited(mut reply: Reply, edit: impl FnOnce(&mut Value)) -> Reply {
    if let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body)
        && body.is_object()
    {
        edit(&mut body);
        reply.body = serde_json::to_vec(&body).unwrap_or_default();
    }
    reply
}

/// The rows of a page: the first array of objects in it.
fn rows_of(body: &mut Value) -> Option<&mut Vec<Value>> {
    body.as_object_mut()?
        .values_mut()
        .find_map(Value::as_array_mut)
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

fn reshape(shape: Shape, body: &mut Value) {
    match shape {
        Shape::PlanBaseArray => {
            for plan in ["plan_base", "plan_zoom_rooms"] {
                if let Some(value) = body.get_mut(plan).filter(|value| value.is_object()) {
                    *value = json!([value.take()]);
                }
            }
        }
        _ => each_record(body, &|record| reshape_record(shape, record)),
    }
}

/// Calls `edit` with the answer itself and with each of its rows.
fn each_record(body: &mut Value, edit: &dyn Fn(&mut Map<String, Value>)) {
    if let Some(rows) = rows_of(body) {
        rows.iter_mut()
            .filter_map(Value::as_object_mut)
            .for_each(edit);
    }
    if let Some(body) = body.as_object_mut() {
        edit(body);
    }
}

fn reshape_record(shape: Shape, record: &mut Map<String, Value>) {
    let attribute = json!({"key": "cbf_cywdkexrtqc73f97gd4w6g", "name": "age", "value": "18"});
    let is_person = record.contains_key("email") || record.contains_key("host_email");
    match shape {
        Shape::CustomAttributesObject if is_person => {
            record.insert("custom_attributes".to_owned(), attribute);
        }
        Shape::CustomAttributesArray if is_person => {
            record.insert("custom_attributes".to_owned(), json!([attribute]));
        }
        Shape::GroupString => {
            if let Some(group) = record.get_mut("group").filter(|group| group.is_array()) {
                let name = group.get(0).cloned().unwrap_or_else(|| json!(""));
                *group = name;
            }
        }
        Shape::HugeZoomOneType if is_person => {
            record.insert(
                "zoom_one_type".to_owned(),
                json!(576_460_752_303_423_488_u64),
            );
        }
        Shape::UnknownFields => {
            record.insert(
                "x_new_member".to_owned(),
                json!({"since": 2027, "flags": [true, null]}),
            );
        }
        Shape::UnknownType if is_person => {
            record.insert("type".to_owned(), json!(17));
        }
        _ => {}
    }
}
