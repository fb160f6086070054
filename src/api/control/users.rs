//! The users of seats and who they are, and the directories that say so.

use axum::Json;
use axum::extract::{Query, State};

use super::Control;
use super::answer::Refusal;
use super::model::{DirectoryStatus, UserQuery, Users};
use super::page::{self, PageSize};
use super::seats::known_profile;
use crate::store::people::DirectoryRow;

/// `GET /v1/users`.
pub(super) async fn list(
    State(control): State<Control>,
    Query(query): Query<UserQuery>,
) -> Result<Json<Users>, Refusal> {
    let size = PageSize::of(query.limit, page::USUAL);
    let profile = known_profile(&control, query.profile.as_deref()).await?;
    let after = query.after.as_deref().map(|token| {
        let (profile, user) = token.split_once('/').unwrap_or((token, ""));
        (profile.to_owned(), user.to_owned())
    });
    let counts = if query.rows_only {
        None
    } else {
        Some(control.store.holder_counts(profile.clone()).await?)
    };
    let rows = control
        .store
        .seat_users(profile, query.show, after, size.with_one_ahead())
        .await?;
    let (rows, next) = size.cut(rows, |row| {
        format!("{}/{}", row.profile, row.external_user_id)
    });
    Ok(Json(Users {
        rows,
        next,
        counts,
        directories: directories(&control).await?,
    }))
}

async fn directories(control: &Control) -> Result<Vec<DirectoryStatus>, Refusal> {
    let now = control.clock.now();
    let rows = control.store.directories().await?.into_iter();
    let rows = rows.map(|directory| DirectoryStatus {
        stale: directory.stale(now),
        directory,
    });
    Ok(rows.collect())
}

/// What a person should look at, a sentence each.
pub(super) async fn warnings(control: &Control) -> Result<Vec<String>, Refusal> {
    let now = control.clock.now();
    let told = |row: &DirectoryRow| {
        let stale = row.stale(now)?;
        Some(format!(
            "UserDirectory {}: {stale}; nobody counts as having left by it meanwhile",
            row.name
        ))
    };
    Ok(control
        .store
        .directories()
        .await?
        .iter()
        .filter_map(told)
        .collect())
}
