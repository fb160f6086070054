//! A simulated vendor as a process of its own, for the quickstart and for benchmarks.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use vendor_sim::zoom::{AppKind, Plan};
use vendor_sim::{
    AhaSim, AhaSimOptions, GoToSim, GoToSimOptions, SimClock, ZoomSim, ZoomSimOptions,
};

#[derive(Parser)]
#[command(version, about = "Simulated SaaS vendors over real HTTP")]
struct Arguments {
    #[command(subcommand)]
    vendor: Vendor,
}

#[derive(Subcommand)]
enum Vendor {
    /// A Zoom account
    ///
    /// Prints what a client needs as `name=value` lines. Time, faults, people and the request log
    /// are steered over HTTP below `/_sim`; start with `GET /_sim/account`.
    Zoom(ZoomArguments),
    /// An Aha! account
    ///
    /// Prints what a client needs as `name=value` lines, and is steered like the Zoom account.
    Aha(AhaArguments),
    /// A GoTo account
    ///
    /// Prints what a client needs as `name=value` lines. Time, faults, people and the request log
    /// are steered over HTTP below `/_sim`; start with `GET /_sim/account`.
    #[command(name = "goto")]
    GoTo(GoToArguments),
}

#[derive(Args)]
struct GoToArguments {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8082)]
    port: u16,
    /// Users in all states
    #[arg(long, default_value_t = 300)]
    users: u32,
    /// The same seed and time give the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Do not enforce rate limits
    #[arg(long)]
    no_limits: bool,
    /// The share of users who use what they have
    #[arg(long, default_value_t = 0.40)]
    busy: f64,
    /// Stop the vendor's clock at this time instead of following the system's
    #[arg(long)]
    at: Option<Timestamp>,
}

#[derive(Args)]
struct ZoomArguments {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Users in all states
    #[arg(long, default_value_t = 300)]
    users: u32,
    /// The same seed and time give the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The account's plan, which decides its rate limits
    #[arg(long, value_enum, default_value_t = PlanName::Pro)]
    plan: PlanName,
    /// Do not enforce rate limits
    #[arg(long)]
    no_limits: bool,
    /// The share of users who host regularly
    #[arg(long, default_value_t = 0.30)]
    hosts: f64,
    /// Stop the vendor's clock at this time instead of following the system's
    #[arg(long)]
    at: Option<Timestamp>,
}

#[derive(Args)]
struct AhaArguments {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8081)]
    port: u16,
    /// Users, deactivated ones included
    #[arg(long, default_value_t = 300)]
    users: u32,
    /// The same seed and time give the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Do not enforce rate limits
    #[arg(long)]
    no_limits: bool,
    /// Stop the vendor's clock at this time instead of following the system's
    #[arg(long)]
    at: Option<Timestamp>,
}

#[derive(Clone, Copy, ValueEnum)]
enum PlanName {
    Free,
    Pro,
    Business,
}

#[tokio::main]
async fn main() -> ExitCode {
    let served = match Arguments::parse().vendor {
        Vendor::Zoom(arguments) => serve_zoom(arguments).await,
        Vendor::Aha(arguments) => serve_aha(arguments).await,
        Vendor::GoTo(arguments) => serve_goto(arguments).await,
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "vendor-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve_zoom(arguments: ZoomArguments) -> io::Result<()> {
    let mut options = ZoomSimOptions {
        users: arguments.users,
        seed: arguments.seed,
        plan: match arguments.plan {
            PlanName::Free => Plan::Free,
            PlanName::Pro => Plan::Pro,
            PlanName::Business => Plan::Business,
        },
        limits: !arguments.no_limits,
        clock: arguments.at.map_or_else(SimClock::system, SimClock::manual),
        port: arguments.port,
        ..ZoomSimOptions::default()
    };
    options.population.hosts = arguments.hosts;
    let mut sim = ZoomSim::start(options).await?;
    let app = sim.app(AppKind::General).cloned();
    let app = app.ok_or_else(|| io::Error::other("the account has no general app"))?;
    announce(&[
        ("api_url", &sim.api_url()),
        ("token_url", &sim.token_url()),
        ("account_id", sim.account_id()),
        ("client_id", sim.client_id()),
        ("client_secret", sim.client_secret()),
        ("authorize_url", &sim.authorize_url()),
        ("general_client_id", &app.client_id),
        (
            "general_client_secret",
            app.client_secret.as_deref().unwrap_or_default(),
        ),
    ])?;
    tokio::select! {
        () = sim.ended() => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(())
}

async fn serve_aha(arguments: AhaArguments) -> io::Result<()> {
    let mut sim = AhaSim::start(AhaSimOptions {
        users: arguments.users,
        seed: arguments.seed,
        limits: !arguments.no_limits,
        clock: arguments.at.map_or_else(SimClock::system, SimClock::manual),
        port: arguments.port,
        ..AhaSimOptions::default()
    })
    .await?;
    announce(&[
        ("api_url", &sim.api_url()),
        ("api_key", sim.api_key()),
        ("domain", sim.domain()),
        ("token_url", &sim.token_url()),
        ("authorize_url", &sim.authorize_url()),
        ("client_id", &sim.app().client_id),
        ("client_secret", &sim.app().client_secret),
        ("redirect_uri", &sim.app().redirect_uri),
    ])?;
    tokio::select! {
        () = sim.ended() => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(())
}

/// Tells on stdout what a client needs, one `name=value` a line.
fn announce(told: &[(&str, &str)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, value) in told {
        writeln!(out, "{name}={value}")?;
    }
    out.flush()
}

async fn serve_goto(arguments: GoToArguments) -> io::Result<()> {
    let mut options = GoToSimOptions {
        users: arguments.users,
        seed: arguments.seed,
        limits: !arguments.no_limits,
        clock: arguments.at.map_or_else(SimClock::system, SimClock::manual),
        port: arguments.port,
        ..GoToSimOptions::default()
    };
    options.population.busy = arguments.busy;
    let mut sim = GoToSim::start(options).await?;
    announce_goto(&sim)?;
    tokio::select! {
        () = sim.ended() => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(())
}

fn announce_goto(sim: &GoToSim) -> io::Result<()> {
    let client = sim.client();
    let mut out = io::stdout().lock();
    writeln!(out, "api_url={}", sim.api_url())?;
    writeln!(out, "connect_url={}", sim.connect_url())?;
    writeln!(out, "token_url={}", sim.token_url())?;
    writeln!(out, "authorize_url={}", sim.authorize_url())?;
    writeln!(out, "account_key={}", sim.account_key())?;
    writeln!(out, "client_id={}", client.client_id)?;
    let secret = client.client_secret.as_deref().unwrap_or_default();
    writeln!(out, "client_secret={secret}")?;
    writeln!(
        out,
        "personal_access_token={}",
        client.personal_access_token
    )?;
    out.flush()
}
