//! A simulated account at each vendor: serving it, and what leads to it.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use jiff::Timestamp;
use seatsync::profile::identifier::Vendor;
use seatsync::profile::model::DesiredProfile;
use seatsync::secret::Secrets;
use seatsync::store::document::{Application, ProfileWrite};
use seatsync::store::revision::{Attempt, RevisionOutcome};
use serde_json::{Value, json};
use vendor_sim::aha::Cast;
use vendor_sim::{
    AhaSim, AhaSimOptions, GoToSim, GoToSimOptions, SimClock, ZoomSim, ZoomSimOptions,
};

use crate::Result;

/// Calls that list `users` users once, in the vendor's largest pages, and nothing else: 300 users a
/// page at Zoom and 200 at Aha!, as documented, and 1,000 at GoTo, as its clients are known to ask.
pub(crate) fn fewest_calls(vendor: Vendor, users: u32) -> u32 {
    users.div_ceil(match vendor {
        Vendor::Zoom => 300,
        Vendor::GoTo => 1_000,
        Vendor::Aha => 200,
    })
}

/// Serves until it is killed, and tells first how to get in.
pub(crate) async fn serve(vendor: Vendor, users: u32) -> Result<()> {
    match vendor {
        Vendor::Zoom => {
            let mut options = ZoomSimOptions {
                users,
                limits: false,
                clock: SimClock::system(),
                ..ZoomSimOptions::default()
            };
            // Nobody is licensed: only the list of users is asked for.
            options.population.licensed = 0.0;
            let mut sim = ZoomSim::start(options).await?;
            tell(&json!({
                "vendor": "zoom", "url": sim.api_url(), "grant": "account_credentials",
                "token_url": sim.token_url(), "account_id": sim.account_id(),
                "client_id": sim.client_id(), "client_secret": sim.client_secret(),
            }))?;
            sim.ended().await;
        }
        Vendor::GoTo => {
            let options = GoToSimOptions {
                users,
                limits: false,
                ..GoToSimOptions::default()
            };
            let mut sim = GoToSim::start(options).await?;
            let client = sim.client();
            tell(&json!({
                "vendor": "goto", "url": sim.api_url(), "grant": "personal_access_token",
                "token_url": sim.token_url(), "client_id": client.client_id,
                "client_secret": client.client_secret, "token": client.personal_access_token,
            }))?;
            sim.ended().await;
        }
        Vendor::Aha => {
            let options = AhaSimOptions {
                users,
                limits: false,
                ..AhaSimOptions::default()
            };
            let mut sim = AhaSim::start(options).await?;
            // An access that lies ahead makes every download a partial one.
            if let Some(ahead) = sim.cast(Cast::FutureAccess) {
                sim.control().remove_person(&ahead.id);
            }
            tell(&json!({
                "vendor": "aha", "url": sim.api_url(), "grant": "api_key",
                "token_url": sim.token_url(), "token": sim.api_key(),
            }))?;
            sim.ended().await;
        }
    }
    Ok(())
}

fn tell(account: &Value) -> Result<()> {
    Ok(writeln!(io::stdout(), "{account}")?)
}

/// The secrets that [`application`] names.
pub(crate) fn secrets(account: &Value) -> Secrets {
    let secret = |member: &str| account[member].as_str().unwrap_or_default().to_owned();
    Secrets::new(
        None,
        [
            ("SECRET".to_owned(), secret("client_secret")),
            ("TOKEN".to_owned(), secret("token")),
        ],
    )
}

/// A profile `pulled` that leads to the account, as reconciling would record it.
pub(crate) fn application(account: &Value, now: Timestamp) -> Result<Application> {
    let named = |member: &str, variable: &str| match &account[member] {
        Value::Null => Value::Null,
        _ => json!({"env": variable}),
    };
    let desired: DesiredProfile = serde_json::from_value(json!({
        "profile": {
            "name": "pulled", "display_name": "pulled", "profile_type": account["vendor"],
            "state": "published", "suspend": false, "formerly": [],
            "connection": {"named": "pulled"}, "connect_connection": null,
            "subflows": {
                "download_subscriptions": {"enabled": true, "schedule": null},
                "pull_user_activity": {"enabled": true, "schedule": null},
                "analyze_from": "60d",
                "reclaim_subscriptions": {"enabled": false, "schedule": null}
            },
            "exclusions": {"identifiers": [], "users": []},
            "protected": [], "reclamation": null
        },
        "connection": {
            "name": "pulled", "vendor": account["vendor"], "url": account["url"],
            "grant": account["grant"], "token_url": account["token_url"],
            "authorize_url": account["token_url"], "account_id": account["account_id"],
            "client_id": account["client_id"], "client_secret": named("client_secret", "SECRET"),
            "token": named("token", "TOKEN"), "plan": "pro", "share": 25
        },
        "connect_connection": null, "exclusions": [], "protected": []
    }))?;
    Ok(Application {
        attempt: Attempt {
            digest: "sha256:bench".into(),
            label: None,
            outcome: RevisionOutcome::Applied,
            findings: 0,
            message: String::new(),
            exclusions_unknown: None,
            rules_in_doubt: BTreeMap::new(),
            at: now,
        },
        renames: Vec::new(),
        documents: Vec::new(),
        states: Vec::new(),
        removed: Vec::new(),
        profiles: vec![ProfileWrite {
            digest: "sha256:bench".into(),
            desired,
            published: true,
        }],
        orphans: Vec::new(),
        conditions: Vec::new(),
    })
}
