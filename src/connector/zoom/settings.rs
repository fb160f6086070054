//! A user's add-ons: Zoom's list does not tell them, so they cost one call per user.

use super::ZoomConnector;
use super::client::{Fact, fact};
use super::identifiers;
use super::scopes::USER_SETTINGS;
use super::wire::Settings;
use crate::connector::error::ConnectorError;
use crate::connector::facts::AddOnReport;
use crate::connector::http::api::Call;
use crate::connector::limits::Label;

impl ZoomConnector {
    pub(super) async fn add_ons_of(
        &self,
        external_user_id: &str,
    ) -> Result<AddOnReport, ConnectorError> {
        if external_user_id.starts_with("pending:") {
            return Ok(AddOnReport::default());
        }
        let call = Call {
            step: "read a user's licences",
            label: Label::Medium,
            path: &["users", external_user_id, "settings"],
            query: &[],
        };
        let settings: Result<Settings, _> = self
            .get(USER_SETTINGS, &call, |body| serde_json::from_slice(body))
            .await;
        match settings {
            Ok(settings) => Ok(AddOnReport {
                identifiers: identifiers::add_ons(&settings.feature, self.profile_type),
                gone: false,
            }),
            Err(error) if fact(&error) == Some(Fact::UserGone) => Ok(AddOnReport {
                identifiers: Vec::new(),
                gone: true,
            }),
            Err(error) => Err(error),
        }
    }
}
