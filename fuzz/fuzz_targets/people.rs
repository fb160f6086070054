//! Any text as a user directory's file: every person of it, or the line that is wrong, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seatsync::profile::people::{self, PeopleError};
use seatsync::profile::user_directory::UserDirectory;

/// Every column, so that every field is read.
const DIRECTORY: &str = r#"{"name": "hr", "file": "hr.csv", "delimiter": "comma", "columns": {
    "email": "a", "user_name": "b", "external_user_id": "c", "employee_id": "b", "display_name": "c",
    "department": "b", "cost_center": "c", "company": "b", "country": "c", "manager": "b",
    "aliases": "c", "active": "d", "class": "e"},
    "values": {"active": ["yes"], "inactive": ["no"], "human": ["person"], "service": ["bot"], "shared": ["room"]},
    "resolution": [{"match": "email"}, {"match": "user_name", "transform": "remove_domain"},
        {"match": "aliases", "transform": "replace_domain", "new_domain": "x.org", "old_domain": "y.org"}],
    "max_age": "7d", "largest_loss": 50}"#;

fuzz_target!(|text: &str| {
    let directory: UserDirectory = serde_json::from_str(DIRECTORY).expect("a directory");
    let ends = text.matches(['\r', '\n']).count();
    let lines = u64::try_from(ends).expect("a number of lines") + 1;
    let mut people = 0;
    let mut last = 1;
    let read = people::read(text, &directory, |person| {
        assert!(person.line > last && person.line <= lines, "{person:?}");
        last = person.line;
        people += 1;
        for rule in &directory.resolution {
            let email = person.email.as_deref().unwrap_or_default();
            let id = person.external_user_id.as_deref().unwrap_or_default();
            if let Some(wanted) = rule.wanted(email, id) {
                assert!(!wanted.trim().is_empty());
            }
        }
        Ok::<(), PeopleError>(())
    });
    match read {
        Ok(tally) => assert!(tally.people == people && tally.active <= people && people > 0),
        Err(error) => assert!(!error.to_string().is_empty() && !error.help().is_empty()),
    }
});
