//! Answers in JSON.

use std::io::Write;

use serde::Serialize;

use super::format::{fates_of, message, status};
use super::refusal::Refusal;
use crate::store::usage::Upserted;
use crate::usage::{Batch, Entry};

/// Bytes of an answer around its items, at most.
const AROUND: usize = 64;
/// Bytes that stand with an accepted item beside its members.
const OURS: usize = r#"{,"sysId":"","status":"INSERT"},"#.len() + 32;

/// How many bytes an answer has, at most.
pub(super) fn answer_bytes(batch: &Batch<'_>) -> usize {
    let mut scratch = Vec::new();
    let items = batch.entries.iter().map(|entry| {
        let ours = if entry.is_accepted() {
            OURS
        } else {
            scratch.clear();
            errors(&mut scratch, batch, entry);
            scratch.len() + "{,},".len()
        };
        entry.sent_bytes() + ours
    });
    items.sum::<usize>() + AROUND
}

/// `{"result":{"reply":{"items":[…]},"message":"Ok"}}`, each item as it was sent, then our members.
/// `bytes` is what [`answer_bytes`] says.
pub(super) fn answer(batch: &Batch<'_>, fates: &[Upserted], bytes: usize) -> Vec<u8> {
    let mut answer = Vec::with_capacity(bytes);
    answer.extend_from_slice(br#"{"result":{"reply":{"items":["#);
    for (at, (entry, fate)) in fates_of(batch, fates).enumerate() {
        if at > 0 {
            answer.push(b',');
        }
        answer.push(b'{');
        let members = entry.members();
        answer.extend_from_slice(members.as_bytes());
        if !members.is_empty() {
            answer.push(b',');
        }
        match fate {
            Some(fate) => {
                answer.extend_from_slice(br#""sysId":""#);
                answer.extend_from_slice(fate.sys_id.as_str(&mut [0; 32]).as_bytes());
                let _ = write!(answer, r#"","status":"{}"}}"#, status(fate));
            }
            None => errors(&mut answer, batch, entry),
        }
    }
    let _ = write!(answer, r#"]}},"message":"{}"}}}}"#, message(batch));
    answer
}

fn errors(answer: &mut Vec<u8>, batch: &Batch<'_>, entry: &Entry<'_>) {
    answer.extend_from_slice(br#""status":"ERROR","errors":["#);
    for (at, error) in batch.errors_of(entry).iter().enumerate() {
        if at > 0 {
            answer.push(b',');
        }
        let _ = write!(answer, r#"{{"error":"{}","message":"#, error.code.as_str());
        // Writing text into memory cannot fail.
        let _ = serde_json::to_writer(&mut *answer, &error.message);
        answer.push(b'}');
    }
    answer.extend_from_slice(b"]}");
}

/// `{"error":{"message":…,"detail":…},"status":"failure"}`.
pub(super) fn refusal(refusal: &Refusal) -> Vec<u8> {
    #[derive(Serialize)]
    struct Envelope<'a> {
        error: Reason<'a>,
        status: &'static str,
    }
    #[derive(Serialize)]
    struct Reason<'a> {
        message: &'a str,
        detail: Option<&'a str>,
    }
    let envelope = Envelope {
        error: Reason {
            message: &refusal.message,
            detail: refusal.detail.as_deref(),
        },
        status: "failure",
    };
    // Plain text in a plain struct: this cannot fail.
    serde_json::to_vec(&envelope).unwrap_or_default()
}
