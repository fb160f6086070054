//! What the settings say about the usage socket, as the kernel and the wire know it: ids instead
//! of names. Made by `daemon` at start and on reload.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::peer::Peer;
use crate::api::role::{UnknownPrincipal, UsageAccess, UsageRole, uid_of};
use crate::settings::model::UsageSettings;
use crate::usage::{Reference, Rules};

/// Who may push what, and how items are read.
#[derive(Debug, Clone, Default)]
pub struct UsagePolicy {
    access: UsageAccess,
    /// Names in the settings that this host does not know.
    pub(super) unknown: Vec<UnknownPrincipal>,
    /// The only configuration items that a user may report for.
    bound: BTreeMap<u32, Arc<BTreeSet<Reference>>>,
    include_user_in_key: bool,
    /// One bad item refuses its batch.
    pub(super) strict_batches: bool,
    /// A report of an earlier last use changes nothing.
    pub(super) newest_wins: bool,
    /// Requests of one user in an hour.
    pub(super) requests_per_hour: Option<u32>,
}

/// What a peer is to the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// The kernel cannot tell who it is.
    Unknown,
    /// Known, without a role that suffices.
    Unprivileged,
    /// May push, under these rules.
    Privileged(Rules),
}

impl UsagePolicy {
    /// The settings with their names resolved. Names of roles that this host does not know go to
    /// `known_not` too and give no right. A user of `bind` that is not found is an error: to leave it out
    /// would let it report for every host.
    pub fn resolve(
        settings: &UsageSettings,
        known_not: &mut Vec<UnknownPrincipal>,
    ) -> Result<Self, UnknownPrincipal> {
        let mut unknown = Vec::new();
        let mut bound = BTreeMap::new();
        for (user, items) in &settings.bind {
            // The settings refuse what is no id.
            let items = items.iter().filter_map(|item| Reference::parse(item));
            // A number and a name may mean one user, which is then bound to what either says.
            bound
                .entry(uid_of(user)?)
                .or_insert_with(BTreeSet::new)
                .extend(items);
        }
        let bound = bound.into_iter().map(|(uid, items)| (uid, Arc::new(items)));
        let access = UsageAccess::resolve(&settings.roles, &mut unknown);
        known_not.extend(unknown.iter().cloned());
        Ok(Self {
            access,
            unknown,
            bound: bound.collect(),
            include_user_in_key: settings.include_user_in_key,
            strict_batches: settings.strict_batches,
            newest_wins: settings.newest_wins,
            requests_per_hour: settings.rate_limit.map(|rule| rule.requests_per_hour),
        })
    }

    /// What `peer` may do. The API wants sam_admin or above; sam_developer may write for foreign
    /// configuration items too.
    pub(super) fn standing(&self, peer: &Peer) -> Standing {
        if !peer.is_known() {
            return Standing::Unknown;
        }
        let bound_to = match self.access.role(peer) {
            Some(UsageRole::SamDeveloper) => None,
            Some(UsageRole::SamAdmin) => self.bound.get(&peer.uid).cloned(),
            Some(UsageRole::SamUser) | None => return Standing::Unprivileged,
        };
        Standing::Privileged(Rules {
            include_user_in_key: self.include_user_in_key,
            bound_to,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::model::{Principal, Principals, UsageRoles};

    const CI: &str = "eaa9604d3790200044e0bfc8bcbe5dc1";

    fn peer(uid: u32) -> Peer {
        Peer {
            uid,
            gid: uid,
            groups: Vec::new(),
            pid: None,
        }
    }

    fn users(uids: &[u32]) -> Principals {
        Principals {
            users: uids.iter().copied().map(Principal::Id).collect(),
            groups: Vec::new(),
        }
    }

    #[test]
    fn standing_follows_role_and_binding() {
        let settings = UsageSettings {
            roles: UsageRoles {
                sam_admin: users(&[2001, 2002]),
                sam_developer: users(&[2003]),
                sam_user: users(&[2004]),
            },
            bind: [2001, 2003]
                .map(|uid| {
                    (
                        Principal::Id(uid),
                        vec![CI.to_owned(), "laptop-7".to_owned()],
                    )
                })
                .into(),
            ..UsageSettings::default()
        };
        let mut unknown = Vec::new();
        let policy = UsagePolicy::resolve(&settings, &mut unknown).unwrap();
        assert_eq!(unknown, []);
        let free = Standing::Privileged(Rules::default());
        let bound = Standing::Privileged(Rules {
            bound_to: Some(Arc::new(BTreeSet::from([Reference::parse(CI).unwrap()]))),
            ..Rules::default()
        });
        assert_eq!(policy.standing(&peer(2001)), bound);
        assert_eq!(policy.standing(&peer(2002)), free);
        assert_eq!(policy.standing(&peer(2003)), free);
        assert_eq!(policy.standing(&peer(0)), free);
        assert_eq!(policy.standing(&peer(2004)), Standing::Unprivileged);
        assert_eq!(policy.standing(&peer(4711)), Standing::Unprivileged);
        assert_eq!(policy.standing(&peer(65534)), Standing::Unknown);
    }
}
