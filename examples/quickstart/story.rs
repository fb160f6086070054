//! What the quickstart shows, step by step, and what must be true at each.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use jiff::SignedDuration;
use seatsync::clock::{Clock, SystemClock, sleep};
use serde_json::Value;

use super::agent;
use super::host::Host;
use super::vendors::Vendors;

/// Longest wait for one step; nothing here takes more than seconds.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// Prints a paragraph.
pub(crate) fn say(text: &str) {
    // Nobody is left to read it when standard output is gone.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Runs the story from beginning to end.
pub(crate) fn tell(exit_at_once: bool) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("start")?;
    runtime.block_on(async {
        let vendors = Vendors::start().await?;
        let mut host = Host::build(&vendors)?;
        let told = chapters(&vendors, &mut host).await;
        if told.is_err() {
            say(&format!("\nthe daemon's last words:\n{}", host.log_tail()));
        }
        told?;
        look_further(&host);
        if !exit_at_once {
            say("The daemon stays up until Ctrl-C.");
            tokio::signal::ctrl_c().await.context("wait for Ctrl-C")?;
        }
        Ok(())
    })
}

async fn chapters(vendors: &Vendors, host: &mut Host) -> Result<()> {
    say(&format!(
        "1. Simulated vendors listen: {}.\n   Files say what is wanted of them; `check` reads them without any network:\n",
        vendors.addresses()
    ));
    let (profiles, settings) = (host.profiles(), host.settings());
    let check = ["check", utf8(&profiles)?, "--config", utf8(&settings)?];
    show(host, &check)?;

    say("2. The daemon starts, validates the connections, downloads subscriptions and activity.\n");
    host.start_daemon()?;
    let seats = first_run(host).await?;
    show(host, &["status"])?;
    show(host, &["jobs", "results"])?;

    say("3. The licence position: what is owned, used, needed and left, and what it costs.\n");
    show(host, &["position", "--run"])?;
    say("   What it knows now can be queried:\n");
    show(host, &["identifiers", "list"])?;
    show(
        host,
        &[
            "subscriptions",
            "list",
            "--identifier",
            "zoom.licensed",
            "--limit",
            "5",
        ],
    )?;
    show(host, &["exclusions", "list"])?;

    take_back_and_give_back(vendors, host).await?;

    say("5. An agent on this host pushes usage over the socket; with curl that is\n");
    say(&format!(
        "   curl --unix-socket {} http://localhost{} \\\n     -H 'Content-Type: application/json' \\\n     -d '{}'\n",
        host.usage_socket().display(),
        agent::PATH,
        agent::RECORD
    ));
    let (sys_id, status) = agent::push(&host.usage_socket()).await?;
    ensure!(
        status == "INSERT",
        "a new record should be INSERT, not {status}"
    );
    say(&format!(
        "   answered {status}, sysId {sys_id}: it is on the disk\n"
    ));

    survive(host, seats, &sys_id).await?;
    break_and_mend(host).await?;
    report(host)
}

/// Writes all of it as one page.
fn report(host: &Host) -> Result<()> {
    say("8. All of it as one page, for people who do not log in here:\n");
    let file = host.report();
    show(host, &["report", "--out", utf8(&file)?])?;
    let page = std::fs::read_to_string(&file).context("read the report")?;
    ensure!(
        page.contains("</html>") && page.contains("zoom-emea"),
        "the report is not whole"
    );
    Ok(())
}

/// Takes one unused seat back at the vendor, and gives it back.
async fn take_back_and_give_back(vendors: &Vendors, host: &Host) -> Result<()> {
    say(
        "4. Licences that nobody used are candidates. One of them, and everything that spoke for it:\n",
    );
    let licensed = ["--identifier", "zoom.licensed", "--limit", "5"];
    show(host, &[&["candidates", "list"][..], &licensed].concat())?;
    let first = &host.ask_json(&[&["candidates", "list"][..], &licensed].concat())?["rows"][0];
    let user = first["email"].as_str().context("no candidate was found")?;
    let id = first["id"].to_string();
    show(host, &["explain", "zoom-emea", user])?;

    say("   A person decides. The first plan of a profile waits for a second look:\n");
    show(host, &["candidates", "reclaim", &id])?;
    until(host, "the first plan to be held", is_held).await?;
    show(host, &["plan", "--seats", "zoom-emea"])?;
    let plans = host.ask_json(&["plan", "--seats", "zoom-emea"])?;
    let digest = plans[0]["digest"]
        .as_str()
        .context("a plan has no digest")?;
    say(&format!(
        "   at Zoom, {user} is {}\n",
        vendors.zoom_licence(user)?
    ));
    show(host, &["release", "zoom-emea", "--plan", digest])?;
    until_closed(host, &id).await?;
    show(host, &["candidates", "show", &id])?;
    say(&format!(
        "   at Zoom, {user} is {}\n",
        vendors.zoom_licence(user)?
    ));
    ensure!(vendors.zoom_licence(user)? == "Basic", "nothing was freed");

    say(
        "   It was a mistake, so it is undone; every step is in the audit log, each bound to the one before:\n",
    );
    show(host, &["undo", &id])?;
    say(&format!(
        "   at Zoom, {user} is {}\n",
        vendors.zoom_licence(user)?
    ));
    ensure!(vendors.zoom_licence(user)? == "Licensed", "it is not back");
    show(host, &["audit", "list", "--candidate", &id])?;
    show(host, &["audit", "verify"])
}

fn is_held(status: &Value) -> bool {
    let profiles = status["profiles"].as_array().into_iter().flatten();
    let mut conditions =
        profiles.flat_map(|one| one["conditions"].as_array().into_iter().flatten());
    conditions.any(|one| one["type"] == "Held" && one["status"] == "True")
}

/// Waits until the daemon has done with a candidate.
async fn until_closed(host: &Host, id: &str) -> Result<()> {
    let clock = SystemClock;
    let give_up = clock.now() + PATIENCE;
    loop {
        let candidate = host.ask_json(&["candidates", "show", id])?;
        if candidate["state"] == "closed_complete" {
            return Ok(());
        }
        ensure!(
            clock.now() < give_up,
            "waited in vain for the seat to be freed: {candidate:#}"
        );
        sleep(&clock, SignedDuration::from_millis(100)).await;
    }
}

/// Kills the daemon and shows that nothing is lost.
async fn survive(host: &mut Host, seats: u64, sys_id: &str) -> Result<()> {
    let pid = host.daemon_pid().context("no daemon runs")?;
    say(&format!(
        "6. kill -9 {pid}, and start again: nothing is lost.\n"
    ));
    host.kill_daemon()?;
    host.start_daemon()?;
    until_healthy(host).await?;
    show(host, &["usage", "list"])?;
    let (again, status) = agent::push(&host.usage_socket()).await?;
    ensure!(
        again == sys_id && status == "UPDATE",
        "the record should be found again as {sys_id}, not {status} {again}"
    );
    let found = count_seats(host)?;
    ensure!(found == seats, "{seats} seats before, {found} after");
    say(&format!(
        "   the same record pushed again: UPDATE of {sys_id}; {found} seats as before\n"
    ));
    Ok(())
}

/// Breaks a profile and shows that the good version stays in force.
async fn break_and_mend(host: &Host) -> Result<()> {
    say("7. A broken edit does no harm: `check` shows it, the last good version stays in force.\n");
    let file = host.profiles().join("zoom.yaml");
    let good = std::fs::read_to_string(&file).context("read the profile")?;
    let broken = good.replace("analyze_from: 60d", "analyze_form: 60 days");
    std::fs::write(&file, broken).context("write the profile")?;
    let (profiles, settings) = (host.profiles(), host.settings());
    let check = ["check", utf8(&profiles)?, "--config", utf8(&settings)?];
    say(&format!("   $ seatsync {}", check.join(" ")));
    let (text, code) = host.ask(&check)?;
    say(&indent(&text));
    ensure!(code == Some(1), "`check` should end with 1, not {code:?}");
    until(host, "the broken edit to show in `status`", |status| {
        status["folder"]["findings"]
            .as_array()
            .is_some_and(|findings| !findings.is_empty())
    })
    .await?;
    show(host, &["status"])?;
    std::fs::write(&file, good).context("write the profile")?;
    until(host, "the mended file to be in force", |status| {
        status["folder"]["findings"]
            .as_array()
            .is_some_and(Vec::is_empty)
    })
    .await?;
    say("   mended: `status` is clean again\n");
    Ok(())
}

fn look_further(host: &Host) {
    let runtime = host.runtime();
    say(&format!(
        "Look further, in another terminal:\n\n   export SEATSYNC_RUNTIME={}\n   alias seatsync='cargo run -q --'\n   seatsync status zoom-emea\n   seatsync subscriptions list --limit 20\n   seatsync jobs run zoom-emea\n   seatsync usage summary\n   $BROWSER {}\n   $EDITOR {}\n",
        runtime.display(),
        host.report().display(),
        host.profiles().join("zoom.yaml").display(),
    ));
}

/// Runs a command line that must succeed, and shows it with what it prints.
fn show(host: &Host, arguments: &[&str]) -> Result<()> {
    let line = arguments.join(" ");
    say(&format!("   $ seatsync {line}"));
    let (text, code) = host.ask(arguments)?;
    say(&indent(&text));
    ensure!(code == Some(0), "`seatsync {line}` ended with {code:?}");
    Ok(())
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str()
        .context("the temporary directory is not UTF-8")
}

fn indent(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("   {line}")).collect();
    lines.join("\n") + "\n"
}

/// Waits until download and activity have ended, and counts the seats.
async fn first_run(host: &Host) -> Result<u64> {
    until_healthy(host).await?;
    until(host, "download and activity to end", |status| {
        Vendors::PROFILES.iter().all(|name| has_ended(status, name))
    })
    .await?;
    let seats = count_seats(host)?;
    ensure!(seats > 250, "only {seats} seats came down");
    Ok(seats)
}

/// Whether every subflow of a profile that is on has ended well.
fn has_ended(status: &Value, profile: &str) -> bool {
    let profiles = status["profiles"].as_array();
    let found = profiles.and_then(|all| all.iter().find(|one| one["name"] == profile));
    let subflows = found.and_then(|profile| profile["subflows"].as_array());
    subflows.is_some_and(|subflows| {
        let mut running = subflows.iter().filter(|subflow| subflow["enabled"] == true);
        running.all(|subflow| subflow["last"]["state"] == "completed")
    })
}

fn count_seats(host: &Host) -> Result<u64> {
    let identifiers = host.ask_json(&["identifiers", "list"])?;
    let rows = identifiers["rows"].as_array().context("no rows")?;
    Ok(rows.iter().filter_map(|row| row["seats"].as_u64()).sum())
}

async fn until_healthy(host: &Host) -> Result<()> {
    let clock = SystemClock;
    let give_up = clock.now() + PATIENCE;
    while host.ask(&["healthcheck"])?.1 != Some(0) {
        if clock.now() > give_up {
            bail!("the daemon does not come up");
        }
        sleep(&clock, SignedDuration::from_millis(100)).await;
    }
    Ok(())
}

async fn until(host: &Host, what: &str, holds: impl Fn(&Value) -> bool) -> Result<()> {
    let clock = SystemClock;
    let give_up = clock.now() + PATIENCE;
    loop {
        let status = host.ask_json(&["status"])?;
        if holds(&status) {
            return Ok(());
        }
        if clock.now() > give_up {
            bail!("waited in vain for {what}; status is {status:#}");
        }
        sleep(&clock, SignedDuration::from_millis(100)).await;
    }
}
