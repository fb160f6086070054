//! What a user holds: Zoom's list does not tell it, so it costs calls per user. The settings tell
//! products and add-ons; in Zoom Workplace, the user tells the suite.

use super::ZoomConnector;
use super::client::{Fact, fact};
use super::identifiers::base_seat;
use super::products;
use super::scopes::{READ_USER, USER_SETTINGS};
use super::suites::Suite;
use super::wire::{Settings, User};
use crate::connector::error::ConnectorError;
use crate::connector::facts::AddOnReport;
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::profile::identifier::{Identifier, ProfileType};

impl ZoomConnector {
    pub(super) async fn add_ons_of(
        &self,
        external_user_id: &str,
    ) -> Result<AddOnReport, ConnectorError> {
        if external_user_id.starts_with("pending:") {
            return Ok(AddOnReport::default());
        }
        match self.licences_of(external_user_id).await {
            Err(error) if fact(&error) == Some(Fact::UserGone) => Ok(AddOnReport {
                gone: true,
                ..AddOnReport::default()
            }),
            found => found,
        }
    }

    async fn licences_of(&self, user: &str) -> Result<AddOnReport, ConnectorError> {
        let suite = match self.profile_type {
            ProfileType::ZoomWorkplace => self.suite_of(user).await?,
            _ => None,
        };
        Ok(AddOnReport {
            identifiers: self.seats_in_settings(user, suite.as_ref()).await?,
            suite: suite.map(|suite| suite.identifier()),
            gone: false,
        })
    }

    async fn suite_of(&self, external_user_id: &str) -> Result<Option<Suite>, ConnectorError> {
        let call = Call {
            step: "read a user's suite",
            label: Label::Light,
            path: &["users", external_user_id],
            query: &[],
        };
        self.get(READ_USER, &call, |body| {
            let user: User<'_> = serde_json::from_slice(body)?;
            super::seats_own(&user, external_user_id)?;
            Ok(Suite::of(&user).filter(|_| base_seat(user.kind.0).paid))
        })
        .await
    }

    async fn seats_in_settings(
        &self,
        user: &str,
        suite: Option<&Suite>,
    ) -> Result<Vec<Identifier>, ConnectorError> {
        let call = Call {
            step: "read a user's licences",
            label: Label::Medium,
            path: &["users", user, "settings"],
            query: &[],
        };
        self.get(USER_SETTINGS, &call, |body| {
            let settings: Settings<'_> = serde_json::from_slice(body)?;
            Ok(products::seats(&settings.feature, self.profile_type, suite))
        })
        .await
    }
}
