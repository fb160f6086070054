//! The roles of a user in products.

use serde_json::json;

use crate::aha::errors;
use crate::aha::service::{Call, State};
use crate::aha::user::ProductRole;
use crate::http::Reply;

/// `GET /users/{id}/product_roles`.
pub(crate) fn list(state: &State, call: &Call<'_>) -> Reply {
    let Some(user) = state.world.find(call.subject(0), call.now) else {
        return errors::not_found();
    };
    let page = match state.page(call.request) {
        Ok(page) => page,
        Err(refused) => return refused,
    };
    let roles = user.product_roles.iter().skip(page.first()).take(page.size);
    let roles: Vec<&ProductRole> = roles.collect();
    let pagination = page.describe(user.product_roles.len());
    Reply::json(
        200,
        &json!({"product_roles": roles, "pagination": pagination}),
    )
}

/// `POST /users/{id}/product_roles`: answers the role without anything around it.
pub(crate) fn add(state: &mut State, call: &Call<'_>) -> Reply {
    let Some(user) = state.world.find(call.subject(0), call.now) else {
        return errors::not_found();
    };
    let body = call.json();
    let text = |name: &str| body["product_role"][name].as_str().unwrap_or_default();
    let (word, product) = (text("role"), text("product_id"));
    let role = ProductRole::by_word(word, product);
    if product.is_empty() || role.is_none() && word != "none" {
        return errors::invalid(&["Role is not included in the list"]);
    }
    state.world.edit(user.row, call.now, |user| {
        user.product_roles
            .retain(|known| known.product_id != product);
        user.product_roles.extend(role.clone());
    });
    Reply::json(200, &role)
}

/// `DELETE /users/{id}/product_roles/{product_id}`.
pub(crate) fn remove(state: &mut State, call: &Call<'_>) -> Reply {
    let product = call.subject(1);
    let Some(user) = state.world.find(call.subject(0), call.now) else {
        return errors::not_found();
    };
    if user
        .product_roles
        .iter()
        .all(|role| role.product_id != product)
    {
        return errors::not_found();
    }
    state.world.edit(user.row, call.now, |user| {
        user.product_roles.retain(|role| role.product_id != product);
    });
    Reply::empty(204)
}
