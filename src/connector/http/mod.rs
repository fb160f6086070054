//! The polite HTTP client that every connector calls through. [`HttpClient`] makes one exchange,
//! with deadlines and a size cap; [`api::Api`] makes a call of it, with the account's rate budget,
//! a token, retries and the vendor's way of saying no.

pub(crate) mod api;
pub(crate) mod dialect;
pub(crate) mod retry;
pub(crate) mod throttle;

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use oauth2::http;
use reqwest::header::HeaderMap;
use reqwest::redirect;

use super::error::ConnectorError;
use super::options::ConnectorOptions;

/// How often a vendor may send us on within its own host before it is a loop.
const MOST_REDIRECTS: usize = 3;

/// How long a connection that nobody uses is kept. Calls of a job follow one another sooner than this; between
/// jobs, which may be hours, each would hold some 40 KiB, and a hundred accounts have a hundred.
const IDLE_CONNECTION: Duration = Duration::from_secs(8);

/// Sends requests and reads whole answers. One per process: it keeps connections alive.
#[derive(Debug)]
pub(crate) struct HttpClient {
    options: ConnectorOptions,
    client: OnceLock<Result<reqwest::Client, String>>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why there is no whole answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The network or the server broke off, or a deadline passed: worth repeating.
    #[error("{0}")]
    Trouble(String),
    /// Whoever answers does not prove to be the vendor: not worth repeating soon.
    #[error("{0}")]
    Untrusted(String),
    /// The answer is larger than what is read.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge { limit: usize },
    /// This host cannot make such a request at all.
    #[error("{0}")]
    Host(String),
}

impl HttpClient {
    pub(crate) fn new(options: ConnectorOptions) -> Self {
        Self {
            options,
            client: OnceLock::new(),
        }
    }

    pub(crate) fn options(&self) -> &ConnectorOptions {
        &self.options
    }

    /// Built at the first call, so that a host without certificates still runs everything that
    /// needs no vendor.
    pub(crate) fn client(&self) -> Result<&reqwest::Client, ConnectorError> {
        self.client
            .get_or_init(|| build(&self.options))
            .as_ref()
            .map_err(|message| ConnectorError::Misconfigured {
                message: message.clone(),
            })
    }

    /// Sends `request` once and reads the answer, whatever its status.
    pub(crate) async fn exchange(
        &self,
        request: reqwest::Request,
    ) -> Result<Answer, ExchangeError> {
        let client = self
            .client()
            .map_err(|error| ExchangeError::Host(error.to_string()))?;
        let host = host_of(request.url());
        let trouble = |error| trouble(&host, error);
        let mut response = client.execute(request).await.map_err(trouble)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let limit = self.options.largest_answer;
        let announced = response
            .content_length()
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or(0);
        let mut body = Vec::with_capacity(announced.min(limit));
        while let Some(piece) = response.chunk().await.map_err(trouble)? {
            if body.len() + piece.len() > limit {
                return Err(ExchangeError::TooLarge { limit });
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    /// Sends a request of the `oauth2` crate: its own client speaks another reqwest.
    pub(crate) async fn oauth_exchange(
        &self,
        request: oauth2::HttpRequest,
    ) -> Result<oauth2::HttpResponse, ExchangeError> {
        let request = reqwest::Request::try_from(request)
            .map_err(|error| ExchangeError::Host(error.without_url().to_string()))?;
        let answer = self.exchange(request).await?;
        let mut response = http::Response::new(answer.body);
        *response.status_mut() = http::StatusCode::from_u16(answer.status)
            .map_err(|error| ExchangeError::Trouble(error.to_string()))?;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

fn build(options: &ConnectorOptions) -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .user_agent(concat!("seatsync/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls()?)
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout)
        .timeout(options.request_timeout)
        .pool_idle_timeout(IDLE_CONNECTION)
        .redirect(redirect::Policy::custom(within_the_host))
        .build()
        .map_err(|error| format!("the HTTP client cannot be set up: {}", cause(&error)))
}

/// The provider is named here and not installed for the process, so that nothing depends on who
/// was first.
pub(crate) fn tls() -> Result<rustls::ClientConfig, String> {
    use rustls_platform_verifier::BuilderVerifierExt;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verified = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier);
    match verified {
        Ok(builder) => Ok(builder.with_no_client_auth()),
        Err(error) => Err(format!(
            "the host's CA certificates cannot be used ({error}): install them, for instance the package `ca-certificates`"
        )),
    }
}

/// A token goes to the host it is for and to no other, whatever that host answers.
fn within_the_host(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let Some(first) = attempt.previous().first() else {
        return attempt.stop();
    };
    if attempt.previous().len() > MOST_REDIRECTS || first.origin() != attempt.url().origin() {
        return attempt.stop();
    }
    attempt.follow()
}

/// The host and, where it is not the usual one, the port. The rest of an address is not for messages.
pub(crate) fn host_of(url: &reqwest::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// What there is to do when nobody answers at the address that `leaf` of a connection gives.
pub(crate) fn unreachable(message: &str, connection: &str, leaf: &str) -> String {
    format!(
        "{message} (connection `{connection}`): if it stays so, check `{leaf}`, and that this host may go there"
    )
}

fn trouble(host: &str, error: reqwest::Error) -> ExchangeError {
    let error = error.without_url();
    if let Some(certificate) = refused_certificate(&error) {
        return ExchangeError::Untrusted(format!(
            "the certificate of `{host}` is refused ({certificate}): check `url` and `token_url`, or add its CA to those that this host trusts"
        ));
    }
    ExchangeError::Trouble(if error.is_timeout() {
        format!("`{host}` gave no whole answer within the deadline")
    } else {
        format!("`{host}`: {}", cause(&error))
    })
}

/// What is wrong with the certificate that the server showed, when that ended the connection.
fn refused_certificate(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(rustls::Error::InvalidCertificate(wrong)) = error.downcast_ref() {
        return Some(wrong.to_string());
    }
    // An I/O error does not call what it wraps its source.
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    match wrapped {
        Some(wrapped) => refused_certificate(wrapped),
        None => refused_certificate(error.source()?),
    }
}

/// The innermost cause says what happened (`Connection refused`); the outer ones say who tried.
pub(crate) fn cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if std::ptr::eq(innermost, error) {
        return error.to_string();
    }
    format!("{error}: {innermost}")
}

/// The most of a vendor's words that is kept, in characters.
const MOST_WORDS: usize = 500;

/// Words of whoever answered, fit for messages, logs and the database: one line of bounded length,
/// nothing in it that steers a terminal, and none of `secrets`, which an answer may repeat.
pub(crate) fn tame(words: &str, secrets: &[&str]) -> String {
    // A secret must not survive by being cut in two.
    let mut words = words.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        words = words.replace(secret, "(hidden)");
    }
    let steers = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut kept: String = words
        .chars()
        .filter(|c| !steers(c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MOST_WORDS + 1)
        .collect();
    if let Some((cut, _)) = kept.char_indices().nth(MOST_WORDS) {
        kept.truncate(cut);
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use oauth2::basic::BasicClient;
    use oauth2::{
        AuthorizationCode, ClientId, ClientSecret, PkceCodeChallenge, RedirectUrl, TokenResponse,
        TokenUrl,
    };
    use vendor_sim::zoom::AppKind;
    use vendor_sim::{Consent, ZoomSim, ZoomSimOptions};

    use super::*;

    #[test]
    fn words_of_others_are_cut_tamed_and_hold_no_secret() {
        let said = format!(
            "bad token Bearer hunter2\u{1b}[31m\nred\u{202e} {}",
            "A".repeat(1_000)
        );
        let tamed = tame(&said, &["hunter2", ""]);
        assert!(
            tamed.starts_with("bad token Bearer (hidden) [31m red A"),
            "{tamed}"
        );
        assert_eq!(tamed.chars().count(), MOST_WORDS + 1);
        assert!(tamed.ends_with("A…"));
        assert_eq!(tame("short", &[]), "short");
    }

    #[tokio::test]
    async fn the_oauth2_crate_redeems_a_code_and_refreshes_through_us() {
        let sim = ZoomSim::start(ZoomSimOptions::default()).await.unwrap();
        sim.control()
            .switch(|switches| switches.consent = Consent::Allow);
        let http = HttpClient::new(ConnectorOptions::default());
        let app = sim.app(AppKind::General).unwrap();
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let callback = "http://127.0.0.1/callback";
        let url = reqwest::Url::parse_with_params(
            &sim.authorize_url(),
            [
                ("response_type", "code"),
                ("client_id", &app.client_id),
                ("redirect_uri", callback),
                ("code_challenge", challenge.as_str()),
                ("code_challenge_method", "S256"),
            ],
        )
        .unwrap();
        let consent = reqwest::Request::new(reqwest::Method::GET, url);
        let sent_back = http.exchange(consent).await.unwrap();
        assert_eq!(sent_back.status, 302, "the callback is another origin");
        let location = sent_back.headers["location"].to_str().unwrap();
        let location = reqwest::Url::parse(location).unwrap();
        let (_, code) = location
            .query_pairs()
            .find(|(key, _)| key == "code")
            .unwrap();

        let secret = app.client_secret.clone().unwrap();
        let client = BasicClient::new(ClientId::new(app.client_id.clone()))
            .set_client_secret(ClientSecret::new(secret))
            .set_token_uri(TokenUrl::new(sim.token_url()).unwrap())
            .set_redirect_uri(RedirectUrl::new(callback.to_owned()).unwrap());
        let send = |request| http.oauth_exchange(request);
        let first = client
            .exchange_code(AuthorizationCode::new(code.into_owned()))
            .set_pkce_verifier(verifier)
            .request_async(&send)
            .await
            .unwrap();
        let refresh = first.refresh_token().unwrap();
        let second = client
            .exchange_refresh_token(refresh)
            .request_async(&send)
            .await
            .unwrap();
        assert_ne!(
            first.access_token().secret(),
            second.access_token().secret()
        );
        // A refresh token is spent by its use.
        let reused = client.exchange_refresh_token(refresh);
        assert!(reused.request_async(&send).await.is_err());
    }
}
