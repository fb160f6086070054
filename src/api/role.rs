//! What a peer may do: users and groups of the settings, resolved to ids once, at start and on
//! reload, never per request.

use std::collections::BTreeSet;

use nix::unistd::{Group, User};

use super::peer::Peer;
use crate::settings::model;
use crate::settings::model::{ControlSettings, Principal, Principals};

/// A user or group of the settings without an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownPrincipal {
    /// The host says that there is none.
    #[error(
        "{kind} `{name}` is not known on this host: create it, give its number, or take it out of the settings"
    )]
    NoSuch {
        /// `user` or `group`.
        kind: &'static str,
        /// What the settings say.
        name: String,
    },
    /// The host could not say.
    #[error(
        "{kind} `{name}` could not be looked up ({error}): see to the host's user database, or give its number in the settings"
    )]
    Lookup {
        /// `user` or `group`.
        kind: &'static str,
        /// What the settings say.
        name: String,
        /// Why not.
        error: nix::Error,
    },
}

impl UnknownPrincipal {
    fn of(kind: &'static str, name: &str, error: Option<nix::Error>) -> Self {
        let name = name.to_owned();
        match error {
            None => Self::NoSuch { kind, name },
            Some(error) => Self::Lookup { kind, name, error },
        }
    }
}

/// [`Principals`] as the kernel knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    uids: BTreeSet<u32>,
    gids: BTreeSet<u32>,
}

impl Members {
    /// Looks names up in the host's user database (files, LDAP, systemd: whatever it is told to
    /// ask). Names that it does not know are left out and added to `unknown`, so that one missing
    /// group does not keep the daemon down; nobody gains a right by it.
    pub fn resolve(principals: &Principals, unknown: &mut Vec<UnknownPrincipal>) -> Self {
        let mut members = Self::default();
        for user in &principals.users {
            match uid_of(user) {
                Ok(uid) => drop(members.uids.insert(uid)),
                Err(user) => unknown.push(user),
            }
        }
        for group in &principals.groups {
            match gid_of(group) {
                Ok(gid) => drop(members.gids.insert(gid)),
                Err(group) => unknown.push(group),
            }
        }
        members
    }

    /// Whether the peer is one of them, itself or through a group.
    pub fn include(&self, peer: &Peer) -> bool {
        self.uids.contains(&peer.uid) || self.gids.iter().any(|gid| peer.is_in_group(*gid))
    }
}

/// The uid of a user, asked of this host.
pub fn uid_of(user: &Principal) -> Result<u32, UnknownPrincipal> {
    match user {
        Principal::Id(uid) => Ok(*uid),
        Principal::Name(name) => match User::from_name(name) {
            Ok(Some(found)) => Ok(found.uid.as_raw()),
            Ok(None) => Err(UnknownPrincipal::of("user", name, None)),
            Err(error) => Err(UnknownPrincipal::of("user", name, Some(error))),
        },
    }
}

/// The gid of a group, asked of this host.
pub fn gid_of(group: &Principal) -> Result<u32, UnknownPrincipal> {
    match group {
        Principal::Id(gid) => Ok(*gid),
        Principal::Name(name) => match Group::from_name(name) {
            Ok(Some(found)) => Ok(found.gid.as_raw()),
            Ok(None) => Err(UnknownPrincipal::of("group", name, None)),
            Err(error) => Err(UnknownPrincipal::of("group", name, Some(error))),
        },
    }
}

/// Whether the peer is trusted without being named: root, and the daemon's own user.
fn is_ours(peer: &Peer) -> bool {
    peer.uid == 0 || peer.uid == rustix::process::geteuid().as_raw()
}

/// A role of the usage API. Each contains the ones before it, as ServiceNow's do: `sam_developer`
/// contains `sam_admin`, which contains `sam_user`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageRole {
    /// May read, where there is something to read.
    SamUser,
    /// May write usage records.
    SamAdmin,
    /// As `sam_admin`, and may write for any configuration item.
    SamDeveloper,
}

/// Who has which role on the usage socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageAccess {
    /// Who has `sam_user`.
    pub sam_user: Members,
    /// Who has `sam_admin`.
    pub sam_admin: Members,
    /// Who has `sam_developer`.
    pub sam_developer: Members,
}

impl UsageAccess {
    /// The settings' roles as ids; names that the host does not know go to `unknown`.
    pub fn resolve(roles: &model::UsageRoles, unknown: &mut Vec<UnknownPrincipal>) -> Self {
        Self {
            sam_user: Members::resolve(&roles.sam_user, unknown),
            sam_admin: Members::resolve(&roles.sam_admin, unknown),
            sam_developer: Members::resolve(&roles.sam_developer, unknown),
        }
    }

    /// The highest role of the peer, if any.
    pub fn role(&self, peer: &Peer) -> Option<UsageRole> {
        if !peer.is_known() {
            None
        } else if is_ours(peer) || self.sam_developer.include(peer) {
            Some(UsageRole::SamDeveloper)
        } else if self.sam_admin.include(peer) {
            Some(UsageRole::SamAdmin)
        } else if self.sam_user.include(peer) {
            Some(UsageRole::SamUser)
        } else {
            None
        }
    }
}

/// A role of the control API; an operator is a viewer too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ControlRole {
    /// May look.
    Viewer,
    /// May do everything.
    Operator,
}

/// Who has which role on the control socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlAccess {
    /// Who may look.
    pub viewers: Members,
    /// Who may do everything.
    pub operators: Members,
}

impl ControlAccess {
    /// The settings' roles as ids; names that the host does not know go to `unknown`.
    pub fn resolve(settings: &ControlSettings, unknown: &mut Vec<UnknownPrincipal>) -> Self {
        Self {
            viewers: Members::resolve(&settings.viewers, unknown),
            operators: Members::resolve(&settings.operators, unknown),
        }
    }

    /// The highest role of the peer, if any.
    pub fn role(&self, peer: &Peer) -> Option<ControlRole> {
        if !peer.is_known() {
            None
        } else if is_ours(peer) || self.operators.include(peer) {
            Some(ControlRole::Operator)
        } else if self.viewers.include(peer) {
            Some(ControlRole::Viewer)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(uid: u32, gid: u32, groups: &[u32]) -> Peer {
        Peer {
            uid,
            gid,
            groups: groups.to_vec(),
            pid: None,
        }
    }

    fn members(users: &[u32], groups: &[u32]) -> Members {
        let ids = |ids: &[u32]| ids.iter().copied().map(Principal::Id).collect();
        let principals = Principals {
            users: ids(users),
            groups: ids(groups),
        };
        Members::resolve(&principals, &mut Vec::new())
    }

    #[test]
    fn usage_roles_follow_user_primary_group_and_supplementary_group() {
        let roles = UsageAccess {
            sam_user: members(&[3001], &[]),
            sam_admin: members(&[2001], &[500]),
            sam_developer: members(&[], &[600]),
        };
        let table = [
            (peer(0, 0, &[]), Some(UsageRole::SamDeveloper)),
            (peer(2001, 1, &[]), Some(UsageRole::SamAdmin)),
            (peer(2002, 500, &[]), Some(UsageRole::SamAdmin)),
            (peer(2002, 1, &[2, 500]), Some(UsageRole::SamAdmin)),
            (peer(2002, 1, &[500, 600]), Some(UsageRole::SamDeveloper)),
            (peer(3001, 1, &[]), Some(UsageRole::SamUser)),
            (peer(4000, 1, &[2]), None),
        ];
        for (peer, expected) in table {
            assert_eq!(roles.role(&peer), expected, "{peer:?}");
        }
    }

    #[test]
    fn the_overflow_user_never_has_a_role_whatever_its_groups() {
        let everyone = members(&[65534], &[500]);
        let usage = UsageAccess {
            sam_developer: everyone.clone(),
            ..UsageAccess::default()
        };
        let control = ControlAccess {
            operators: everyone,
            ..ControlAccess::default()
        };
        let nobody = peer(65534, 500, &[500]);
        assert_eq!(usage.role(&nobody), None);
        assert_eq!(control.role(&nobody), None);
    }

    #[test]
    fn control_roles_contain_each_other() {
        let roles = ControlAccess {
            viewers: members(&[], &[700]),
            operators: members(&[], &[800]),
        };
        assert_eq!(
            roles.role(&peer(5, 700, &[800])),
            Some(ControlRole::Operator)
        );
        assert_eq!(roles.role(&peer(5, 700, &[])), Some(ControlRole::Viewer));
        assert_eq!(roles.role(&peer(5, 5, &[])), None);
        assert!(ControlRole::Operator > ControlRole::Viewer);
    }

    #[test]
    fn names_are_looked_up_and_unknown_ones_are_told() {
        let name = |name: &str| Principal::Name(name.to_owned());
        let principals = Principals {
            users: vec![name("root"), name("no-such-user-here")],
            groups: vec![name("no-such-group-here")],
        };
        let mut unknown = Vec::new();
        let members = Members::resolve(&principals, &mut unknown);
        assert!(members.include(&peer(0, 1, &[])));
        assert_eq!(unknown.len(), 2);
        assert!(unknown[0].to_string().contains("user `no-such-user-here`"));
    }
}
