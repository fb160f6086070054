//! What vendors say was bought, beside what the entitlements say.

use super::facts::Purchase;
use super::result::{ModelResult, Numbers, VendorCounts};
use crate::profile::identifier::Identifier;
use crate::profile::name::Name;

/// What vendors say of a model with `seats` of these profiles and identifiers; nothing where none does.
/// Where one of them is not told of, nobody knows what was bought. A vendor may tell of a whole family:
/// Zoom's plans have `zoom.one` for every `zoom.one.*`.
pub(super) fn of_model<'a>(
    purchases: &[Purchase],
    mut seats: impl Iterator<Item = &'a (Name, Identifier)>,
    numbers: &Numbers,
) -> Option<VendorCounts> {
    if purchases.is_empty() {
        return None;
    }
    let is_told = |(profile, identifier): &(Name, Identifier)| {
        let mut purchases = purchases.iter().filter(|one| one.profile == *profile);
        purchases.any(|one| {
            let rest = identifier.as_str().strip_prefix(one.identifier.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    let all_told = seats.all(is_told);
    let bought = purchases.iter().try_fold(0_u64, |sum, one| {
        one.bought.map(|bought| sum.saturating_add(bought))
    });
    let assigned = purchases.iter().map(|one| one.assigned);
    Some(VendorCounts::new(
        bought.filter(|_| all_told),
        assigned.fold(0, u64::saturating_add),
        numbers,
    ))
}

/// The same of a product, from its models.
pub(super) fn of_models(models: &[ModelResult], numbers: &Numbers) -> Option<VendorCounts> {
    let told: Vec<VendorCounts> = models.iter().filter_map(|model| model.vendor).collect();
    if told.is_empty() {
        return None;
    }
    let all_told = models.iter().all(|model| {
        let is_empty = model.numbers.rights_used == 0 && model.numbers.rights_owned == 0;
        model.vendor.is_some() || is_empty
    });
    let bought = told.iter().try_fold(0_u64, |sum, one| {
        one.bought.map(|bought| sum.saturating_add(bought))
    });
    let assigned = told.iter().map(|one| one.assigned);
    Some(VendorCounts::new(
        bought.filter(|_| all_told),
        assigned.fold(0, u64::saturating_add),
        numbers,
    ))
}

impl VendorCounts {
    fn new(bought: Option<u64>, assigned: u64, numbers: &Numbers) -> Self {
        let owned = (!numbers.unlimited).then_some(numbers.rights_owned);
        let drift = bought.zip(owned).map(|(bought, owned)| {
            let signed = |rights| i64::try_from(rights).unwrap_or(i64::MAX);
            signed(bought).saturating_sub(signed(owned))
        });
        Self {
            bought,
            assigned,
            drift,
        }
    }

    /// Where nobody can say which rights it is to be measured by.
    pub(super) fn without_drift(self) -> Self {
        Self {
            drift: None,
            ..self
        }
    }
}
