//! Exclusions and protections against users. Pure: the entries that reach a profile in, whom they
//! mean out.

use std::collections::HashMap;

use jiff::civil::Date;
use sha2::{Digest, Sha256};

use crate::profile::folding::folded_address;
use crate::profile::model::{DesiredProfile, ExclusionTarget, UserPattern};
use crate::store::matching::{Bindings, Entries, IdentifierMatch};
use crate::store::staging::{Purpose, UserMatch};

#[derive(Debug, Clone)]
struct Entry {
    purpose: Purpose,
    pattern: String,
    one_user: bool,
    rule: String,
    reason: String,
    expires: Option<Date>,
}

/// The entries in force on one day, ready to be asked about users.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    entries: Vec<Entry>,
    by_user: HashMap<String, Vec<usize>>,
    by_domain: HashMap<String, Vec<usize>>,
    by_parent: Vec<(String, usize)>,
    by_bound_id: HashMap<String, Vec<usize>>,
    identifiers: Vec<IdentifierMatch>,
    digest: String,
}

impl Matcher {
    /// Takes the entries that reach a profile and hold on `today`, a day of the settings' zone. Of
    /// several for one thing the first counts.
    pub fn new(desired: &DesiredProfile, today: Date) -> Self {
        let mut matcher = Self::default();
        let mut hash = Sha256::new();
        let mut fold = |parts: &[&str]| {
            for part in parts {
                hash.update(part.len().to_le_bytes());
                hash.update(part);
            }
        };
        let holds = |expires: Option<Date>| expires.is_none_or(|last| today <= last);
        for exclusion in desired.exclusions.iter().filter(|e| holds(e.expires)) {
            let expires = exclusion
                .expires
                .map_or_else(String::new, |day| day.to_string());
            match &exclusion.target {
                ExclusionTarget::Identifier(identifier) => {
                    fold(&[
                        identifier.as_str(),
                        &exclusion.origin,
                        &exclusion.reason,
                        &expires,
                    ]);
                    let known = &mut matcher.identifiers;
                    if known.iter().all(|other| other.identifier != *identifier) {
                        known.push(IdentifierMatch {
                            identifier: identifier.clone(),
                            rule: exclusion.origin.clone(),
                            reason: exclusion.reason.clone(),
                            expires: exclusion.expires,
                        });
                    }
                }
                ExclusionTarget::Users(pattern) => {
                    let entry = Entry {
                        purpose: Purpose::Exclusion,
                        pattern: text_of(pattern),
                        one_user: matches!(pattern, UserPattern::User(_)),
                        rule: exclusion.origin.clone(),
                        reason: exclusion.reason.clone(),
                        expires: exclusion.expires,
                    };
                    fold(&["x", &entry.pattern, &entry.rule, &entry.reason, &expires]);
                    matcher.add(pattern, entry);
                }
            }
        }
        for protection in desired.protected.iter().filter(|p| holds(p.entry.expires)) {
            let expires = protection
                .entry
                .expires
                .map_or_else(String::new, |day| day.to_string());
            let entry = Entry {
                purpose: Purpose::Protection,
                pattern: text_of(&protection.entry.pattern),
                one_user: matches!(protection.entry.pattern, UserPattern::User(_)),
                rule: protection.origin.clone(),
                reason: protection.entry.reason.clone(),
                expires: protection.entry.expires,
            };
            fold(&["p", &entry.pattern, &entry.rule, &entry.reason, &expires]);
            matcher.add(&protection.entry.pattern, entry);
        }
        matcher.digest = format!("{:x}", hash.finalize());
        matcher
    }

    /// The patterns that mean one user each; the store knows whom they once matched.
    pub fn one_user_patterns(&self) -> Vec<(Purpose, String)> {
        self.entries
            .iter()
            .filter(|entry| entry.one_user)
            .map(|entry| (entry.purpose, entry.pattern.clone()))
            .collect()
    }

    /// Adds whom the patterns once matched: they go on to mean these user ids, whatever their
    /// addresses are now.
    #[must_use]
    pub fn bound_to(mut self, bindings: &Bindings) -> Self {
        for (index, entry) in self.entries.iter().enumerate() {
            let key = (entry.purpose, entry.pattern.clone());
            for id in bindings.get(&key).into_iter().flatten() {
                self.by_bound_id.entry(id.clone()).or_default().push(index);
            }
        }
        self
    }

    /// The entries that mean a user.
    pub fn matches(&self, external_user_id: &str, email: &str) -> Vec<UserMatch> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        let email = folded_address(email);
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        let mut found: Vec<usize> = Vec::new();
        let by_key = [
            self.by_user.get(&email),
            self.by_user.get(external_user_id),
            self.by_bound_id.get(external_user_id),
            self.by_domain.get(domain),
        ];
        found.extend(by_key.into_iter().flatten().flatten());
        found.extend(self.by_parent.iter().filter_map(|(parent, index)| {
            let rest = domain.strip_suffix(parent.as_str())?;
            (rest.len() > 1 && rest.ends_with('.')).then_some(*index)
        }));
        found.sort_unstable();
        found.dedup();
        found
            .into_iter()
            .filter_map(|index| self.entries.get(index))
            .map(|entry| UserMatch {
                external_user_id: external_user_id.to_owned(),
                purpose: entry.purpose,
                pattern: entry.pattern.clone(),
                rule: entry.rule.clone(),
                reason: entry.reason.clone(),
                expires: entry.expires,
            })
            .collect()
    }

    /// What the store needs beside the matches.
    pub fn entries(&self) -> Entries {
        Entries {
            digest: self.digest.clone(),
            identifiers: self.identifiers.clone(),
            bound: self.one_user_patterns(),
        }
    }

    /// Tells whether the entries in force are the ones that a profile's matches were made from.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    fn add(&mut self, pattern: &UserPattern, entry: Entry) {
        let known =
            |other: &Entry| other.purpose == entry.purpose && other.pattern == entry.pattern;
        if self.entries.iter().any(known) {
            return;
        }
        let index = self.entries.len();
        match pattern {
            UserPattern::User(user) => {
                self.by_user.entry(user.clone()).or_default().push(index);
            }
            UserPattern::Domain(domain) => {
                self.by_domain
                    .entry(domain.clone())
                    .or_default()
                    .push(index);
            }
            UserPattern::Subdomains(parent) => self.by_parent.push((parent.clone(), index)),
        }
        self.entries.push(entry);
    }
}

pub(super) fn text_of(pattern: &UserPattern) -> String {
    match pattern {
        UserPattern::User(user) => format!("user:{user}"),
        UserPattern::Domain(domain) => format!("domain:{domain}"),
        UserPattern::Subdomains(parent) => format!("domain:*.{parent}"),
    }
}
