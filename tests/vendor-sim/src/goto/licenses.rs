//! The licences of the account: what was bought, and which products each gives.

/// A licence of the account. The number is its place in every list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Plan {
    Meeting,
    Webinar,
    Connect,
    Training,
    RemoteSupport,
    SeeIt,
    ServiceDesk,
    OpenVoice,
    /// GoToMeeting, managed by another system.
    Managed,
    /// GoToMeeting that has ended.
    Ended,
    /// A product of a code that no client knows.
    Unheard,
    /// GoToMeeting and GoToConnect in one; it contains the next two.
    Bundle,
    BundledMeeting,
    BundledConnect,
}

impl Plan {
    pub(crate) const ALL: [Self; 14] = [
        Self::Meeting,
        Self::Webinar,
        Self::Connect,
        Self::Training,
        Self::RemoteSupport,
        Self::SeeIt,
        Self::ServiceDesk,
        Self::OpenVoice,
        Self::Managed,
        Self::Ended,
        Self::Unheard,
        Self::Bundle,
        Self::BundledMeeting,
        Self::BundledConnect,
    ];

    pub(crate) const fn key(self) -> u128 {
        5_200_000_000_000_000_001 + self as u128
    }

    pub(crate) fn by_key(key: u128) -> Option<Self> {
        Self::ALL.into_iter().find(|plan| plan.key() == key)
    }

    /// As GoTo lists them: the special product first, GoToMeeting beside it.
    pub(crate) const fn products(self) -> &'static [&'static str] {
        match self {
            Self::Meeting | Self::Managed | Self::Ended | Self::BundledMeeting => &["G2M"],
            Self::Webinar => &["G2W", "G2M"],
            Self::Connect | Self::BundledConnect => &["JIVE", "G2C"],
            // The order is not promised.
            Self::Training => &["G2M", "G2T"],
            Self::RemoteSupport => &["G2ARS"],
            Self::SeeIt => &["G2ASEEIT"],
            Self::ServiceDesk => &["G2ASD"],
            Self::OpenVoice => &["OPENVOICE"],
            Self::Unheard => &["GRASSHOPPER-X"],
            Self::Bundle => &["JIVE", "G2C", "G2M"],
        }
    }

    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Meeting => "GoToMeeting Pro",
            Self::Webinar => "GoToWebinar Pro",
            Self::Connect => "GoToConnect Standard",
            Self::Training => "GoToTraining",
            Self::RemoteSupport => "GoToAssist Remote Support",
            Self::SeeIt => "GoToAssist Seeit",
            Self::ServiceDesk => "GoToAssist Service Desk",
            Self::OpenVoice => "OpenVoice",
            Self::Managed => "GoToMeeting (directory sync)",
            Self::Ended => "GoToMeeting (trial)",
            Self::Unheard => "Something new",
            Self::Bundle => "GoTo Connect Complete",
            Self::BundledMeeting => "GoToMeeting (in GoTo Connect Complete)",
            Self::BundledConnect => "GoToConnect (in GoTo Connect Complete)",
        }
    }

    pub(crate) const fn contains(self) -> &'static [Self] {
        match self {
            Self::Bundle => &[Self::BundledMeeting, Self::BundledConnect],
            _ => &[],
        }
    }

    pub(crate) const fn enabled(self) -> bool {
        !matches!(self, Self::Ended)
    }

    pub(crate) const fn externally_managed(self) -> bool {
        matches!(self, Self::Managed)
    }

    /// Whether it gives a phone line.
    pub(crate) const fn has_lines(self) -> bool {
        matches!(self, Self::Connect | Self::Bundle | Self::BundledConnect)
    }
}
