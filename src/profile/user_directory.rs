//! `kind: UserDirectory`: who the people are behind the seats, from a CSV file beside the document, and how
//! a seat's user is found among them. The file's rows are [`super::people`]'s.

use serde::{Deserialize, Serialize};

use super::duration::Span;
use super::folding::folded_address;
use super::name::Name;

/// A directory, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDirectory {
    /// Its identity.
    pub name: Name,
    /// The CSV file, relative to the document.
    pub file: String,
    /// What stands between its fields.
    #[serde(default)]
    pub delimiter: Delimiter,
    /// Which column holds what.
    pub columns: Columns,
    /// The words of the columns `active` and `class`.
    pub values: Values,
    /// How a seat's user is found; the first rule that finds somebody decides.
    pub resolution: Vec<Resolution>,
    /// Nobody counts as having left by a file that is older.
    pub max_age: Span,
    /// A file that loses more of its people at once is not taken; per cent.
    pub largest_loss: u8,
}

/// What stands between the fields of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delimiter {
    /// `,`
    #[default]
    Comma,
    /// `;`
    Semicolon,
    /// A tabulator.
    Tab,
    /// `|`
    Pipe,
}

impl Delimiter {
    /// The byte.
    pub fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }
}

/// Names of columns in the file's first line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Columns {
    /// The e-mail address.
    pub email: String,
    /// The user's name at sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The vendor's user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_user_id: Option<String>,
    /// The personnel number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<String>,
    /// The name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// The cost centre.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_center: Option<String>,
    /// The company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// The country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The manager's e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// Further addresses, separated by semicolons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aliases: Option<String>,
    /// Whether the person is with us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// Whose account it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// What the file writes for what is known; lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    /// People who are with us.
    pub active: Vec<String>,
    /// People who are not.
    pub inactive: Vec<String>,
    /// Accounts of people.
    pub human: Vec<String>,
    /// Accounts of programs.
    pub service: Vec<String>,
    /// Accounts that several people use.
    pub shared: Vec<String>,
}

impl Default for Values {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        Self {
            active: words(&["true", "yes", "1", "active"]),
            inactive: words(&["false", "no", "0", "inactive"]),
            human: words(&["human"]),
            service: words(&["service"]),
            shared: words(&["shared"]),
        }
    }
}

/// Whose account a line of the directory is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AccountClass {
    /// A person's.
    #[default]
    Human,
    /// A program's.
    Service,
    /// Several people's.
    Shared,
}

impl AccountClass {
    /// The word in listings and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Service => "service",
            Self::Shared => "shared",
        }
    }
}

/// What is compared with the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchField {
    /// The e-mail address.
    Email,
    /// The name at sign-in.
    UserName,
    /// The vendor's user id.
    ExternalUserId,
    /// The personnel number.
    EmployeeId,
    /// Further addresses.
    Aliases,
}

impl MatchField {
    /// The word in files and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::UserName => "user_name",
            Self::ExternalUserId => "external_user_id",
            Self::EmployeeId => "employee_id",
            Self::Aliases => "aliases",
        }
    }
}

/// What of a seat is compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchSource {
    /// The e-mail address.
    #[default]
    Email,
    /// The vendor's user id.
    ExternalUserId,
}

/// What is done to the seat's address before it is compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// Nothing.
    #[default]
    None,
    /// What stands after the `@` is taken off.
    RemoveDomain,
    /// What stands after the `@` is replaced.
    ReplaceDomain,
}

/// One way to find a seat's user; ServiceNow's user resolution rule
/// (<https://www.servicenow.com/docs/r/it-asset-management/saas-license-management/user-resolution-rules.html>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The directory's field.
    pub r#match: MatchField,
    /// What of the seat is compared with it.
    #[serde(default)]
    pub source: MatchSource,
    /// What is done to it before.
    #[serde(default)]
    pub transform: Transform,
    /// The domain that [`Transform::ReplaceDomain`] puts in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_domain: Option<String>,
    /// Only addresses of this domain are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_domain: Option<String>,
}

impl Resolution {
    /// A rule that compares the seat's address as it is.
    pub fn by(field: MatchField) -> Self {
        Self {
            r#match: field,
            source: MatchSource::Email,
            transform: Transform::None,
            new_domain: None,
            old_domain: None,
        }
    }

    /// What is looked for of a seat with this address, in lower case, and this id of the vendor's; `None`
    /// where the rule says nothing of it.
    pub fn wanted(&self, email: &str, external_user_id: &str) -> Option<String> {
        let text = match self.source {
            MatchSource::Email => email,
            MatchSource::ExternalUserId => external_user_id,
        };
        let text = folded(text)?;
        let (user, domain) = match text.rsplit_once('@') {
            Some((user, domain)) => (user, Some(domain)),
            None => (text.as_str(), None),
        };
        let meant = |old: &String| domain.is_some_and(|domain| domain == folded_address(old));
        if !self.old_domain.as_ref().is_none_or(meant) {
            return None;
        }
        match (self.transform, &self.new_domain) {
            (Transform::None, _) => Some(text),
            (Transform::RemoveDomain, _) => folded(user),
            (Transform::ReplaceDomain, Some(new)) if domain.is_some() => {
                Some(format!("{}@{}", folded(user)?, folded_address(new)))
            }
            (Transform::ReplaceDomain, _) => None,
        }
    }

    /// In words, for listings.
    pub fn shown(&self) -> String {
        let source = match self.source {
            MatchSource::Email => "",
            MatchSource::ExternalUserId => " = external_user_id of the seat",
        };
        let transform = match (self.transform, &self.new_domain) {
            (Transform::None, _) => String::new(),
            (Transform::RemoveDomain, _) => ", domain removed".to_owned(),
            (Transform::ReplaceDomain, new) => {
                format!(
                    ", domain replaced by {}",
                    new.as_deref().unwrap_or_default()
                )
            }
        };
        format!("{}{source}{transform}", self.r#match.as_str())
    }
}

/// As values are compared: without blanks around, in lower case, accents in one form; `None` where
/// nothing is left.
pub fn folded(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| folded_address(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(transform: Transform, new: Option<&str>, old: Option<&str>) -> Resolution {
        Resolution {
            transform,
            new_domain: new.map(str::to_owned),
            old_domain: old.map(str::to_owned),
            ..Resolution::by(MatchField::Email)
        }
    }

    #[test]
    fn an_address_is_changed_as_the_rule_says_and_compared_in_lower_case() {
        let ada = |rule: Resolution| rule.wanted("Ada@Old.example", "u1");
        assert_eq!(
            ada(rule(Transform::None, None, None)).as_deref(),
            Some("ada@old.example")
        );
        assert_eq!(
            ada(rule(Transform::RemoveDomain, None, None)).as_deref(),
            Some("ada")
        );
        let replaced = rule(Transform::ReplaceDomain, Some("New.example"), None);
        assert_eq!(ada(replaced).as_deref(), Some("ada@new.example"));
        let of = |old| rule(Transform::ReplaceDomain, Some("new.example"), Some(old));
        assert_eq!(ada(of("OLD.example")).as_deref(), Some("ada@new.example"));
        assert_eq!(ada(of("other.example")), None);
    }

    #[test]
    fn nothing_is_looked_for_where_there_is_nothing() {
        let by_email = Resolution::by(MatchField::Email);
        assert_eq!(by_email.wanted(" ", "u1"), None);
        assert_eq!(
            rule(Transform::RemoveDomain, None, None).wanted("@b.c", "u1"),
            None
        );
        let replace = rule(Transform::ReplaceDomain, Some("b.c"), None);
        assert_eq!(replace.wanted("ada", "u1"), None);
        let by_id = Resolution {
            source: MatchSource::ExternalUserId,
            ..Resolution::by(MatchField::ExternalUserId)
        };
        assert_eq!(by_id.wanted("", "U1").as_deref(), Some("u1"));
    }
}
