//! `seatsync forget USER`: names and addresses go, the numbers stay.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::client::Client;
use super::exit::Failure;
use super::output::Output;
use crate::api::control::model::ForgetRequest;
use crate::profile::name::Name;
use crate::store::forget::Forgotten;

/// Arguments of `forget`.
#[derive(Debug, Args)]
pub(super) struct ForgetArgs {
    /// Whom, by e-mail address, the vendor's id, or the id in usage records.
    user: String,
    /// Only in this profile.
    #[arg(long)]
    profile: Option<Name>,
}

/// Forgets a user, and says what went and what stays.
pub(super) fn run(
    args: ForgetArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let user = args.user.clone();
    let request = ForgetRequest {
        user: args.user,
        profile: args.profile.map(|name| name.to_string()),
    };
    let forgotten: Forgotten = Client::new(runtime)?.post("/v1/forget", &request)?;
    output.show(&forgotten, |gone| {
        if *gone == Forgotten::default() {
            return format!(
                "nobody is known as `{user}`: nothing was forgotten; see `seatsync users list` and `seatsync usage list` for how people are called\n"
            );
        }
        format!(
            "forgotten: {} ended seats, {} days of activity, the names of {} candidates, {} texts beside the audit log, {} lines of user directories, the user in {} usage records\nwhat stays: counts, candidates and usage records without a name, and the audit log, whose chain is whole; usage records name people by an id of their own: forget that too; a directory's file names people again when it is read next: mend that as well\n",
            gone.seats,
            gone.activity,
            gone.candidates,
            gone.audit_texts,
            gone.people,
            gone.usage_records
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
