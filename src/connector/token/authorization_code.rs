//! OAuth 2's authorization code (RFC 6749, section 4.1) with PKCE (RFC 7636): a person consents
//! once, and refresh tokens carry the consent on. A vendor may replace the refresh token at each use
//! (Zoom) or now and then (GoTo): the new one is on disk before its access token is used.

use jiff::Timestamp;
use oauth2::{PkceCodeVerifier, RedirectUrl, TokenResponse as _};
use secrecy::{ExposeSecret as _, SecretString};

use super::access::{self, TokenAnswer};
use super::endpoint::{self, TokenEndpoint};
use super::exchange::{Exchange, Sending};
use super::{AccessToken, Needs, Renewal};
use crate::connector::error::{CallContext, ConnectorError};
use crate::connector::grant::{
    DeadGrant, GrantFacts, GrantKeeper, GrantOwner, GrantTokens, KeeperError, KeptGrant,
    refresh_life,
};
use crate::profile::model::SecretRef;
use crate::secret::{SecretError, Secrets};

/// Whose consent tokens come from, and the app that was consented to. The app's secret is read at
/// each use, so that a rotated one is seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AuthorizationCode {
    pub(super) owner: GrantOwner,
    pub(super) client_secret: Option<SecretRef>,
}

/// What a redirect brought, and what was kept back when the person was sent away.
#[derive(Debug)]
pub(crate) struct Redeemable {
    pub(crate) code: oauth2::AuthorizationCode,
    pub(crate) verifier: PkceCodeVerifier,
    pub(crate) redirect_uri: RedirectUrl,
    /// Who asked, for the record.
    pub(crate) by: String,
}

/// What the grant works with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tools<'a> {
    pub(super) secrets: &'a Secrets,
    pub(super) endpoint: TokenEndpoint<'a>,
    pub(super) keeper: &'a dyn GrantKeeper,
}

impl AuthorizationCode {
    pub(super) fn of(needs: &Needs<'_>) -> Result<Self, ConnectorError> {
        let owner = GrantOwner::of(needs.connection).ok_or_else(|| needs.missing("client_id"))?;
        Ok(Self {
            owner,
            client_secret: needs.connection.client_secret.clone(),
        })
    }

    pub(super) fn connection(&self) -> &str {
        &self.owner.connection
    }

    pub(super) fn client_id(&self) -> &str {
        &self.owner.client_id
    }

    pub(super) fn remedy(&self) -> String {
        format!("run `seatsync authorize {}`", self.owner.connection)
    }

    /// A token other than `old`, from what is kept or from a refresh. `unkept` is a grant that
    /// the vendor gave and the disk did not take: it comes first, since the one before it is spent.
    pub(super) async fn get(
        &self,
        tools: Tools<'_>,
        old: Option<(&AccessToken, Renewal)>,
        unkept: &mut Option<KeptGrant>,
    ) -> Result<AccessToken, ConnectorError> {
        if let Some(grant) = unkept.take() {
            self.keep(tools, grant, unkept).await?;
        }
        let kept = tools
            .keeper
            .load(&self.owner)
            .await
            .map_err(|error| not_kept(&error))?;
        let Some(kept) = kept else {
            let message = format!(
                "nobody has authorised connection `{}` yet: {}",
                self.owner.connection,
                self.remedy()
            );
            return Err(unauthorized(message));
        };
        if kept.facts.dead.is_some() {
            return Err(self.ended(&kept.facts, tools.endpoint.clock.now()));
        }
        let now = tools.endpoint.clock.now();
        let token = Self::access_of(&kept)?;
        let renewal = old
            .filter(|(old, _)| old.authorization == token.authorization)
            .map(|(_, why)| why);
        if now < token.renew_at && renewal.is_none() {
            return Ok(token);
        }
        let Some(refresh) = &kept.tokens.refresh else {
            return if renewal == Some(Renewal::Refused) {
                Err(self.revoked(tools, kept.facts).await)
            } else if now < token.ends_at {
                Ok(token)
            } else {
                Err(self.ended(&kept.facts, now))
            };
        };
        match self.refresh(tools, refresh, &kept, unkept).await {
            Err(ConnectorError::Unavailable { .. }) if now < token.ends_at && renewal.is_none() => {
                Ok(token)
            }
            outcome => outcome,
        }
    }

    /// Turns a code into a grant and keeps it. Not repeated: a code works once.
    pub(super) async fn redeem(
        &self,
        tools: Tools<'_>,
        redeemable: Redeemable,
        unkept: &mut Option<KeptGrant>,
    ) -> Result<KeptGrant, ConnectorError> {
        let asked_at = tools.endpoint.clock.now();
        let mut sent = self.sent(tools.secrets);
        sent.push(redeemable.code.secret().clone().into());
        sent.push(redeemable.verifier.secret().clone().into());
        let exchange = Exchange::new(self, tools.endpoint, Sending::Once, sent);
        let answer = exchange.redeem(tools.secrets, &redeemable).await?;
        let facts = GrantFacts {
            authorized_at: asked_at,
            authorized_by: redeemable.by.clone(),
            principal: answer.extra_fields().principal.clone(),
            account: None,
            scopes: Vec::new(),
            access_issued_at: asked_at,
            access_ends_at: None,
            refresh_issued_at: None,
            refresh_ends_at: None,
            unanswered_since: None,
            dead: None,
        };
        let grant = self.grant_of(&answer, asked_at, facts, None);
        *unkept = None;
        self.keep(tools, grant.clone(), unkept).await?;
        Ok(grant)
    }

    /// Records whom the vendor knows the person as.
    pub(super) async fn identify(
        &self,
        tools: Tools<'_>,
        principal: Option<String>,
        account: Option<String>,
    ) -> Result<Option<GrantFacts>, ConnectorError> {
        let Some(mut facts) = tools.keeper.facts(&self.owner.connection) else {
            return Ok(None);
        };
        facts.principal = principal.or(facts.principal);
        facts.account = account.or(facts.account);
        let noted = tools.keeper.note(&self.owner, &facts).await;
        noted.map_err(|error| not_kept(&error))?;
        Ok(Some(facts))
    }

    pub(super) fn access_of(kept: &KeptGrant) -> Result<AccessToken, ConnectorError> {
        let text = kept.tokens.access.expose_secret();
        let token = match kept.facts.access_ends_at {
            Some(ends_at) => AccessToken::between(text, kept.facts.access_issued_at, ends_at),
            None => AccessToken::lasting(text),
        };
        let mut token = token.ok_or_else(|| ConnectorError::Malformed {
            context: endpoint::context(None, None),
            message: "the token holds characters no header may have".to_owned(),
        })?;
        token.scopes.clone_from(&kept.facts.scopes);
        Ok(token)
    }

    /// Fails where the app's secret is named and cannot be read, so that nobody consents in vain.
    pub(super) fn check_secret(&self, secrets: &Secrets) -> Result<(), SecretError> {
        let reference = self.client_secret.as_ref();
        reference.map_or(Ok(()), |reference| secrets.read(reference).map(drop))
    }

    /// The app's secret, to be kept out of messages.
    fn sent(&self, secrets: &Secrets) -> Vec<SecretString> {
        let reference = self.client_secret.as_ref();
        reference
            .and_then(|reference| secrets.read(reference).ok())
            .into_iter()
            .collect()
    }

    async fn refresh(
        &self,
        tools: Tools<'_>,
        refresh: &SecretString,
        kept: &KeptGrant,
        unkept: &mut Option<KeptGrant>,
    ) -> Result<AccessToken, ConnectorError> {
        let asked_at = tools.endpoint.clock.now();
        let mut facts = kept.facts.clone();
        let lost_before = facts.unanswered_since;
        // A crash between here and the answer must not look as if nothing had been asked.
        facts.unanswered_since.get_or_insert(asked_at);
        let noted = tools.keeper.note(&self.owner, &facts).await;
        noted.map_err(|error| not_kept(&error))?;
        let mut sent = self.sent(tools.secrets);
        sent.push(refresh.clone());
        let exchange = Exchange::new(self, tools.endpoint, Sending::UntilAnswered, sent);
        let answer = match exchange.refresh(tools.secrets, refresh).await {
            Ok(answer) => answer,
            Err(error) => {
                let lost_now = exchange.lost_one().then_some(asked_at);
                facts.unanswered_since = lost_before.or(lost_now);
                let said = exchange.said();
                return Err(self.after_refusal(tools, facts, said, error).await);
            }
        };
        facts.unanswered_since = None;
        let grant = self.grant_of(&answer, asked_at, facts, Some((refresh, &kept.facts)));
        let token = Self::access_of(&grant)?;
        self.keep(tools, grant, unkept).await?;
        Ok(token)
    }

    /// Records the end of a grant whose token lasts until it is revoked, and words it for a person:
    /// nothing but a new consent brings another.
    async fn revoked(&self, tools: Tools<'_>, mut facts: GrantFacts) -> ConnectorError {
        let now = tools.endpoint.clock.now();
        facts.dead = Some(DeadGrant {
            at: now,
            reason: "it refuses the token, which has no end of its own".to_owned(),
        });
        self.record_end(tools, &facts).await;
        self.ended(&facts, now)
    }

    async fn record_end(&self, tools: Tools<'_>, facts: &GrantFacts) {
        if let Err(error) = tools.keeper.note(&self.owner, facts).await {
            tracing::error!(%error, "the end of an authorisation is not recorded");
        }
    }

    /// Records that a grant is dead, when that is what the refusal says, and words it for a person.
    async fn after_refusal(
        &self,
        tools: Tools<'_>,
        mut facts: GrantFacts,
        said: String,
        error: ConnectorError,
    ) -> ConnectorError {
        let ConnectorError::Unauthorized { context, .. } = &error else {
            return error;
        };
        if ends_the_grant(context) {
            let lost = facts.unanswered_since.map_or_else(String::new, |since| {
                format!(
                    "; the answer to a refresh was lost at {}, and the vendor may take a refresh token only once",
                    whole_second(since)
                )
            });
            facts.dead = Some(DeadGrant {
                at: tools.endpoint.clock.now(),
                reason: format!("{said}{lost}"),
            });
        }
        self.record_end(tools, &facts).await;
        if facts.dead.is_none() {
            return error;
        }
        let context = context.clone();
        match self.ended(&facts, tools.endpoint.clock.now()) {
            ConnectorError::Unauthorized { message, .. } => {
                ConnectorError::Unauthorized { context, message }
            }
            other => other,
        }
    }

    fn ended(&self, facts: &GrantFacts, now: Timestamp) -> ConnectorError {
        let message = facts.warning(&self.owner.connection, now);
        unauthorized(message.unwrap_or_else(|| {
            format!(
                "the authorisation of connection `{}` ended: {}",
                self.owner.connection,
                self.remedy()
            )
        }))
    }

    /// The grant of an answer; `before` is the refresh token that was used, which stays in force
    /// where the answer brings no other.
    fn grant_of(
        &self,
        answer: &TokenAnswer,
        asked_at: Timestamp,
        facts: GrantFacts,
        before: Option<(&SecretString, &GrantFacts)>,
    ) -> KeptGrant {
        let issued = answer.refresh_token().map(|token| token.secret().clone());
        let reissued = issued
            .as_deref()
            .is_some_and(|new| before.is_none_or(|(old, _)| old.expose_secret() != new));
        let (refresh_issued_at, refresh_ends_at) = match before {
            Some((_, before)) if !reissued => (before.refresh_issued_at, before.refresh_ends_at),
            _ => (
                issued.is_some().then_some(asked_at),
                refresh_life(self.owner.vendor)
                    .filter(|_| issued.is_some())
                    .map(|life| access::later(asked_at, life)),
            ),
        };
        let refresh = issued
            .map(SecretString::from)
            .or_else(|| before.map(|(old, _)| old.clone()));
        let told = access::scopes_of(answer);
        let scopes = if told.is_empty() {
            facts.scopes.clone()
        } else {
            told
        };
        let ends_at = access::end_of(answer, asked_at);
        let usual = || access::later(asked_at, access::USUAL_LIFE);
        let access_ends_at = ends_at.or_else(|| refresh.is_some().then(usual));
        KeptGrant {
            tokens: GrantTokens {
                access: SecretString::from(answer.access_token().secret().clone()),
                refresh,
            },
            facts: GrantFacts {
                scopes,
                access_issued_at: asked_at,
                access_ends_at,
                refresh_issued_at,
                refresh_ends_at,
                ..facts
            },
        }
    }

    async fn keep(
        &self,
        tools: Tools<'_>,
        grant: KeptGrant,
        unkept: &mut Option<KeptGrant>,
    ) -> Result<(), ConnectorError> {
        match tools.keeper.keep(&self.owner, &grant).await {
            Ok(()) => Ok(()),
            Err(error) => {
                *unkept = Some(grant);
                Err(not_kept(&error))
            }
        }
    }
}

/// Whether a refusal of a refresh means that only a new consent helps. What is wrong with the app's
/// own name or secret does not end a consent.
fn ends_the_grant(context: &CallContext) -> bool {
    match context.code.as_deref() {
        Some("invalid_grant" | "invalid_token" | "access_denied") => true,
        Some("invalid_client" | "unauthorized_client" | "unsupported_grant_type") => false,
        // Zoom was seen to answer a dead refresh token with a bare 401.
        _ => context.status == Some(401),
    }
}

fn unauthorized(message: String) -> ConnectorError {
    ConnectorError::Unauthorized {
        context: endpoint::context(None, None),
        message,
    }
}

fn not_kept(error: &KeeperError) -> ConnectorError {
    match error {
        KeeperError::Unusable { .. } => ConnectorError::Misconfigured {
            message: error.to_string(),
        },
        KeeperError::Store { .. } => ConnectorError::Unavailable {
            context: CallContext {
                step: "keep an authorisation".to_owned(),
                ..CallContext::default()
            },
            message: error.to_string(),
        },
    }
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
