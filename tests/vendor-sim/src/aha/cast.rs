//! A fixed cast at the start of every account of some size: one person for each situation that a
//! client has to handle, so that a test can name whom it means and needs no search.

use serde::{Deserialize, Serialize};

/// From how many users on the whole cast is present; below that only the first three are.
pub const CAST_NEEDS_USERS: u32 = 40;

macro_rules! cast {
    ($($variant:ident: $doc:literal,)*) => {
        /// One of the cast.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Cast {
            $(#[doc = $doc] $variant,)*
        }

        impl Cast {
            /// The whole cast, in the order of their rows.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }
    };
}

cast! {
    AccountOwner: "Owns the account; administers everything.",
    TokenOwner: "Whose API key it is; administers the account and its configuration, not its billing.",
    Member: "A member with a paid seat and no further rights, who signs in every day.",
    SecondAdmin: "Administers the account; idle.",
    BillingAdmin: "Administers the billing alone; idle.",
    Idle: "A paid seat, last signed in 90 days before the start.",
    LongIdle: "A paid seat, last signed in 400 days before the start.",
    NearlyIdle: "A paid seat, last signed in 59 days before the start.",
    NeverSignedIn: "A paid seat, two years old and never signed in.",
    NewAccount: "A paid seat, ten days old and never signed in.",
    FutureAccess: "A paid seat whose last access lies ten days ahead of the start.",
    NoName: "A paid seat of a user without a name.",
    Twin: "A paid seat of an address that another user has too, in other capitals.",
    OtherTwin: "The other user of that address, without a paid seat.",
    Disabled: "Deactivated, and still flagged with a paid seat.",
    DisabledFree: "Deactivated and without a paid seat.",
    Reviewer: "A reviewer, without a paid seat, idle.",
    Grouped: "A paid seat in the first seat group, idle.",
    Ungrouped: "A paid seat in no seat group, idle.",
    CustomRole: "A paid seat and a custom role, idle.",
    SingleSignOn: "A paid seat, signs in through an identity provider, idle.",
    ShortId: "A paid seat of a user with an id of eight digits.",
    LongId: "A paid seat of a user with an id of nineteen digits.",
}

impl Cast {
    /// Their row.
    pub const fn row(self) -> u32 {
        self as u32
    }

    /// Who of the cast has this row, in an account of so many users.
    pub(crate) fn at(row: u32, users: u32) -> Option<Self> {
        let present = if users >= CAST_NEEDS_USERS {
            Self::ALL
        } else {
            &[Self::AccountOwner, Self::TokenOwner, Self::Member]
        };
        present.get(usize::try_from(row).ok()?).copied()
    }
}
