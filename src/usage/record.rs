//! What is known about the use of one product on one configuration item, what tells records
//! apart, and how a new report changes an old record.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// The id of a row at ServiceNow (`sys_id`): 32 hex digits. Form only; what it points to is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(pub [u8; 16]);

impl Reference {
    /// From 32 hex digits in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: &[u8; 32] = text.as_bytes().try_into().ok()?;
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(hex(&self.0, &mut [0; 32]))
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(hex(&self.0, &mut [0; 32]))
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("expected 32 hexadecimal digits"))
    }
}

/// The id that we give a record, 32 hex digits as at ServiceNow. It is a digest of the key, so it
/// is the same after a restart, a restore, and on every host that knows the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SysId([u8; 16]);

impl SysId {
    /// Its hex digits, written into `buffer`.
    pub fn as_str<'a>(&self, buffer: &'a mut [u8; 32]) -> &'a str {
        hex(&self.0, buffer)
    }
}

impl fmt::Display for SysId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str(&mut [0; 32]))
    }
}

impl Serialize for SysId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str(&mut [0; 32]))
    }
}

fn hex<'a>(bytes: &[u8; 16], buffer: &'a mut [u8; 32]) -> &'a str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in buffer.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    std::str::from_utf8(buffer).unwrap_or_default()
}

/// What a record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReclamationType {
    /// Openings and seconds, summed per month by the agent.
    TotalUsage,
    /// When the product was used last.
    LastUsedDate,
}

/// The part of the key that the reclamation type decides: a month for `total_usage`, nothing for
/// `last_used_date`. As a number: year * 100 + month, or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(u32);

impl Period {
    /// That of `last_used_date`, which keeps one record for all time.
    pub const ALL_TIME: Self = Self(0);

    /// A month of `total_usage`. Both numbers are normalised before they become part of a key: 2,
    /// `2` and `02` are one month.
    pub fn month(year: u16, month: u8) -> Self {
        Self(u32::from(year) * 100 + u32::from(month))
    }

    /// As it is stored.
    pub fn number(self) -> u32 {
        self.0
    }

    /// As it was stored.
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Its year and month; none for [`Self::ALL_TIME`].
    pub fn year_and_month(self) -> Option<(u16, u8)> {
        let year = u16::try_from(self.0 / 100).ok()?;
        let month = u8::try_from(self.0 % 100).ok()?;
        (self != Self::ALL_TIME).then_some((year, month))
    }

    /// The reclamation type that has such a period.
    pub fn reclamation_type(self) -> ReclamationType {
        if self == Self::ALL_TIME {
            ReclamationType::LastUsedDate
        } else {
            ReclamationType::TotalUsage
        }
    }
}

/// What tells one record from another.
///
/// ServiceNow's page lists `last_used_time` as part of the key of `total_usage`, yet its own examples
/// do not send it, and its importer keeps one record per item, product, month and year. It is a
/// value here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The host or device, `cmdb_ci`.
    pub configuration_item: Reference,
    /// The product, `samp_sw_product`.
    pub norm_product: Reference,
    /// The month, for `total_usage`.
    pub period: Period,
    /// The user, only where the settings make it part of the key.
    pub user: Option<Reference>,
}

impl Key {
    /// The id of the record with this key.
    pub fn sys_id(&self) -> SysId {
        let mut digest = Sha256::new();
        digest.update(self.configuration_item.0);
        digest.update(self.norm_product.0);
        digest.update(self.period.0.to_be_bytes());
        if let Some(user) = self.user {
            digest.update(user.0);
        }
        let digest: [u8; 32] = digest.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        SysId(id)
    }
}

/// What a report says about one value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Nothing: the stored value stays.
    #[default]
    Keep,
    /// It was sent empty: the stored value goes.
    Clear,
    /// The new value.
    Set(T),
}

impl<T: Clone + PartialEq> Change<T> {
    /// Applies it; whether that made a difference.
    fn apply(&self, stored: &mut Option<T>) -> bool {
        let wanted = match self {
            Self::Keep => return false,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        };
        if stored.as_ref() == wanted {
            return false;
        }
        *stored = wanted.cloned();
        true
    }

    /// The new value, where there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

/// What one report says beside its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The publisher, `samp_sw_publisher`.
    pub norm_publisher: Change<Reference>,
    /// The user, `sys_user`.
    pub user: Change<Reference>,
    /// 1 to 12.
    pub month_used: Change<u8>,
    /// 1970 to 9999.
    pub year: Change<u16>,
    /// Times opened.
    pub usage_count: Change<i32>,
    /// Seconds.
    pub total_usage_time: Change<i32>,
    /// When the product was used last.
    pub last_used_time: Change<Timestamp>,
    /// Who found the use.
    pub discovery_source: Change<Box<str>>,
    /// What kind of use it is.
    pub usage_type: Change<Box<str>>,
}

/// The values of a record; none where they were never sent, or were cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Values {
    /// The publisher, `samp_sw_publisher`.
    pub norm_publisher: Option<Reference>,
    /// The user, `sys_user`.
    pub user: Option<Reference>,
    /// 1 to 12.
    pub month_used: Option<u8>,
    /// 1970 to 9999.
    pub year: Option<u16>,
    /// Times opened.
    pub usage_count: Option<i32>,
    /// Seconds.
    pub total_usage_time: Option<i32>,
    /// When the product was used last.
    pub last_used_time: Option<Timestamp>,
    /// Who found the use.
    pub discovery_source: Option<Box<str>>,
    /// What kind of use it is.
    pub usage_type: Option<Box<str>>,
}

impl Values {
    /// Takes a report in; whether it made a difference. With `newest_wins` the later of two last uses
    /// stays, whichever was reported last; of all other values the last report's do.
    pub fn merge(&mut self, changes: &Changes, newest_wins: bool) -> bool {
        let is_later = |sent: &Timestamp| self.last_used_time.is_none_or(|stored| *sent > stored);
        let takes_last_use = !newest_wins || changes.last_used_time.value().is_none_or(is_later);
        // Not short-circuiting: every value must be applied.
        changes.norm_publisher.apply(&mut self.norm_publisher)
            | changes.user.apply(&mut self.user)
            | changes.month_used.apply(&mut self.month_used)
            | changes.year.apply(&mut self.year)
            | changes.usage_count.apply(&mut self.usage_count)
            | changes.total_usage_time.apply(&mut self.total_usage_time)
            | (takes_last_use && changes.last_used_time.apply(&mut self.last_used_time))
            | changes.discovery_source.apply(&mut self.discovery_source)
            | changes.usage_type.apply(&mut self.usage_type)
    }
}

/// A stored record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What tells it apart.
    pub key: Key,
    /// What is known.
    pub values: Values,
    /// When it was first reported.
    pub created_at: Timestamp,
    /// When a report last changed it, or last repeated it on a new day.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(digit: char) -> Reference {
        Reference::parse(&digit.to_string().repeat(32)).unwrap()
    }

    fn key(period: Period) -> Key {
        Key {
            configuration_item: reference('a'),
            norm_product: reference('b'),
            period,
            user: None,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_reference_is_32_hex_digits_in_either_case() {
        let lower = "eaa9604d3790200044e0bfc8bcbe5dc1";
        let parsed = Reference::parse(lower).unwrap();
        assert_eq!(parsed.to_string(), lower);
        assert_eq!(Reference::parse(&lower.to_uppercase()), Some(parsed));
        for wrong in [
            "",
            "laptop-7",
            &lower[1..],
            &format!("{lower}0"),
            &lower.replace('e', "g"),
        ] {
            assert_eq!(Reference::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_part_of_the_key_makes_another_sys_id() {
        let base = key(Period::month(2020, 2));
        let others = [
            key(Period::month(2020, 3)),
            key(Period::month(2021, 2)),
            key(Period::ALL_TIME),
            Key {
                configuration_item: reference('c'),
                ..base
            },
            Key {
                norm_product: reference('c'),
                ..base
            },
            Key {
                user: Some(reference('c')),
                ..base
            },
        ];
        for other in others {
            assert_ne!(other.sys_id(), base.sys_id(), "{other:?}");
        }
    }

    #[test]
    fn a_sys_id_never_changes() {
        let id = key(Period::month(2020, 2)).sys_id().to_string();
        assert_eq!(id, "56dbb7c646cec196482ed482f4de7b8b");
    }

    #[test]
    fn a_report_sets_keeps_and_clears() {
        let mut values = Values {
            usage_count: Some(13),
            total_usage_time: Some(60),
            norm_publisher: Some(reference('d')),
            ..Values::default()
        };
        let changes = Changes {
            usage_count: Change::Set(20),
            norm_publisher: Change::Clear,
            ..Changes::default()
        };
        assert!(values.merge(&changes, false));
        assert_eq!(values.usage_count, Some(20));
        assert_eq!(values.total_usage_time, Some(60));
        assert_eq!(values.norm_publisher, None);
        assert!(!values.merge(&changes, false), "a repeat changes nothing");
    }

    #[test]
    fn an_earlier_last_use_replaces_unless_the_newest_wins() {
        let stored = Values {
            last_used_time: Some(at("2026-02-01T00:00:00Z")),
            ..Values::default()
        };
        let earlier = Changes {
            last_used_time: Change::Set(at("2026-01-01T00:00:00Z")),
            usage_count: Change::Set(1),
            ..Changes::default()
        };
        let mut last_writer = stored.clone();
        assert!(last_writer.merge(&earlier, false));
        assert_eq!(last_writer.last_used_time, Some(at("2026-01-01T00:00:00Z")));
        let mut newest = stored.clone();
        assert!(newest.merge(&earlier, true));
        assert_eq!(newest.last_used_time, stored.last_used_time);
        assert_eq!(newest.usage_count, Some(1), "only the last use is kept");
        assert!(!newest.merge(&earlier, true), "a repeat changes nothing");
    }
}
