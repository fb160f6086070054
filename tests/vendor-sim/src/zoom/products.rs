//! Products and add-ons of Zoom Workplace that come in one size, and how Zoom tells of them: by a
//! switch of `feature`, by an entry of its `license_info_list`, or by both.

use serde::{Deserialize, Serialize};

use crate::zoom::user::Bundle;

macro_rules! products {
    ($($variant:ident: $doc:literal, $switch:literal, $entry:expr;)*) => {
        /// One of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Product {
            $(#[doc = $doc] $variant,)*
        }

        impl Product {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Zoom's member of `feature`.
            pub const fn switch(self) -> &'static str {
                match self {
                    $(Self::$variant => $switch,)*
                }
            }

            /// The `license_type` of its entries, where Zoom's document has one.
            pub(crate) const fn entry(self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => $entry,)*
                }
            }
        }
    };
}

products! {
    Phone: "Zoom Phone.", "zoom_phone", None;
    Whiteboard: "Whiteboard.", "zoom_whiteboard", Some("ZOOM_WHITEBOARD");
    WhiteboardPlus: "Whiteboard Plus.", "zoom_whiteboard_plus", Some("ZOOM_WHITEBOARD");
    Scheduler: "Scheduler.", "zoom_scheduler", Some("ZOOM_SCHEDULER");
    TranslatedCaptions: "Translated Captions.", "zoom_translated_captions", Some("ZOOM_TRANSLATED_CAPTIONS");
    ClipsPlus: "Clips Plus.", "zoom_clips_plus", Some("ZOOM_CLIPS");
    Docs: "Docs.", "zoom_docs", Some("ZOOM_DOCS");
    MailCalendar: "Mail & Calendar.", "zoom_mail_calendar", None;
    TeamChat: "Team Chat, whose switch is a guess.", "zoom_team_chat", None;
    VisitorManagement: "Visitor Management, which has entries and no switch.", "zoom_visitor_management", Some("ZOOM_VISITOR_MANAGEMENT");
    CustomerManagedKey: "Customer Managed Key.", "zoom_customer_managed_key", Some("ZOOM_CMK");
}

/// A set of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Products(u16);

impl Products {
    /// Those of which the lowest bits of `random` say so, in the order of [`Product::ALL`].
    pub(crate) fn drawn(random: u64) -> Self {
        Product::ALL
            .iter()
            .filter(|product| random >> (**product as u32) & 1 == 1)
            .copied()
            .collect()
    }

    /// What a bundle brings with it.
    pub(crate) fn of(bundle: &Bundle) -> Self {
        let brought: &[Product] = match bundle {
            Bundle::United(_) => &[Product::Phone],
            Bundle::ZoomOne(_) => &[
                Product::Phone,
                Product::Whiteboard,
                Product::Scheduler,
                Product::Docs,
                Product::MailCalendar,
                Product::TeamChat,
            ],
        };
        brought.iter().copied().collect()
    }

    pub(crate) const fn has(self, product: Product) -> bool {
        self.0 >> (product as u16) & 1 == 1
    }

    pub(crate) const fn set(&mut self, product: Product, held: bool) {
        let bit = 1 << (product as u16);
        self.0 = if held { self.0 | bit } else { self.0 & !bit };
    }

    pub(crate) const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Product> {
        Product::ALL
            .iter()
            .copied()
            .filter(move |product| self.has(*product))
    }
}

impl FromIterator<Product> for Products {
    fn from_iter<I: IntoIterator<Item = Product>>(products: I) -> Self {
        let mut set = Self::default();
        for product in products {
            set.set(product, true);
        }
        set
    }
}
