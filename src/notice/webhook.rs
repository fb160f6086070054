//! A signed POST per notice, by the Standard Webhooks specification
//! (<https://www.standardwebhooks.com>): `webhook-id` is the same at every repetition, so that who gets it
//! twice can tell; `webhook-signature` is HMAC-SHA-256 over `id.timestamp.body`.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::Sent;
use super::content::Content;
use crate::connector::http::{cause, tls};
use crate::secret::Secrets;
use crate::settings::model::WebhookSettings;

/// From the first byte out to the answer's head; the specification asks for 15 to 30 seconds.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Before a secret that is written as base64, as the specification has it.
const SECRET_PREFIX: &str = "whsec_";

/// Posts notices to the settings' address.
#[derive(Debug, Clone)]
pub struct Webhook {
    settings: WebhookSettings,
    secrets: Arc<Secrets>,
    client: Arc<OnceLock<Result<Client, String>>>,
}

/// What is posted, as the specification recommends.
#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'a str,
    timestamp: Timestamp,
    data: &'a Content,
}

impl Webhook {
    /// The secret is read at each use, so that a rotated one is seen.
    pub fn new(settings: WebhookSettings, secrets: Arc<Secrets>) -> Self {
        Self {
            settings,
            secrets,
            client: Arc::default(),
        }
    }

    /// Posts one notice that was made at `made_at`.
    pub async fn send(
        &self,
        uid: &str,
        content: &Content,
        made_at: Timestamp,
        now: Timestamp,
    ) -> Sent {
        let envelope = Envelope {
            r#type: content.kind(),
            timestamp: made_at,
            data: content,
        };
        let prepared = serde_json::to_vec(&envelope)
            .map_err(|error| error.to_string())
            .and_then(|body| Ok((body, self.secret()?, self.client()?)));
        let (body, secret, client) = match prepared {
            Ok(prepared) => prepared,
            Err(said) => return Sent::Blocked { said },
        };
        let seconds = now.as_second().to_string();
        let mut request = client
            .post(&self.settings.url)
            .header("content-type", "application/json")
            .header("webhook-id", uid)
            .header("webhook-timestamp", &seconds);
        if let Some(secret) = secret {
            request = request.header("webhook-signature", sign(&secret, uid, &seconds, &body));
        }
        match request.body(body).send().await {
            Ok(answer) => judge(answer.status()),
            Err(error) => Sent::Blocked {
                said: format!(
                    "the webhook cannot be reached: {}",
                    cause(&error.without_url())
                ),
            },
        }
    }

    fn secret(&self) -> Result<Option<SecretString>, String> {
        let reference = self.settings.secret.as_ref();
        reference
            .map(|reference| self.secrets.read(reference))
            .transpose()
            .map_err(|error| error.to_string())
    }

    fn client(&self) -> Result<Client, String> {
        self.client.get_or_init(build).clone()
    }
}

/// A redirect is not followed: a moved POST would become a GET, and its answer be taken for the POST's.
fn build() -> Result<Client, String> {
    Client::builder()
        .user_agent(concat!("seatsync/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls()?)
        .timeout(TIMEOUT)
        .redirect(Policy::none())
        .build()
        .map_err(|error| format!("the HTTP client cannot be set up: {}", cause(&error)))
}

fn judge(status: StatusCode) -> Sent {
    let said = format!("the webhook answered {status}");
    if status.is_success() {
        return Sent::Accepted { said };
    }
    match status {
        // By the specification the receiver wants nothing more.
        StatusCode::GONE => Sent::Refused { said },
        StatusCode::TOO_MANY_REQUESTS => Sent::Blocked { said },
        _ if status.is_server_error() => Sent::Blocked { said },
        _ => Sent::Later {
            said: format!("{said}; check `notifications.webhook`"),
        },
    }
}

/// `v1,` and the base64 of the HMAC-SHA-256 over `id.timestamp.body`.
fn sign(secret: &SecretString, uid: &str, seconds: &str, body: &[u8]) -> String {
    let text = secret.expose_secret();
    let key = text
        .strip_prefix(SECRET_PREFIX)
        .and_then(|encoded| BASE64.decode(encoded).ok())
        .unwrap_or_else(|| text.as_bytes().to_vec());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let mut context = hmac::Context::with_key(&key);
    for piece in [uid.as_bytes(), b".", seconds.as_bytes(), b".", body] {
        context.update(piece);
    }
    format!("v1,{}", BASE64.encode(context.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the specification's reference libraries.
    #[test]
    fn the_signature_is_the_specifications() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let signature = sign(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_may_work_later_is_tried_again() {
        let blocked = |code| {
            matches!(
                judge(StatusCode::from_u16(code).unwrap()),
                Sent::Blocked { .. }
            )
        };
        assert!(blocked(500) && blocked(503) && blocked(429));
        assert!(matches!(
            judge(StatusCode::NO_CONTENT),
            Sent::Accepted { .. }
        ));
        assert!(matches!(judge(StatusCode::GONE), Sent::Refused { .. }));
        for code in [302, 400, 401, 404] {
            let status = StatusCode::from_u16(code).unwrap();
            assert!(matches!(judge(status), Sent::Later { .. }), "{code}");
        }
    }
}
