//! What the user directories say of a seat's user, in words: the predicates of people who left.

use super::criteria::Knowledge;
use super::judge::Check;
use super::rule::Rule;
use super::seat::{FoundPerson, Holder};

/// What was found for a predicate that asks who the user is, and where.
pub(super) fn shown(
    check: Check,
    rule: &Rule,
    knowledge: &Knowledge,
    holder: &Holder<'_>,
) -> (String, String) {
    let source = place(holder);
    match check {
        Check::RuleMeansLeavers => (
            rule.leavers.to_string(),
            format!("`leavers` of {}", rule.origin),
        ),
        Check::HeldByPerson => {
            let value = holder
                .found()
                .map_or("nothing else is known", |person| person.class.as_str());
            let judged = if rule.service_accounts {
                format!(" (`service_accounts` of {} judges all)", rule.origin)
            } else {
                String::new()
            };
            (value.to_owned(), format!("{source}{judged}"))
        }
        Check::PersonLeft => {
            let value = match holder.found().and_then(|person| person.active) {
                Some(true) => "active",
                Some(false) => "inactive",
                None => "not said",
            };
            (value.to_owned(), source)
        }
        Check::DirectoryFresh => {
            let stale = holder
                .found()
                .and_then(|person| knowledge.stale_directories.get(person.directory));
            (stale.map_or_else(|| "yes".to_owned(), Clone::clone), source)
        }
        _ => (known(holder), source),
    }
}

fn known(holder: &Holder<'_>) -> String {
    match holder {
        Holder::Unknown => "no directory is known".to_owned(),
        Holder::Unresolved => "nobody was found".to_owned(),
        Holder::Tie => "several people were found".to_owned(),
        Holder::Found(person) => format!("found by {}", person.matched_by),
    }
}

/// Where it is written.
fn place(holder: &Holder<'_>) -> String {
    match holder {
        Holder::Found(FoundPerson {
            directory,
            file,
            line,
            ..
        }) => format!("UserDirectory {directory}, line {line} of `{file}`"),
        Holder::Unknown | Holder::Unresolved | Holder::Tie => "the user directories".to_owned(),
    }
}
