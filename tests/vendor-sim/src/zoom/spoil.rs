//! What a fault does to an answer of Zoom's.

use serde_json::{Map, Value, json};

use crate::fault::{Spoil, rows_of};
use crate::http::{Reply, Request};
use crate::zoom::endpoint::{Endpoint, Label};
use crate::zoom::errors::ApiError;
use crate::zoom::faults::{Refusal, Shape};
use crate::zoom::limits::TooMany;
use crate::zoom::options::Plan;

/// What a fault needs to know of the request it hits.
pub(crate) struct Scene<'a> {
    pub(crate) request: &'a Request,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) user: Option<&'a str>,
    pub(crate) plan: Plan,
    pub(crate) now: i64,
}

impl Spoil<Refusal, TooMany, Shape> for Scene<'_> {
    fn refuse(&self, refusal: &Refusal) -> Reply {
        refuse(*refusal, self).reply()
    }

    fn too_many(&self, kind: &TooMany) -> Reply {
        let label = self.endpoint.map_or(Label::Light, Endpoint::label);
        kind.reply(label, self.plan.rate(label).calls, self.now)
    }

    fn repeat_token(&self, body: &mut Value) {
        let used = self.request.param("next_page_token");
        if let Some(token) = used.filter(|token| !token.is_empty()) {
            body["next_page_token"] = json!(token);
        }
    }

    fn cut_walk(&self, body: &mut Value) {
        body["next_page_token"] = json!("");
    }

    fn reshape(&self, shape: &Shape, body: &mut Value) {
        reshape(*shape, body);
    }
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
