//! The words and texts that fields hold: each parses from what a file writes, and tells the JSON
//! Schema what that looks like.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::profile::cron::CronText;
use crate::profile::identifier::{Identifier, ProfileType, Vendor};
use crate::profile::model::{Grant, Kind, Plan, ProfileState};
use crate::profile::name::Name;
use crate::profile::window::Window;
use crate::yaml::diagnostic::Findings;
use crate::yaml::duration::Span;
use crate::yaml::macros::{readable_rule, readable_text, readable_words};
use crate::yaml::read::{self, Read, Wrong};
use crate::yaml::tree::{Node, Value};

readable_text!(Name, "Name", "profile::name", "^[a-z0-9][a-z0-9-]{0,62}$");
readable_text!(
    Identifier,
    "Identifier",
    "profile::identifier",
    r"^(zoom|goto|aha)\.[a-z0-9_]+(\.[a-z0-9_]+)?$"
);
readable_text!(
    CronText,
    "Schedule",
    "profile::schedule",
    r"^\s*\S+(\s+\S+){4}\s*$",
    "write minute, hour, day, month and weekday, for instance `15 3 * * *` for every night at 03:15"
);
readable_text!(
    Window,
    "Window",
    "profile::window",
    r"^(mon|tue|wed|thu|fri|sat|sun)[a-z.,]* +[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"
);

readable_words!(Kind, "Kind", {
    "Profile" => Kind::Profile,
    "Connection" => Kind::Connection,
    "Exclusions" => Kind::Exclusions,
    "ReclamationRule" => Kind::ReclamationRule,
    "SoftwareModel" => Kind::SoftwareModel,
    "Entitlement" => Kind::Entitlement,
    "UserDirectory" => Kind::UserDirectory,
    "Approval" => Kind::Approval,
});
readable_words!(ProfileState, "ProfileState", {
    "draft" => ProfileState::Draft,
    "published" => ProfileState::Published,
});
readable_words!(Grant, "Grant", {
    "account_credentials" => Grant::AccountCredentials,
    "authorization_code" => Grant::AuthorizationCode,
    "personal_access_token" => Grant::PersonalAccessToken,
    "api_key" => Grant::ApiKey,
});
readable_words!(Plan, "Plan", {
    "free" => Plan::Free,
    "pro" => Plan::Pro,
    "business" => Plan::Business,
});

/// The types whose JSON Schema is derived beside them.
macro_rules! words_of {
    ($type:ty, [ $( $value:expr ),* ]) => {
        impl Read for $type {
            fn read(node: &Node, to: &mut Findings) -> Option<Self> {
                read::chosen(node, &[ $( ($value.as_str(), $value) ),* ], to)
            }
        }
    };
}

words_of!(Vendor, [Vendor::Zoom, Vendor::GoTo, Vendor::Aha]);
words_of!(
    ProfileType,
    [
        ProfileType::Zoom,
        ProfileType::ZoomWorkplace,
        ProfileType::GoTo,
        ProfileType::Aha
    ]
);

readable_rule!(
    /// Text for people.
    Prose, "Prose", "profile::text", r"\S", "a few words", |text| !text.trim().is_empty()
);
readable_rule!(
    /// A user: an e-mail address or the vendor's id.
    User, "User", "profile::user", r"^\s*\S+\s*$", "an e-mail address or the vendor's user id, without spaces",
    |text| { let text = text.trim(); !text.is_empty() && !text.contains(char::is_whitespace) }
);
readable_rule!(
    /// A mail domain, or `*.` and one for its subdomains.
    Domain, "Domain", "profile::domain", r"^(\*\.)?[^\s.@*]+(\.[^\s.@*]+)*$",
    "a domain such as `example.com`, or `*.example.com` for its subdomains",
    |text| {
        let name = text.strip_prefix("*.").unwrap_or(text);
        name.split('.').all(|part| {
            !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@' || c == '*')
        })
    }
);
readable_rule!(
    /// A user's address.
    Email, "Email", "profile::email", r"^\S+@\S+$", "an e-mail address",
    |text| !text.contains(char::is_whitespace)
        && text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
);
readable_rule!(
    /// The start of identifiers.
    IdentifierPrefix, "IdentifierPrefix", "profile::identifier", r"^(zoom|goto|aha)\.[a-z0-9_.]*$",
    "the start of identifiers, for instance `zoom.one.`",
    |text| ["zoom.", "goto.", "aha."].iter().any(|vendor| text.starts_with(vendor))
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.".contains(&b))
);
readable_rule!(
    /// An amount of money; text, so that no digit is lost.
    Money, "Money", "profile::money", r"^[0-9]{1,12}(\.[0-9]{1,6})?$",
    "an amount such as `\"149.90\"`",
    |text| {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        digits(whole, 12) && digits(part, 6)
    }
);
readable_rule!(
    /// A product in usage records: ServiceNow's id of it.
    NormProduct, "NormProduct", "profile::norm_product", "^[0-9a-fA-F]{32}$",
    "the product's `norm_product`, 32 hexadecimal digits, as `seatsync usage summary` prints it",
    |text| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
);

impl fmt::Display for NormProduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

readable_rule!(
    /// A plan's digest.
    PlanDigest, "PlanDigest", "profile::digest", "^sha256:[0-9a-f]{64}$",
    "`sha256:` and 64 hexadecimal digits, as `seatsync plan` prints it",
    |text| text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
);

/// A calendar day, `2027-03-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub Date);

impl FromStr for Day {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let wrong = Wrong {
            text: Some(text.to_owned()),
            what: "a day such as `2027-03-31`",
        };
        match text.parse() {
            Ok(day) if text.len() == 10 => Ok(Self(day)),
            _ => Err(wrong),
        }
    }
}

readable_text!(Day, "Day", "profile::date", r"^\d{4}-\d{2}-\d{2}$");

/// A day, or an instant by RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOrInstant(pub String);

impl FromStr for DayOrInstant {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        if text.parse::<Day>().is_ok() || text.parse::<Timestamp>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        Err(Wrong {
            text: Some(text.to_owned()),
            what: "a day or a time such as `2027-03-31T09:00:00Z`",
        })
    }
}

readable_text!(
    DayOrInstant,
    "DayOrInstant",
    "profile::date",
    r"^\d{4}-\d{2}-\d{2}"
);

/// So much per cent, `25%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PercentText(pub u8);

impl FromStr for PercentText {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let digits = text.strip_suffix('%').filter(|digits| {
            digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
        });
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(percent @ 1..=100) => Ok(Self(percent)),
            _ => Err(Wrong {
                text: Some(text.to_owned()),
                what: "a part such as `25%`, from `1%` to `100%`",
            }),
        }
    }
}

readable_text!(
    PercentText,
    "PercentText",
    "profile::percent",
    "^([1-9][0-9]?|100)%$"
);

/// A duration from `LOW` to `HIGH` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanWithin<const LOW: u32, const HIGH: u32>(pub Span);

impl<const LOW: u32, const HIGH: u32> Read for SpanWithin<LOW, HIGH> {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        let span = Span::read(node, to)?;
        if (LOW..=HIGH).contains(&span.as_secs()) {
            return Some(Self(span));
        }
        let (low, high) = (Span::seconds(LOW), Span::seconds(HIGH));
        to.error(
            "profile::duration_range",
            node.region,
            format!("`{span}` is out of range"),
        )
        .help(format!("write a duration from `{low}` to `{high}`"));
        None
    }
}

impl<const LOW: u32, const HIGH: u32> JsonSchema for SpanWithin<LOW, HIGH> {
    fn schema_name() -> Cow<'static, str> {
        Span::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Span::json_schema(generator)
    }
}

/// Seats that stay free: `5%`, or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spare {
    /// Per cent of what is licensed.
    Percent(u8),
    /// Seats.
    Count(u32),
}

impl Read for Spare {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        match node.value {
            Value::Int(_) => {
                read::Whole::<0, 1_000_000>::read(node, to).map(|count| Self::Count(count.0))
            }
            _ => PercentText::read(node, to).map(|part| Self::Percent(part.0)),
        }
    }
}

impl JsonSchema for Spare {
    fn schema_name() -> Cow<'static, str> {
        "Spare".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"anyOf": [
            {"type": "string", "pattern": "^([1-9][0-9]?|100)%$"},
            {"type": "integer", "minimum": 0, "maximum": 1_000_000},
        ]})
    }
}
