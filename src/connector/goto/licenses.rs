//! The account's licences: which products each gives, how many seats were bought, and who holds
//! them. The licences say who holds what as the users do, so the two lists prove each other.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use super::GoToConnector;
use super::identifiers::{Products, products};
use super::paging::next_offset;
use super::scopes::{ADMIN, require};
use super::wire::{LicenseRow, LicensesPage};
use crate::connector::error::{CallContext, ConnectorError};
use crate::connector::facts::Purchased;
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::connector::walk::{Step, Walk};
use crate::profile::identifier::Identifier;

/// Licences asked for at once; each carries the keys of all its holders.
const PAGE: &str = "20";
const STEP: &str = "list licences";

/// A licence, without its holders.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent fact that the vendor tells"
)]
pub(super) struct License {
    pub(super) key: String,
    pub(super) description: String,
    pub(super) products: Products,
    /// Whether it counts; others have ended.
    pub(super) enabled: bool,
    /// Whether one licence gives several seats, or contains other licences.
    pub(super) bundle: bool,
    pub(super) externally_managed: bool,
    seats: Option<u64>,
    user_count: u64,
    children: Vec<String>,
    /// Contained in another one, which counts in its place.
    pub(super) contained: bool,
    /// Those who hold it and are here.
    pub(super) holders: Holders,
}

/// How many holders there are and who they are, in the size of two numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Holders {
    pub(super) count: u64,
    sum: u64,
}

impl Holders {
    pub(super) fn add(&mut self, hash: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(hash);
    }
}

/// All licences of the account at one time.
#[derive(Debug)]
pub(super) struct Licenses {
    hasher: RandomState,
    list: Vec<License>,
    places: HashMap<String, usize>,
    /// The licences of those who are invited and may not be among the users yet.
    pub(super) invited: BTreeMap<String, Vec<usize>>,
    /// What each holder may be active with, by the hash of their key.
    abilities: HashMap<u64, Abilities>,
}

/// Products whose use is asked for organizer by organizer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each product is one independent yes or no"
)]
pub(super) struct Abilities {
    pub(super) meetings: bool,
    pub(super) webinars: bool,
    pub(super) trainings: bool,
    pub(super) calls: bool,
    pub(super) support: bool,
}

impl Abilities {
    fn of(codes: &[String]) -> Self {
        let has = |wanted: &[&str]| {
            codes
                .iter()
                .any(|code| wanted.iter().any(|known| code.eq_ignore_ascii_case(known)))
        };
        Self {
            meetings: has(&["G2M", "G2W", "G2T"]),
            webinars: has(&["G2W"]),
            trainings: has(&["G2T"]),
            calls: has(&["JIVE", "G2C"]),
            support: has(&["G2ARS"]),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            meetings: self.meetings || other.meetings,
            webinars: self.webinars || other.webinars,
            trainings: self.trainings || other.trainings,
            calls: self.calls || other.calls,
            support: self.support || other.support,
        }
    }
}

impl Licenses {
    fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            list: Vec::new(),
            places: HashMap::new(),
            invited: BTreeMap::new(),
            abilities: HashMap::new(),
        }
    }

    fn take(&mut self, row: &LicenseRow<'_>) {
        let Some(key) = row.key.given() else { return };
        if self.places.contains_key(key) {
            return;
        }
        let place = self.list.len();
        let codes: Vec<String> = row.products.iter().map(|code| code.0.to_string()).collect();
        let abilities = Abilities::of(&codes);
        let mut holders = Holders::default();
        for user in row.user_keys.iter().filter_map(|user| user.given()) {
            holders.add(self.hash(user));
            let known = self.abilities.entry(self.hash(user)).or_default();
            *known = known.or(abilities);
        }
        for user in row.invited_user_keys.iter().filter_map(|user| user.given()) {
            self.invited.entry(user.to_owned()).or_default().push(place);
        }
        let products = products(&codes.iter().map(String::as_str));
        let children = row.child_license_keys.iter();
        let children: Vec<String> = children
            .filter_map(|child| child.given())
            .map(str::to_owned)
            .collect();
        self.places.insert(key.to_owned(), place);
        self.list.push(License {
            key: key.to_owned(),
            description: row.description.0.to_string(),
            bundle: products.identifiers.len() > 1 || !children.is_empty(),
            products,
            enabled: row.enabled.unwrap_or(true),
            externally_managed: row.externally_managed.0,
            seats: row.seats.count(),
            user_count: row.user_count.count().unwrap_or(0),
            children,
            contained: false,
            holders,
        });
    }

    /// All of them, if they are as many as GoTo says. Licences that others contain count with those.
    fn whole(mut self, total: Option<u64>) -> Result<Self, ConnectorError> {
        if let Some(total) = total.filter(|total| *total != self.list.len() as u64) {
            return Err(not_whole(&format!("{} of {total} came", self.list.len())));
        }
        let children: Vec<usize> = self
            .list
            .iter()
            .flat_map(|license| &license.children)
            .filter_map(|child| self.places.get(child).copied())
            .collect();
        for place in children {
            if let Some(license) = self.list.get_mut(place) {
                license.contained = true;
            }
        }
        Ok(self)
    }

    /// The hash by which holders are compared.
    pub(super) fn hash(&self, user: &str) -> u64 {
        self.hasher.hash_one(user)
    }

    pub(super) fn place(&self, key: &str) -> Option<usize> {
        self.places.get(key).copied()
    }

    pub(super) fn at(&self, place: usize) -> Option<&License> {
        self.list.get(place)
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// What somebody may be active with.
    pub(super) fn abilities_of(&self, user: &str) -> Abilities {
        let hash = self.hash(user);
        self.abilities.get(&hash).copied().unwrap_or_default()
    }

    /// What anybody may be active with.
    pub(super) fn abilities(&self) -> Abilities {
        let all = self.abilities.values();
        all.fold(Abilities::default(), |all, one| all.or(*one))
    }

    /// Where the users, who told `told` by the places of the licences, contradict the licences.
    pub(super) fn contradiction(&self, told: &[Holders]) -> Option<String> {
        let pairs = self.list.iter().zip(told);
        let mut pairs = pairs.filter(|(license, _)| !license.contained);
        let (license, told) = pairs.find(|(license, told)| license.holders != **told)?;
        Some(format!(
            "licence `{}` ({}) has {} holders by the list of licences and {} by the list of users",
            license.key, license.description, license.holders.count, told.count
        ))
    }

    /// What was bought, each product once.
    pub(super) fn purchased(&self) -> Vec<Purchased> {
        let mut sums: BTreeMap<&Identifier, Purchased> = BTreeMap::new();
        let counting = |license: &&License| license.enabled && !license.contained;
        for license in self.list.iter().filter(counting) {
            for identifier in &license.products.identifiers {
                let sum = sums.entry(identifier).or_insert_with(|| Purchased {
                    identifier: identifier.clone(),
                    bought: Some(0),
                    assigned: 0,
                    plan: None,
                });
                sum.bought = sum.bought.zip(license.seats).map(|(a, b)| a + b);
                sum.assigned += license.user_count;
                let words = sum.plan.take().into_iter();
                let words = words.chain(std::iter::once(license.description.clone()));
                sum.plan = Some(words.collect::<Vec<_>>().join(", "));
            }
        }
        sums.into_values().collect()
    }
}

impl GoToConnector {
    /// The licences as they are now.
    pub(super) async fn read_licenses(&self) -> Result<Licenses, ConnectorError> {
        require(&self.granted().await?, ADMIN, STEP)?;
        let found = Mutex::new((Licenses::new(), Walk::default()));
        let mut offset = "0".to_owned();
        loop {
            let account = self.account_key().await?;
            let call = Call {
                step: STEP,
                label: Label::Light,
                path: &["admin", "rest", "v1", "accounts", account, "licenses"],
                query: &[("offset", &offset), ("pageSize", PAGE)],
            };
            let (step, total) = self
                .apis
                .admin
                .get(&call, |body| {
                    let page: LicensesPage<'_> = serde_json::from_slice(body)?;
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    let (licenses, walk) = &mut *found;
                    let next = next_offset(
                        page.to_index.count(),
                        page.total.count(),
                        page.results.len(),
                    );
                    let keys = page.results.iter().filter_map(|row| row.key.given());
                    let step = walk.page(keys, page.total.count(), &next);
                    for row in &page.results {
                        licenses.take(row);
                    }
                    Ok((step, page.total.count()))
                })
                .await?;
            match step {
                Step::Next(next) => offset = next,
                Step::Broken(reason) => return Err(not_whole(&reason)),
                Step::Last => {
                    let (licenses, _) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
                    return licenses.whole(total);
                }
            }
        }
    }

    /// The licences as they were first read in this run: good enough to know whom to ask.
    pub(super) async fn licenses(&self) -> Result<&Licenses, ConnectorError> {
        let read = || async { self.read_licenses().await.map(Box::new) };
        Ok(self.licenses.get_or_try_init(read).await?)
    }
}

fn not_whole(reason: &str) -> ConnectorError {
    ConnectorError::Unavailable {
        context: CallContext {
            step: STEP.to_owned(),
            ..CallContext::default()
        },
        message: format!("the list was not whole: {reason}"),
    }
}
