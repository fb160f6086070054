//! The shapes of the kinds that decide over seats, and of those that say what seats cost and whose
//! they are.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::words::{
    Day, DayOrInstant, Domain, IdentifierPrefix, Money, NormProduct, PercentText, PlanDigest,
    Prose, Spare, User,
};
use crate::profile::currency::Currency;
use crate::profile::identifier::{Identifier, Vendor};
use crate::profile::licence::{Metric, Period};
use crate::profile::model::Kind;
use crate::profile::name::Name;
use crate::profile::user_directory::{Delimiter, MatchField, MatchSource, Transform};
use crate::profile::window::Window;
use crate::settings::raw::RawGuards;
use crate::yaml::diagnostic::Findings;
use crate::yaml::duration::Span;
use crate::yaml::macros::{readable_words, record};
use crate::yaml::read::{At, Need, Read, Whole};
use crate::yaml::tree::{Node, Value};

/// Who presses Reclaim on a ready candidate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A person.
    #[default]
    Manual,
    /// An unexpired Approval.
    Approved,
    /// The run.
    Automatic,
}

readable_words!(Mode, "Mode", {
    "manual" => Mode::Manual,
    "approved" => Mode::Approved,
    "automatic" => Mode::Automatic,
});

/// Declares a mapping with the fields of a reclamation rule beside its own.
macro_rules! reclamation {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(one_of($($choice:ident),+))? { $($own:tt)* }
    ) => {
        record! {
            $(#[$meta])*
            pub struct $name $(one_of($($choice),+))? {
                $($own)*
                /// Who presses Reclaim on a ready candidate: `manual` (the default) a person,
                /// `approved` an unexpired Approval, `automatic` the run.
                mode: Option<Mode>,
                /// A seat without activity for so long counts as unused; 60d when absent.
                last_activity_threshold: Option<At<Span>>,
                /// Whether a seat that never had any activity counts as unused.
                include_no_activity: Option<bool>,
                /// Whether a seat of somebody who left, by a UserDirectory, is a candidate however much it
                /// was used; `false` when absent.
                leavers: Option<bool>,
                /// Whether seats of programs and of several people, by a UserDirectory, are judged like those
                /// of people; `false` when absent.
                service_accounts: Option<bool>,
                /// Whether the user is asked first.
                notify_user: Option<bool>,
                /// Days the user has to answer.
                days_before_auto_reclamation: Option<Whole<0, 365>>,
                /// Who decides when a user wants to keep the seat.
                assignment_group: Option<Prose>,
                /// Whether candidates are made at all.
                create_candidates: Option<bool>,
                /// How long nobody is asked again who kept a seat.
                cool_down: Option<Span>,
                /// Once so many bought seats are free, no further one is taken back: a number, or a
                /// part of those bought such as `5%`.
                keep_spare: Option<Spare>,
                /// Which users' seats it judges; all when absent.
                conditions: Option<RawConditions>,
                /// When a vendor may be written to, for instance `mon..fri 09:00-16:00`; always
                /// when absent.
                windows: Option<Vec<Window>>,
                /// Numbers that stop a reclaim; they can only tighten the settings'.
                guards: Option<At<RawGuards>>,
            }
        }
    };
}

record! {
    /// Which users' seats a rule judges: those that have one of the values of every key that is given.
    pub struct RawConditions {
        /// Departments as the vendor tells them, in any case.
        departments: Option<Vec<Prose>>,
        /// Mail domains, exactly; `*.` in front takes subdomains.
        domains: Option<Vec<Domain>>,
        /// Whether the users can sign in.
        statuses: Option<Vec<ConditionStatus>>,
    }
}

/// A user's standing at the vendor, as a rule's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionStatus {
    /// Can sign in.
    Active,
    /// Deactivated.
    Inactive,
}

readable_words!(ConditionStatus, "ConditionStatus", {
    "active" => ConditionStatus::Active,
    "inactive" => ConditionStatus::Inactive,
});

reclamation! {
    /// When a seat counts as unused.
    pub struct RawReclamation {}
}

/// By which usage records a rule for installed software judges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReclamationType {
    /// The hours of months.
    #[default]
    TotalUsage,
    /// The last use.
    LastUsedDate,
}

readable_words!(ReclamationType, "ReclamationType", {
    "total_usage" => ReclamationType::TotalUsage,
    "last_used_date" => ReclamationType::LastUsedDate,
});

reclamation! {
    /// When a seat of some identifiers, or installed software of some models, counts as unused.
    pub struct RawReclamationRule one_of(identifiers, software_models) {
        /// `ReclamationRule`.
        kind: Need<Kind>,
        /// Its identity: 1 to 63 lower-case letters, digits and hyphens.
        name: Need<At<Name>>,
        /// The version of this format.
        version: Option<Whole<1, 1>>,
        /// For seats: of which identifiers.
        identifiers: Option<At<Vec<At<Identifier>>>>,
        /// For seats: in which profiles; in all when absent.
        profiles: Option<Vec<At<Name>>>,
        /// For installed software: of which SoftwareModels.
        software_models: Option<At<Vec<At<Name>>>>,
        /// For installed software: by which usage records it is judged, `total_usage` (the default) or
        /// `last_used_date`.
        reclamation_type: Option<ReclamationType>,
        /// With `total_usage`: over so many whole months before the present one; 3 when absent.
        months: Option<Whole<1, 24>>,
        /// With `total_usage`: so many hours or fewer in all these months are no use; 0 when absent.
        total_hours_used: Option<Whole<0, 10_000>>,
        /// With `last_used_date`: not used for so long; 90d when absent.
        last_used_before: Option<At<Span>>,
    }
}

record! {
    /// Publisher and product of identifiers, and of products in usage records.
    pub struct RawSoftwareModel {
        /// `SoftwareModel`.
        kind: Need<Kind>,
        /// Its identity: 1 to 63 lower-case letters, digits and hyphens.
        name: Need<At<Name>>,
        /// The version of this format.
        version: Option<Whole<1, 1>>,
        /// Who publishes it.
        publisher: Need<Prose>,
        /// What it is.
        product: Need<Prose>,
        /// Whether its seats need rights; they do when absent.
        under_management: Option<bool>,
        /// Which identifiers belong to it.
        identifiers: Option<At<Vec<At<RawIdentifierMatch>>>>,
        /// Which products in usage records it is: the 32 hexadecimal digits of `norm_product`.
        norm_products: Option<At<Vec<At<NormProduct>>>>,
    }
}

record! {
    /// One identifier, all that start alike, or all of a vendor.
    pub struct RawIdentifierMatch one_of(is, starts_with, anything) {
        /// Exactly this one.
        is: Option<Identifier>,
        /// Every one that starts so.
        starts_with: Option<IdentifierPrefix>,
        /// Every one of this vendor that nothing names more closely.
        anything: Option<Vendor>,
    }
}

readable_words!(Period, "Period", {
    "monthly" => Period::Monthly,
    "quarterly" => Period::Quarterly,
    "annually" => Period::Annually,
    "entire_period" => Period::Entire,
});

readable_words!(Metric, "Metric", {
    "user_subscription" => Metric::UserSubscription,
});

record! {
    /// Purchased rights.
    pub struct RawEntitlement one_of(software_model, product) {
        /// `Entitlement`.
        kind: Need<Kind>,
        /// Its identity: 1 to 63 lower-case letters, digits and hyphens.
        name: Need<At<Name>>,
        /// The version of this format.
        version: Option<Whole<1, 1>>,
        /// The SoftwareModel it is for, built in or written.
        software_model: Option<At<Name>>,
        /// The product it is for, whichever of its SoftwareModels a seat is of.
        product: Option<At<RawProduct>>,
        /// What a right licenses; `user_subscription` when absent: one seat that a user holds.
        metric: Option<Metric>,
        /// How many rights; an unlimited entitlement may leave it out.
        quantity: Option<Whole<0, 100_000_000>>,
        /// Whether it gives as many rights as are used.
        unlimited: Option<bool>,
        /// What one right costs in each period; text, so that no digit is lost.
        unit_cost: Option<At<Money>>,
        /// ISO 4217.
        currency: Option<At<Currency>>,
        /// What the unit cost is paid for; `annually` when absent.
        period: Option<At<Period>>,
        /// The first day it holds.
        start: Need<At<Day>>,
        /// The last day it holds; until further notice when absent.
        end: Option<At<Day>>,
        /// The department whose rights these are.
        department: Option<Prose>,
        /// The cost centre whose rights these are.
        cost_center: Option<Prose>,
        /// The company whose rights these are.
        company: Option<Prose>,
        /// The country whose rights these are.
        country: Option<Prose>,
    }
}

record! {
    /// A product by its publisher's name and its own.
    pub struct RawProduct {
        /// Who publishes it.
        publisher: Need<Prose>,
        /// What it is.
        product: Need<Prose>,
    }
}

record! {
    /// Who the people are, from a CSV file beside the document.
    pub struct RawUserDirectory {
        /// `UserDirectory`.
        kind: Need<Kind>,
        /// Its identity: 1 to 63 lower-case letters, digits and hyphens.
        name: Need<At<Name>>,
        /// The version of this format.
        version: Option<Whole<1, 1>>,
        /// The CSV file, relative to the document.
        file: Need<At<Prose>>,
        /// What stands between the file's fields; `comma` when absent.
        delimiter: Option<Delimiter>,
        /// Which column of the file holds what.
        columns: Need<At<RawColumns>>,
        /// The words of the columns `active` and `class`, in any case.
        values: Option<RawValues>,
        /// How a seat's user is found in it; the first rule that finds somebody decides. By `email`, then
        /// by `user_name`, when absent.
        resolution: Option<Vec<At<RawResolution>>>,
        /// Nobody counts as having left by a file that is older; 7d when absent.
        max_age: Option<Span>,
        /// A file that loses more of its people at once is not taken; `50%` when absent, `100%` takes all.
        largest_loss: Option<PercentText>,
    }
}

readable_words!(Delimiter, "Delimiter", {
    "comma" => Delimiter::Comma,
    "semicolon" => Delimiter::Semicolon,
    "tab" => Delimiter::Tab,
    "pipe" => Delimiter::Pipe,
});

record! {
    /// What the file writes for the words that are known; each list stands for its own words.
    pub struct RawValues {
        /// For people who are with us; `true`, `yes`, `1` and `active` when absent.
        active: Option<Vec<Prose>>,
        /// For people who are not; `false`, `no`, `0` and `inactive` when absent.
        inactive: Option<Vec<Prose>>,
        /// For accounts of people; `human` when absent. An empty field is one too.
        human: Option<Vec<Prose>>,
        /// For accounts of programs; `service` when absent.
        service: Option<Vec<Prose>>,
        /// For accounts that several people use; `shared` when absent.
        shared: Option<Vec<Prose>>,
    }
}

record! {
    /// Names of columns in the CSV file's first line.
    pub struct RawColumns {
        /// The e-mail address.
        email: Need<At<Prose>>,
        /// The user's name at sign-in.
        user_name: Option<At<Prose>>,
        /// The vendor's user id.
        external_user_id: Option<At<Prose>>,
        /// The personnel number.
        employee_id: Option<At<Prose>>,
        /// The name for people.
        display_name: Option<At<Prose>>,
        /// The department.
        department: Option<At<Prose>>,
        /// The cost centre.
        cost_center: Option<At<Prose>>,
        /// The company.
        company: Option<At<Prose>>,
        /// The country.
        country: Option<At<Prose>>,
        /// The manager's e-mail address.
        manager: Option<At<Prose>>,
        /// Further addresses, separated by semicolons.
        aliases: Option<At<Prose>>,
        /// Whether the person is with us, in the words of `values`.
        active: Option<At<Prose>>,
        /// Whose account it is, in the words of `values`.
        class: Option<At<Prose>>,
    }
}

readable_words!(MatchField, "MatchField", {
    "email" => MatchField::Email,
    "user_name" => MatchField::UserName,
    "external_user_id" => MatchField::ExternalUserId,
    "employee_id" => MatchField::EmployeeId,
    "aliases" => MatchField::Aliases,
});

readable_words!(MatchSource, "MatchSource", {
    "email" => MatchSource::Email,
    "external_user_id" => MatchSource::ExternalUserId,
});

readable_words!(Transform, "Transform", {
    "none" => Transform::None,
    "remove_domain" => Transform::RemoveDomain,
    "replace_domain" => Transform::ReplaceDomain,
});

record! {
    /// One way to find a seat's user in the directory.
    pub struct RawResolution {
        /// The directory's field.
        r#match: Need<At<MatchField>>,
        /// What of the seat is compared with it; its e-mail address when absent.
        source: Option<MatchSource>,
        /// What is done to it before.
        transform: Option<At<Transform>>,
        /// The domain that `replace_domain` puts in.
        new_domain: Option<At<Prose>>,
        /// Only addresses of this domain are changed and compared; all when absent.
        old_domain: Option<At<Prose>>,
    }
}

record! {
    /// A reviewed list of seats that may be taken back.
    pub struct RawApproval {
        /// `Approval`.
        kind: Need<Kind>,
        /// Its identity: 1 to 63 lower-case letters, digits and hyphens.
        name: Need<At<Name>>,
        /// The version of this format.
        version: Option<Whole<1, 1>>,
        /// Whose seats.
        profile: Need<At<Name>>,
        /// The digest of the plan that was reviewed.
        plan: Need<PlanDigest>,
        /// The last day it holds.
        expires: Need<At<Day>>,
        /// Which seats.
        seats: Need<Vec<At<RawApprovedSeat>>>,
    }
}

record! {
    /// One seat that may be taken back.
    pub struct RawApprovedSeat {
        /// The candidate's id.
        id: Need<IdText>,
        /// Who holds it.
        user: Need<User>,
        /// What it is a seat of.
        identifier: Need<Identifier>,
        /// The last activity the reviewer saw; absent when there was none.
        last_activity: Option<DayOrInstant>,
    }
}

/// An id as `seatsync plan` prints it: text or a number.
#[derive(Debug, Clone)]
pub struct IdText(pub String);

impl Read for IdText {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        if let Value::Int(number) = node.value {
            return Some(Self(number.to_string()));
        }
        Prose::read(node, to).map(|text| Self(text.0))
    }
}

impl JsonSchema for IdText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"\S"}]})
    }
}
