//! `seatsync notices list|test`: what people were told, and whether it arrived.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::{Client, page_size};
use super::exit::Failure;
use super::output::{Output, table, word_of};
use super::status::short;
use crate::api::control::model::{Listing, NoticeQuery, TrialAnswer};
use crate::store::notice::RecordedNotice;

/// Arguments of `notices`.
#[derive(Debug, Args)]
pub(super) struct NoticesArgs {
    #[command(subcommand)]
    command: NoticesCommand,
}

#[derive(Debug, Subcommand)]
enum NoticesCommand {
    /// Notices, the newest first, and whether the other side took them.
    List {
        /// Only the questions about this candidate.
        #[arg(long, value_name = "ID")]
        candidate: Option<i64>,
        /// At most so many.
        #[arg(long, default_value_t = 100, value_parser = page_size(), allow_negative_numbers = true)]
        limit: u32,
        /// Continue after this token, which the last page gave.
        #[arg(long, value_name = "TOKEN")]
        after: Option<String>,
    },
    /// Send the operators a notice every way that the settings give.
    Test,
}

/// Lists notices, or sends one to try.
pub(super) fn run(
    args: NoticesArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?;
    match args.command {
        NoticesCommand::List {
            candidate,
            limit,
            after,
        } => {
            let query = NoticeQuery {
                candidate,
                after,
                limit: Some(limit),
            };
            let page: Listing<RecordedNotice> = client.get("/v1/notices", &query)?;
            output.show(&page, |page| {
                let mut text = rows(&page.rows);
                if let Some(next) = &page.next {
                    let more = format!("more: add `--after {next}`\n");
                    text.push_str(&more);
                }
                text
            })?;
        }
        NoticesCommand::Test => {
            let answer: TrialAnswer = client.post("/v1/notices/trial", &())?;
            output.show(&answer, |answer| {
                format!(
                    "notice {} goes within half a minute: `seatsync notices list` shows what became of it\n",
                    answer.uid
                )
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A table with a line for each way of each notice.
pub(super) fn rows(notices: &[RecordedNotice]) -> String {
    table(
        [
            "NOTICE", "MADE", "KIND", "ABOUT", "WAY", "STATE", "TRIED", "ENDED", "SAID",
        ],
        notices.iter().flat_map(|notice| {
            notice.ways.iter().map(|way| {
                [
                    notice.id.to_string(),
                    short(notice.created_at),
                    notice.kind.clone(),
                    notice.about.clone(),
                    way.way.as_str().to_owned(),
                    word_of(&way.state),
                    way.attempts.to_string(),
                    way.ended_at.map_or_else(|| "-".to_owned(), short),
                    way.said.clone().unwrap_or_default(),
                ]
            })
        }),
    )
}
