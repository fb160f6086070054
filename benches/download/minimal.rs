//! The least that does the work at Zoom: fetch a page, stage it, and merge once.

use std::path::Path;

use rusqlite::{Connection, params};
use seatsync::clock::{Clock, SystemClock};
use serde::Deserialize;
use serde_json::Value;

use crate::Result;
use crate::pull::tell;

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

#[derive(Deserialize)]
struct Page {
    next_page_token: String,
    users: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    id: String,
    email: String,
    #[serde(default)]
    display_name: String,
    #[serde(rename = "type", default)]
    kind: i64,
    #[serde(default)]
    status: String,
    #[serde(default)]
    role_id: String,
    dept: Option<String>,
    #[serde(rename = "user_created_at")]
    created: Option<String>,
    last_login_time: Option<String>,
}

/// The least that does the work: fetch a page, stage it, and merge once at the end. It syncs
/// nothing; ours syncs its merge.
pub(crate) async fn minimal(account: &str, folder: &Path) -> Result<()> {
    let account: Value = serde_json::from_str(account)?;
    let text = |name: &str| account[name].as_str().unwrap_or_default().to_owned();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().gzip(true).build()?;
    let mut database = Connection::open(folder.join("minimal.db"))?;
    database.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000;
         PRAGMA wal_autocheckpoint = 20000;
         CREATE TABLE staged (id TEXT, email TEXT, display_name TEXT, type INTEGER, status TEXT,
             role TEXT, dept TEXT, created TEXT, last_login TEXT);
         CREATE TABLE users (number INTEGER PRIMARY KEY, id TEXT NOT NULL, email TEXT,
             display_name TEXT, type INTEGER NOT NULL, status TEXT, role TEXT, dept TEXT,
             created TEXT, last_login TEXT, UNIQUE (id, type));",
    )?;
    let start = SystemClock.now();
    let token: Token = client
        .post(text("token_url"))
        .basic_auth(text("client_id"), Some(text("client_secret")))
        .form(&[
            ("grant_type", "account_credentials"),
            ("account_id", &text("account_id")),
        ])
        .send()
        .await?
        .json()
        .await?;
    let mut calls = 0;
    for status in ["active", "inactive", "pending"] {
        let mut next = String::new();
        loop {
            let page: Page = client
                .get(format!("{}/users", text("url")))
                .bearer_auth(&token.access_token)
                .query(&[
                    ("status", status),
                    ("page_size", "300"),
                    ("next_page_token", &next),
                ])
                .send()
                .await?
                .json()
                .await?;
            calls += 1;
            let transaction = database.transaction()?;
            {
                let mut insert = transaction.prepare_cached(
                    "INSERT INTO staged VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?;
                for user in &page.users {
                    let id = if user.id.is_empty() {
                        &user.email
                    } else {
                        &user.id
                    };
                    insert.execute(params![
                        id,
                        user.email,
                        user.display_name,
                        user.kind,
                        user.status,
                        user.role_id,
                        user.dept,
                        user.created,
                        user.last_login_time,
                    ])?;
                }
            }
            transaction.commit()?;
            next = page.next_page_token;
            if next.is_empty() {
                break;
            }
        }
    }
    let written = database.execute(
        "INSERT INTO users (id, email, display_name, type, status, role, dept, created, last_login)
         SELECT * FROM staged WHERE true
         ON CONFLICT (id, type) DO UPDATE SET email = excluded.email,
             display_name = excluded.display_name, status = excluded.status,
             role = excluded.role, dept = excluded.dept, created = excluded.created,
             last_login = excluded.last_login",
        [],
    )?;
    tell(start, u64::try_from(written)?, calls)
}
