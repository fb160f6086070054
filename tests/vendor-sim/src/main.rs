//! A simulated vendor as a process of its own, for the quickstart and for benchmarks.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use vendor_sim::zoom::Plan;
use vendor_sim::{SimClock, ZoomSim, ZoomSimOptions};

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

#[derive(Clone, Copy, ValueEnum)]
enum PlanName {
    Free,
    Pro,
    Business,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments {
        vendor: Vendor::Zoom(arguments),
    } = Arguments::parse();
    match serve_zoom(arguments).await {
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
    announce(&sim)?;
    tokio::select! {
        () = sim.ended() => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(())
}

/// Tells on stdout what a client needs, one `name=value` a line.
fn announce(sim: &ZoomSim) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "api_url={}", sim.api_url())?;
    writeln!(out, "token_url={}", sim.token_url())?;
    writeln!(out, "account_id={}", sim.account_id())?;
    writeln!(out, "client_id={}", sim.client_id())?;
    writeln!(out, "client_secret={}", sim.client_secret())?;
    out.flush()
}
