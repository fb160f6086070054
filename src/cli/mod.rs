//! The command line: one file per subcommand, thin. Commands that ask or change the daemon talk to
//! its control socket; `check`, `new`, `restore`, `schema` and
//! `completions` need none.
//!
//! Called by the binary, and by the quickstart example, which runs itself as the daemon.

mod audit;
mod authorize;
mod backup;
mod callback;
mod candidates;
mod check;
mod client;
mod completions;
mod connections;
mod db;
mod decide;
mod doctor;
mod events;
mod exclusions;
mod exit;
mod explain;
mod export;
mod findings;
mod forget;
mod healthcheck;
mod installed;
mod jobs;
mod licences;
mod man;
mod new;
mod notices;
mod output;
mod plan;
mod position;
mod progress;
mod reload;
mod report;
mod restore;
mod rules;
mod run;
mod schema;
mod seat_plan;
mod snapshot_plan;
mod status;
mod subscriptions;
mod target;
mod undo;
mod usage;
mod users;
mod validate;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use exit::Failure;
use output::Output;

/// Keeps SaaS seats in step with profiles in git.
#[derive(Debug, Parser)]
#[command(
    name = "seatsync",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
struct Arguments {
    /// Folder of the daemon's sockets.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "SEATSYNC_RUNTIME",
        default_value = "/run/seatsync"
    )]
    runtime: PathBuf,

    /// How to print: for people, or for programs.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    format: Format,

    #[command(subcommand)]
    command: Command,
}

/// How a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables and sentences for people.
    #[value(alias = "text")]
    Table,
    /// Stable JSON.
    Json,
    /// `check` only: workflow annotations.
    Github,
    /// `check` only: SARIF 2.1.0.
    Sarif,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon.
    Run(run::RunArgs),
    /// Check files: no daemon, no network, no secrets.
    Check(check::CheckArgs),
    /// What reconciling would change.
    Plan(plan::PlanArgs),
    /// How the daemon and its profiles stand.
    Status(status::StatusArgs),
    /// Look at the profiles folder now.
    Reload(reload::ReloadArgs),
    /// Accept what a profile is held for.
    Release(decide::ReleaseArgs),
    /// Bind a profile to the vendor account that its connection leads to now.
    Rebind(decide::DecideArgs),
    /// Call the vendor now and say what works.
    Validate(validate::ValidateArgs),
    /// Let a person consent to a connection, in a browser.
    Authorize(authorize::AuthorizeArgs),
    /// Exclusions and protections: whom each of them means.
    Exclusions(exclusions::ExclusionsArgs),
    /// Connections: where profiles lead, and who consented.
    Connections(connections::ConnectionsArgs),
    /// Seats and installed software found unused, and the decisions on them.
    Candidates(candidates::CandidatesArgs),
    /// What people were told, and whether it arrived.
    Notices(notices::NoticesArgs),
    /// Every decision and every write, in a chain that shows tampering.
    Audit(audit::AuditArgs),
    /// Both databases in one file, while the daemon works.
    Backup(backup::BackupArgs),
    /// Put a backup back, while no daemon runs.
    Restore(restore::RestoreArgs),
    /// The databases.
    Db(db::DbArgs),
    /// Forget a user who holds no seat any more.
    Forget(forget::ForgetArgs),
    /// Which rule decides for which seats, and for which installed software.
    Rules(rules::RulesArgs),
    /// Give back seats that were taken back.
    Undo(undo::UndoArgs),
    /// Jobs: what is due, what runs, how it ended.
    Jobs(jobs::JobsArgs),
    /// Seats and who holds them.
    Subscriptions(subscriptions::SubscriptionsArgs),
    /// The users of seats: who they are, by the user directories.
    Users(users::UsersArgs),
    /// What seats are of, with their numbers.
    Identifiers(licences::IdentifiersArgs),
    /// Which software each identifier is, and what each is called.
    Models(licences::ModelsArgs),
    /// What users did, day by day, that counts as use.
    Events(events::EventsArgs),
    /// Rights that were bought.
    Entitlements(licences::EntitlementsArgs),
    /// The licence position: rights owned, used, needed and left, and what they cost.
    Position(position::PositionArgs),
    /// The licence report as one page for a browser.
    Report(report::ReportArgs),
    /// What agents pushed.
    Usage(usage::UsageArgs),
    /// Every fact that is known of a user's seats, or of the software on a configuration item.
    Explain(explain::ExplainArgs),
    /// What is known, as files.
    Export(export::ExportArgs),
    /// What an operator should look at: exit code 0 for nothing, 5 for warnings, 1 for errors.
    Doctor,
    /// Exit code 0 when the daemon serves.
    Healthcheck,
    /// A commented document to start from.
    New(new::NewArgs),
    /// Print JSON Schema of the files.
    Schema(schema::SchemaArgs),
    /// Print completions for a shell.
    Completions(completions::CompletionsArgs),
    /// Write the manual pages of every command.
    #[command(hide = true)]
    Man(man::ManArgs),
}

/// Runs one command line and says how the process should end. Never panics on input.
pub fn entry(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    let mut output = Output::standard(arguments.format);
    match dispatch(arguments, &mut output) {
        Ok(code) => code,
        Err(failure) => exit::report(&failure),
    }
}

fn dispatch(arguments: Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let Arguments {
        runtime,
        format,
        command,
    } = arguments;
    let is_check = matches!(command, Command::Check(_));
    if !is_check && matches!(format, Format::Github | Format::Sarif) {
        return Err(Failure::Usage(format!(
            "`--format {}` is for `check` only: use `table` or `json`",
            output::word(format)
        )));
    }
    match command {
        Command::Run(args) => run::run(args, runtime),
        Command::Check(args) => check::run(&args, format, output),
        Command::Plan(args) => plan::run(&args, &runtime, output),
        Command::Status(args) => status::run(&args, &runtime, output),
        Command::Reload(args) => reload::run(&args, &runtime, output),
        Command::Release(args) => decide::release(&args, &runtime, output),
        Command::Rebind(args) => decide::rebind(&args, &runtime, output),
        Command::Validate(args) => validate::run(&args, &runtime, output),
        Command::Authorize(args) => authorize::run(&args, &runtime, output),
        Command::Exclusions(args) => exclusions::run(&args, &runtime, output),
        Command::Connections(args) => connections::run(&args, &runtime, output),
        Command::Candidates(args) => candidates::run(args, &runtime, output),
        Command::Notices(args) => notices::run(args, &runtime, output),
        Command::Audit(args) => audit::run(args, &runtime, output),
        Command::Backup(args) => backup::run(&args, &runtime, output),
        Command::Restore(args) => restore::run(&args, output),
        Command::Db(args) => db::run(&args, &runtime, output),
        Command::Forget(args) => forget::run(args, &runtime, output),
        Command::Rules(args) => rules::run(&args, &runtime, output),
        Command::Undo(args) => undo::run(args, &runtime, output),
        Command::Jobs(args) => jobs::run(args, &runtime, output),
        Command::Subscriptions(args) => subscriptions::run(args, &runtime, output),
        Command::Users(args) => users::run(args, &runtime, output),
        Command::Identifiers(args) => licences::identifiers(args, &runtime, output),
        Command::Events(args) => events::run(args, &runtime, output),
        Command::Models(args) => licences::models(&args, &runtime, output),
        Command::Entitlements(args) => licences::entitlements(&args, &runtime, output),
        Command::Position(args) => position::run(args, &runtime, output),
        Command::Report(args) => report::run(&args, &runtime, output),
        Command::Usage(args) => usage::run(args, &runtime, output),
        Command::Explain(args) => explain::run(args, &runtime, output),
        Command::Export(args) => export::run(&args, &runtime, output),
        Command::Doctor => doctor::run(&runtime, output),
        Command::Healthcheck => healthcheck::run(&runtime, output),
        Command::New(args) => new::run(&args, output),
        Command::Schema(args) => schema::run(&args, output),
        Command::Completions(args) => completions::run(&args, output),
        Command::Man(args) => man::run(&args, output),
    }
}
