//! The simulated vendors, and what the sample files say in their place.

use anyhow::{Context, Result};
use vendor_sim::aha::Cast;
use vendor_sim::zoom::{Plan, ZoomSimOptions};
use vendor_sim::{AhaSim, AhaSimOptions, GoToSim, GoToSimOptions, ZoomSim};

/// A simulated account at each vendor.
pub(crate) struct Vendors {
    zoom: ZoomSim,
    goto: GoToSim,
    aha: AhaSim,
}

impl Vendors {
    /// The profiles that lead to them, as `status` lists them.
    pub(crate) const PROFILES: [&str; 3] = ["aha", "goto", "zoom-emea"];

    /// Starts all of them.
    pub(crate) async fn start() -> Result<Self> {
        let zoom = ZoomSimOptions {
            users: 300,
            seed: 7,
            plan: Plan::Business,
            ..ZoomSimOptions::default()
        };
        let goto = GoToSimOptions {
            users: 40,
            ..GoToSimOptions::default()
        };
        let aha = AhaSimOptions {
            users: 120,
            ..AhaSimOptions::default()
        };
        let failed = "start a simulated vendor";
        let vendors = Self {
            zoom: ZoomSim::start(zoom).await.context(failed)?,
            goto: GoToSim::start(goto).await.context(failed)?,
            aha: AhaSim::start(aha).await.context(failed)?,
        };
        // An access that lies ahead is told at every download, which would be another story.
        if let Some(ahead) = vendors.aha.cast(Cast::FutureAccess) {
            vendors.aha.control().remove_person(&ahead.id);
        }
        Ok(vendors)
    }

    /// Where they listen, for people.
    pub(crate) fn addresses(&self) -> String {
        format!(
            "Zoom, 300 users, on {}; GoTo, 40 users, on {}; Aha!, 120 users, on {}",
            self.zoom.base_url(),
            self.goto.api_url(),
            self.aha.base_url()
        )
    }

    /// What the simulated Zoom says of a user's licence.
    pub(crate) fn zoom_licence(&self, email: &str) -> Result<&'static str> {
        let user = self.zoom.control().person(email);
        let kind = user.context("Zoom does not know the user")?.kind;
        Ok(if kind == 2 { "Licensed" } else { "Basic" })
    }

    /// A sample file, pointed at them.
    pub(crate) fn adapt(&self, sample: &str) -> String {
        let client = self.goto.client();
        [
            ("http://127.0.0.1:8480", self.zoom.base_url()),
            ("simulated-account", self.zoom.account_id()),
            ("simulated-client", self.zoom.client_id()),
            ("http://127.0.0.1:8481", self.goto.api_url()),
            ("goto-client", &client.client_id),
            ("http://127.0.0.1:8482/api/v1", &self.aha.api_url()),
        ]
        .iter()
        .fold(sample.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// The secrets that the sample files name, as environment variables.
    pub(crate) fn secrets(&self) -> Vec<(String, String)> {
        let goto = self.goto.client();
        [
            ("ZOOM_EMEA_SECRET", self.zoom.client_secret().to_owned()),
            (
                "GOTO_SECRET",
                goto.client_secret.clone().unwrap_or_default(),
            ),
            ("GOTO_TOKEN", goto.personal_access_token.clone()),
            ("AHA_KEY", self.aha.api_key().to_owned()),
        ]
        .map(|(name, secret)| (name.to_owned(), secret))
        .into()
    }
}
