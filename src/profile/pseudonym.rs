//! Users under names that tell nothing of them: what an exported snapshot can carry in their place. Equal
//! users stay equal and mail domains stay readable, so that entries of files mean the same people.

use std::fmt::Write as _;

use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::model::{DesiredProfile, Document, ExclusionTarget, UserEntry, UserPattern};

/// What each pseudonym begins with.
const PREFIX: &str = "hashed-";
/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// Bytes of the hash that a pseudonym shows.
const SHOWN_BYTES: usize = 16;

/// Makes pseudonyms by HMAC-SHA-256. Whoever has the key and guesses a user can confirm the guess; nobody
/// can read one back.
#[derive(Clone)]
pub struct Pseudonyms {
    text: String,
    key: hmac::Key,
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pseudonyms").finish_non_exhaustive()
    }
}

/// A key that is not 32 bytes in lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key of the pseudonyms is not 64 hexadecimal digits")]
pub struct NoPseudonymKey;

impl Pseudonyms {
    /// By a key that was drawn for one snapshot.
    pub fn of_key(key: &[u8; KEY_BYTES]) -> Self {
        Self {
            text: hex(key),
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// What stands for the vendor's user id.
    pub fn user(&self, external_user_id: &str) -> String {
        self.made("user", external_user_id)
    }

    /// What stands for an e-mail address in any case; its domain stays.
    pub fn address(&self, address: &str) -> String {
        let address = address.to_lowercase();
        match address.rsplit_once('@') {
            Some((local, domain)) if is_made(local) || local.is_empty() => {
                format!("{local}@{domain}")
            }
            Some((_, domain)) => format!("{}@{domain}", self.made("address", &address)),
            None => self.made("address", &address),
        }
    }

    /// What stands for a person's name.
    pub fn name(&self, name: &str) -> String {
        self.made("name", &name.trim().to_lowercase())
    }

    /// What stands for a user as files name them: by address, or by the vendor's id.
    pub fn named_user(&self, user: &str) -> String {
        if user.contains('@') {
            self.address(user)
        } else {
            self.user(user)
        }
    }

    /// Hides the users whom a profile's entries and lists name. Domains stay as they are.
    pub fn hide_in(&self, desired: &mut DesiredProfile) {
        for exclusion in &mut desired.exclusions {
            if let ExclusionTarget::Users(pattern) = &mut exclusion.target {
                self.hide_pattern(pattern);
                exclusion.reason.clear();
            }
        }
        for protection in &mut desired.protected {
            self.hide_entry(&mut protection.entry);
        }
        self.hide_entries(&mut desired.profile.exclusions.users);
        self.hide_entries(&mut desired.profile.protected);
        for approval in desired.approvals.values_mut() {
            self.hide_approval(approval);
        }
    }

    /// Hides the users whom a document names.
    pub fn hide_in_document(&self, document: &mut Document) {
        match document {
            Document::Profile(profile) => {
                self.hide_entries(&mut profile.exclusions.users);
                self.hide_entries(&mut profile.protected);
            }
            Document::Exclusions(exclusions) => {
                self.hide_entries(&mut exclusions.lists.users);
                self.hide_entries(&mut exclusions.protected);
            }
            Document::Approval(approval) => self.hide_approval(&mut approval.spec),
            Document::Connection(_)
            | Document::ReclamationRule(_)
            | Document::SoftwareModel(_)
            | Document::Entitlement(_)
            | Document::UserDirectory(_) => {}
        }
    }

    fn hide_entries(&self, entries: &mut [UserEntry]) {
        for entry in entries {
            self.hide_entry(entry);
        }
    }

    fn hide_entry(&self, entry: &mut UserEntry) {
        self.hide_pattern(&mut entry.pattern);
        entry.reason.clear();
    }

    fn hide_pattern(&self, pattern: &mut UserPattern) {
        if let UserPattern::User(user) = pattern {
            *user = self.named_user(user);
        }
    }

    fn hide_approval(&self, spec: &mut Json) {
        let seats = spec["seats"].as_array_mut();
        for seat in seats.into_iter().flatten() {
            if let Some(user) = seat["user"].as_str() {
                seat["user"] = Json::String(self.named_user(user));
            }
        }
    }

    /// Nothing stays nothing, and a pseudonym stays what it is.
    fn made(&self, kind: &str, of: &str) -> String {
        if of.is_empty() || is_made(of) {
            return of.to_owned();
        }
        let tag = hmac::sign(&self.key, format!("{kind}\0{of}").as_bytes());
        let shown = tag.as_ref().get(..SHOWN_BYTES).unwrap_or_default();
        format!("{PREFIX}{}", hex(shown))
    }
}

fn is_made(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|digits| {
        digits.len() == 2 * SHOWN_BYTES && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Serialize for Pseudonyms {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Pseudonyms {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl std::str::FromStr for Pseudonyms {
    type Err = NoPseudonymKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut key = [0; KEY_BYTES];
        let is_hex = text.bytes().all(|digit| digit.is_ascii_hexdigit());
        if text.len() != 2 * KEY_BYTES || !is_hex {
            return Err(NoPseudonymKey);
        }
        for (index, byte) in key.iter_mut().enumerate() {
            let digits = text.get(2 * index..2 * index + 2).ok_or(NoPseudonymKey)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NoPseudonymKey)?;
        }
        Ok(Self::of_key(&key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms() -> Pseudonyms {
        Pseudonyms::of_key(&[7; KEY_BYTES])
    }

    #[test]
    fn equal_users_stay_equal_and_domains_stay_readable() {
        let made = pseudonyms();
        let ada = made.address("Ada@Example.com");
        assert_eq!(ada, made.address("ada@example.com"));
        assert_eq!(ada, made.named_user("ada@example.com"));
        assert!(
            ada.ends_with("@example.com") && !ada.contains("ada"),
            "{ada}"
        );
        assert_ne!(ada, made.address("eve@example.com"));
        assert_ne!(made.user("ada"), made.name("ada"));
        assert_eq!(made.name(" Ada Lovelace "), made.name("ada lovelace"));
        assert_eq!(
            made.user("pending:ada@example.com").len(),
            PREFIX.len() + 32
        );
    }

    #[test]
    fn what_is_hidden_or_nothing_stays_as_it_is() {
        let made = pseudonyms();
        for text in ["", "u1"] {
            let once = made.user(text);
            assert_eq!(made.user(&once), once);
        }
        let once = made.address("ada@example.com");
        assert_eq!(made.address(&once), once);
        assert_eq!(made.address(""), "");
    }

    #[test]
    fn another_key_makes_other_pseudonyms_and_a_key_reads_back() {
        let made = pseudonyms();
        let other = Pseudonyms::of_key(&[8; KEY_BYTES]);
        assert_ne!(made.user("u1"), other.user("u1"));
        let text = serde_json::to_string(&made).unwrap();
        let again: Pseudonyms = serde_json::from_str(&text).unwrap();
        assert_eq!(made.user("u1"), again.user("u1"));
        for bad in ["\"\"", "\"07\"", "\"+7+7\"", "7"] {
            assert!(serde_json::from_str::<Pseudonyms>(bad).is_err(), "{bad}");
        }
    }
}
