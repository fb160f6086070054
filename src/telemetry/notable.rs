//! Notable events: lines of the journal that monitoring and people find by an id, however they are worded.

use std::fmt;

/// A kind of line that stands for something an operator may act on. [`fmt::Display`] gives the id, for the
/// field `message_id` of the line; `journalctl MESSAGE_ID=…` finds by it, and `journalctl --catalog` shows
/// what `packaging/usr/lib/systemd/catalog/seatsync.catalog` has to say. An id is never used for another
/// meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notable {
    /// The daemon serves.
    Serving,
    /// Landlock is not in force.
    SandboxOff,
    /// A database gets the layout of a newer version.
    Migrated,
    /// A restore that was cut was finished at the start.
    RestoreFinished,
    /// The settings are wrong, and the former ones stay.
    SettingsWrong,
    /// A file of the profiles folder does not load.
    FileWrong,
    /// Nothing of the profiles folder is applied.
    FolderHeld,
    /// A change of the profiles folder is in force.
    Applied,
    /// A job did what it was to do.
    JobCompleted,
    /// A job ended without doing all that it was to do.
    JobFailed,
    /// A job waits, and is tried again.
    JobPutOff,
    /// A job that a crash cut runs again.
    JobCut,
    /// A guard holds what a reclaim would do.
    PlanHeld,
    /// A write to a vendor was cut, and its outcome was looked up.
    WriteCut,
    /// A rule was relaxed, and for a day writes nothing by that.
    RuleRelaxed,
    /// The consent to a connection ends soon, or has ended.
    GrantEnds,
    /// A notice will not arrive.
    NoticeLost,
    /// Operators are alerted.
    Alert,
    /// What operators were alerted of is over.
    AlertOver,
    /// A part of the daemon makes no progress.
    StandsStill,
    /// The clock is far from the time that is known to have come.
    ClockWrong,
    /// Usage records of an agent were not stored.
    RecordsNotStored,
    /// The audit log has grown.
    AuditHead,
}

impl Notable {
    /// Every event.
    pub const ALL: &[Self] = &[
        Self::Serving,
        Self::SandboxOff,
        Self::Migrated,
        Self::RestoreFinished,
        Self::SettingsWrong,
        Self::FileWrong,
        Self::FolderHeld,
        Self::Applied,
        Self::JobCompleted,
        Self::JobFailed,
        Self::JobPutOff,
        Self::JobCut,
        Self::PlanHeld,
        Self::WriteCut,
        Self::RuleRelaxed,
        Self::GrantEnds,
        Self::NoticeLost,
        Self::Alert,
        Self::AlertOver,
        Self::StandsStill,
        Self::ClockWrong,
        Self::RecordsNotStored,
        Self::AuditHead,
    ];

    /// 128 random bits, as journald writes them.
    const fn id(self) -> &'static str {
        match self {
            Self::Serving => "04ac55aaed184b3c80587dee7420b79a",
            Self::SandboxOff => "9ff01f0254104b188d7372f04a037160",
            Self::Migrated => "86efc0e94eb44a95acf93c648e292e63",
            Self::RestoreFinished => "75763ddcfc9145d4a7df2da9dd2c65a7",
            Self::SettingsWrong => "2e47b0bea93c4362a7e202b006783084",
            Self::FileWrong => "9553c26d83ce49078d2239452e4d3911",
            Self::FolderHeld => "678dd47dce3f4c889f1dbf3864ff368a",
            Self::Applied => "cf90e7e442e248b5825f723a056c46f9",
            Self::JobCompleted => "c79c07748a6d4be3916e421434ac3271",
            Self::JobFailed => "5a11bc32f56343e3acc68e780626c87b",
            Self::JobPutOff => "4af5e66b0b064125aeb387abf934226a",
            Self::JobCut => "9857071d128645b3a8602a672c07d244",
            Self::PlanHeld => "a8752f968a254347825b9126232428ae",
            Self::WriteCut => "eb948736f30a448e9b165f738efb397a",
            Self::RuleRelaxed => "53820c2562ef40f6b076880e0a6afd3e",
            Self::GrantEnds => "bafa00acb5fd40aabc185a1b8c42ec60",
            Self::NoticeLost => "ca0ee47a2ae44f18b4899a4575d3018a",
            Self::Alert => "8bbd46858acb4242a925faeda07a00c9",
            Self::AlertOver => "b1a1ddfcff8f449bb3f3c3caf2c40ca9",
            Self::StandsStill => "8830264391c1459cb959b723f3b6deb2",
            Self::ClockWrong => "5a3488d4838949a886c5d8c484b61cee",
            Self::RecordsNotStored => "dbdac47c122345f4a1e1de87c0c7f327",
            Self::AuditHead => "0bdf417954c64825a3582e14cc9137b1",
        }
    }
}

impl fmt::Display for Notable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
