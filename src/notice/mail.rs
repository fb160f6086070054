//! Mail by SMTP (RFC 5321), over STARTTLS (RFC 3207) unless the settings say otherwise. A relay that
//! should offer STARTTLS and does not gets nothing.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::address::Envelope;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::response::{Code, Response};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::ExposeSecret as _;

use super::Sent;
use super::template::Letter;
use crate::connector::http::{cause, tame};
use crate::secret::{SecretError, Secrets};
use crate::settings::model::{SmtpSettings, SmtpTls};

/// For each answer of the relay.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What relays say of credentials and of the wire (RFC 4954, section 6; RFC 3207, section 4): the
/// settings are wrong, not the message.
const OF_THE_SETTINGS: [u16; 5] = [454, 530, 534, 535, 538];

/// Sends mail by the settings' relay.
#[derive(Debug, Clone)]
pub struct Mailer {
    settings: SmtpSettings,
    secrets: Arc<Secrets>,
}

/// One mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail<'a> {
    /// The notice's, for `Message-ID`: who gets it twice can tell.
    pub uid: &'a str,
    /// For `Date`.
    pub at: Timestamp,
    /// Who gets it: each alone, so that one who does not exist keeps it from nobody.
    pub to: &'a [String],
    /// Whom to write back to.
    pub reply_to: Option<&'a str>,
    /// What it says.
    pub letter: &'a Letter,
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

impl Mailer {
    /// Secrets are read at each use, so that a rotated one is seen.
    pub fn new(settings: SmtpSettings, secrets: Arc<Secrets>) -> Self {
        Self { settings, secrets }
    }

    /// Who is told what concerns no single user.
    pub fn operators(&self) -> &[String] {
        &self.settings.to
    }

    /// Sends one mail. It is accepted where the relay took it for at least one of those it is for.
    pub async fn send(&self, mail: &Mail<'_>) -> Sent {
        let transport = match self.transport() {
            Ok(transport) => transport,
            Err(said) => return Sent::Blocked { said },
        };
        let mut worst = Sent::Refused {
            said: "there is nobody to send it to: set `notifications.smtp.to`".to_owned(),
        };
        let mut taken = None;
        for to in mail.to {
            match self.send_to(&transport, mail, to).await {
                Sent::Accepted { said } => taken = Some(said),
                blocked @ Sent::Blocked { .. } if taken.is_none() => return blocked,
                // A repetition may still reach somebody.
                other if !matches!(worst, Sent::Later { .. }) => worst = other,
                _ => {}
            }
        }
        taken.map_or(worst, |said| Sent::Accepted { said })
    }

    async fn send_to(&self, transport: &Transport, mail: &Mail<'_>, to: &str) -> Sent {
        let refused = |said: String| Sent::Refused { said };
        let message = match self.message(mail, to) {
            Ok(message) => message,
            Err(said) => return refused(said),
        };
        match transport
            .send_raw(message.envelope(), &message.formatted())
            .await
        {
            Ok(response) => Sent::Accepted {
                said: said_by(&response, to),
            },
            Err(error) => self.judge(&error, to),
        }
    }

    fn message(&self, mail: &Mail<'_>, to: &str) -> Result<Message, String> {
        let from: Mailbox = self.settings.from.parse().map_err(|_| {
            "`notifications.smtp.from` is not a mail address: write `name@example.com`".to_owned()
        })?;
        let to: Mailbox = to
            .parse()
            .map_err(|_| "what it is to be sent to is not a mail address".to_owned())?;
        let envelope = Envelope::new(Some(from.email.clone()), vec![to.email.clone()])
            .map_err(|error| error.to_string())?;
        let mut message = Message::builder()
            .message_id(Some(format!("<{}@{}>", mail.uid, from.email.domain())))
            .date(SystemTime::from(mail.at))
            .from(from)
            .to(to)
            .envelope(envelope)
            .subject(mail.letter.subject.clone());
        if let Some(reply_to) = mail.reply_to.and_then(|text| text.parse().ok()) {
            message = message.reply_to(reply_to);
        }
        // RFC 3834: no vacation notice comes back.
        message
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.letter.body.clone())
            .map_err(|error| error.to_string())
    }

    fn transport(&self) -> Result<Transport, String> {
        let settings = &self.settings;
        let mut builder = Transport::builder_dangerous(settings.host.clone())
            .port(settings.port)
            .timeout(Some(TIMEOUT))
            .tls(match settings.tls {
                SmtpTls::StartTls => Tls::Required(tls_for(&settings.host)?),
                SmtpTls::Implicit => Tls::Wrapper(tls_for(&settings.host)?),
                SmtpTls::None => Tls::None,
            });
        if let Some(credentials) = self.credentials().map_err(|error| error.to_string())? {
            builder = builder.credentials(credentials);
        }
        Ok(builder.build())
    }

    fn credentials(&self) -> Result<Option<Credentials>, SecretError> {
        let (Some(username), Some(password)) = (&self.settings.username, &self.settings.password)
        else {
            return Ok(None);
        };
        let password = self.secrets.read(password)?;
        Ok(Some(Credentials::new(
            username.clone(),
            password.expose_secret().to_owned(),
        )))
    }

    fn judge(&self, error: &lettre::transport::smtp::Error, to: &str) -> Sent {
        let relay = format!("the relay `{}:{}`", self.settings.host, self.settings.port);
        let words = without_address(&cause(error), to);
        let Some(code) = error.status() else {
            return Sent::Blocked {
                said: format!("{relay} cannot be used: {words}"),
            };
        };
        let said = format!("{relay} answered {code}: {words}");
        if OF_THE_SETTINGS.contains(&number(code)) {
            return Sent::Blocked {
                said: format!("{said}; check `notifications.smtp`"),
            };
        }
        if error.is_permanent() {
            Sent::Refused { said }
        } else {
            Sent::Later { said }
        }
    }
}

fn tls_for(host: &str) -> Result<TlsParameters, String> {
    TlsParameters::new_rustls(host.to_owned()).map_err(|error| {
        format!(
            "TLS cannot be set up for `{host}` ({}): check `notifications.smtp.host` and the host's CA certificates",
            cause(&error)
        )
    })
}

fn number(code: Code) -> u16 {
    u16::from(code)
}

fn said_by(response: &Response, to: &str) -> String {
    let words: Vec<&str> = response.message().collect();
    without_address(&format!("{} {}", response.code(), words.join(" ")), to)
}

/// What a relay says often repeats the address, which has no business in logs and tables.
fn without_address(words: &str, to: &str) -> String {
    let address = to
        .parse::<Mailbox>()
        .map_or_else(|_| to.to_owned(), |mailbox| mailbox.email.to_string());
    tame(&replace_in_any_case(words, &address), &[])
}

fn replace_in_any_case(words: &str, address: &str) -> String {
    let (lower, wanted) = (words.to_ascii_lowercase(), address.to_ascii_lowercase());
    let mut kept = String::new();
    let mut rest = 0;
    while let Some(at) = lower.get(rest..).and_then(|tail| tail.find(&wanted)) {
        kept.push_str(&words[rest..rest + at]);
        kept.push_str("(the recipient)");
        rest += at + wanted.len();
        if wanted.is_empty() {
            break;
        }
    }
    kept.push_str(&words[rest..]);
    kept
}

/// Whether a text is a mail address that one can be sent to.
pub fn is_address(text: &str) -> bool {
    text.parse::<Mailbox>().is_ok() || text.parse::<Address>().is_ok()
}

/// `Auto-Submitted: auto-generated`.
#[derive(Debug, Clone, Copy)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_relay_says_is_kept_without_the_address() {
        let said = without_address(
            "5.1.1 <Ann@Example.com>: no such user ann@example.COM\r\n",
            "Ann <ann@example.com>",
        );
        assert_eq!(
            said,
            "5.1.1 <(the recipient)>: no such user (the recipient)  "
        );
        assert_eq!(
            without_address("nothing here", "a@b.example"),
            "nothing here"
        );
    }

    #[test]
    fn only_addresses_are_addresses() {
        for good in ["sam@example.com", "Sam Team <sam@example.com>"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "sam-team", "a@b@c", "x@y.example\nBcc: z@example.com"] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
