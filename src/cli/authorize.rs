//! `seatsync authorize CONNECTION`: a person consents at the vendor, in a browser.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::callback::{Callback, pasted_lines};
use super::client::Client;
use super::exit::Failure;
use super::output::Output;
use super::status::short;
use crate::api::control::model::{
    AuthorizationBegun, AuthorizationDone, AuthorizationRequest, Redirected,
};

/// The port that the samples register with vendors' apps: `SEAT` on a telephone's keys.
const PORT: u16 = 7328;

/// A little longer than the daemon waits, so that its message is the one that is seen.
const LONGEST_WAIT: Duration = Duration::from_mins(16);

/// Arguments of `authorize`.
#[derive(Debug, Args)]
pub(super) struct AuthorizeArgs {
    /// Which connection; `seatsync connections list` shows them.
    connection: String,

    /// Port of this host that the browser comes back to; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = PORT, conflicts_with = "redirect_uri")]
    port: u16,

    /// Address that the browser comes back to, as registered with the vendor's app. One with https
    /// is not listened on: paste what the browser shows.
    #[arg(long, value_name = "URL")]
    redirect_uri: Option<Url>,

    /// Listen on no port; paste the address that the browser ends up at.
    #[arg(long)]
    paste: bool,
}

/// Sends a person to the vendor's page and hands the daemon what comes back.
pub(super) fn run(
    args: &AuthorizeArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?;
    let redirect_uri = match &args.redirect_uri {
        Some(redirect_uri) => redirect_uri.clone(),
        None => loopback(args.port)?,
    };
    let listens = !args.paste && redirect_uri.scheme() == "http";
    let callback = if listens {
        Some(client.block_on(Callback::listen(redirect_uri.clone()))?)
    } else {
        None
    };
    let begun: AuthorizationBegun = client.post(
        "/v1/authorizations",
        &AuthorizationRequest {
            connection: args.connection.clone(),
            redirect_uri: match &callback {
                Some(callback) => callback.redirect_uri().to_owned(),
                None => redirect_uri.into(),
            },
        },
    )?;
    explain(&begun, callback.as_ref());
    let address = client.block_on(async {
        tokio::time::timeout(LONGEST_WAIT, answer(callback, &begun.state))
            .await
            .unwrap_or_else(|_| Err(Failure::failed("nobody consented in time: start again")))
    })?;
    let done: AuthorizationDone =
        client.post("/v1/authorizations/complete", &Redirected { address })?;
    output.show(&done, summary)?;
    Ok(ExitCode::SUCCESS)
}

fn loopback(port: u16) -> Result<Url, Failure> {
    let text = format!("http://127.0.0.1:{port}/callback");
    Url::parse(&text).map_err(|error| Failure::failed(format!("`{text}`: {error}")))
}

/// Tells the person what to do, beside the output that programs read.
fn explain(begun: &AuthorizationBegun, callback: Option<&Callback>) {
    let how = match callback {
        Some(callback) => format!(
            "Waiting for the browser on {}. If it runs on another machine, paste the address here that it ends up at.",
            callback.redirect_uri()
        ),
        None => "Then paste the address here that the browser ends up at.".to_owned(),
    };
    let _ = writeln!(
        anstream::stderr(),
        "Open this page as the person whose rights connection `{}` shall have at {}, before {}:\n\n{}\n\n{how}",
        begun.connection,
        begun.vendor,
        short(begun.ends_at),
        begun.url
    );
}

async fn answer(callback: Option<Callback>, state: &str) -> Result<String, Failure> {
    match callback {
        Some(callback) => {
            // Without a terminal, standard input belongs to something else.
            let pasted = std::io::stdin().is_terminal().then(pasted_lines);
            callback.wait(state, pasted).await
        }
        None => pasted_lines()
            .recv()
            .await
            .ok_or_else(|| Failure::failed("no address was pasted: nothing was changed")),
    }
}

fn summary(done: &AuthorizationDone) -> String {
    let consent = &done.authorization;
    let mut text = format!("connection `{}` is authorised", done.connection);
    if let Some(principal) = &consent.principal {
        let _ = write!(text, " by {principal}");
    }
    if let Some(account) = &consent.account {
        let _ = write!(text, " for account `{account}`");
    }
    text.push('\n');
    if !consent.scopes.is_empty() {
        let _ = writeln!(text, "scopes: {}", consent.scopes.join(" "));
    }
    if let Some(ends_at) = consent.refresh_ends_at {
        let _ = writeln!(
            text,
            "its refresh token ends on {}, unless the vendor replaces it before",
            short(ends_at)
        );
    }
    if !done.started.is_empty() {
        let _ = writeln!(text, "downloading: {}", done.started.join(", "));
    }
    text
}
