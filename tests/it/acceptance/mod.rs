//! Ten situations that every vendor's client has to come through, each at the simulated account over real
//! HTTP. What a connector does alone is tested where its other tests are; what needs the daemon is here,
//! or where the daemon's other tests of that kind are. A test sees that all of these exist.
//!
//! | situation | tests |
//! |---|---|
//! | people come and go between pages: nobody is lost, nobody doubled | `people_who_come_and_go_between_pages_are_neither_lost_nor_doubled`, `nobody_is_lost_when_some_leave_and_join_between_pages` |
//! | the token dies in the middle: one more is got, by 401 and by 403 `InvalidToken` | `a_token_that_dies_between_pages_is_renewed_once`, `a_403_that_means_a_dead_token_is_as_good_as_a_401`, `a_refused_key_is_told_once_with_what_to_do` |
//! | a refresh without a new token, with one, and a crash before it is written | `a_refresh_token_is_used_again_until_the_vendor_brings_another`, `a_crash_before_a_new_token_is_written_ends_in_work_or_in_one_question` |
//! | storms of 429, with and without a header: time and calls are bounded | `a_storm_of_429_without_a_header_is_waited_out_in_growing_steps`, `a_storm_that_does_not_end_puts_the_run_off`, `a_limit_is_waited_out_by_its_header_and_not_longer_than_a_minute`, `a_storm_of_limits_ends_the_run_within_bounds_and_puts_it_off` |
//! | a seat is taken: looked at before, taken, seen to be gone, given back; a second removal is done | `at_goto_use_cancels_and_a_licence_goes_is_seen_to_be_gone_and_comes_back`, `a_licence_does_not_come_back_where_no_seat_is_free`, `at_aha_an_access_cancels_and_a_press_deactivates_and_undoing_activates` |
//! | the last licence goes and the vendor suspends: told as ours | `who_is_suspended_for_want_of_a_licence_was_suspended_by_us` |
//! | keys of 26 digits stay as they are, wherever they go | `a_key_of_26_digits_is_the_same_text_wherever_it_goes` |
//! | nobody whom the account needs is written to | `whom_goto_needs_is_not_written_to`, `whom_aha_needs_is_not_written_to` |
//! | two people of one name: no call of theirs is anybody's | `of_two_people_of_one_name_neither_is_found_idle` |
//! | half of the users are gone: nothing is ended and nothing taken | `a_list_of_half_the_users_takes_no_licence`, `a_list_of_half_the_users_is_held` |

mod keys;
mod policy;
mod reclaim;

use std::path::Path;

use serde_json::Value;
use vendor_sim::GoToSim;

use crate::reclaim::last_reclaim;
use crate::support::{Host, goto};

/// Half of the seats may go at once: a twentieth of a small account's would be one.
const WRITES: &str = "writes: true\nguards: {max_per_run: {percent: 50, count: 25}}\n";

/// A candidate of somebody's only seat.
struct Ready {
    id: String,
    email: String,
}

fn ready(host: &Host, email: String) -> Ready {
    let listing = host.json(&["candidates", "list", "--user", &email]);
    assert_eq!(listing["rows"][0]["state"], "ready", "{listing:#}");
    let id = listing["rows"][0]["id"].to_string();
    Ready { id, email }
}

/// An account with so many idle people beside the cast, and a host that made candidates of them.
async fn goto_with_idle(count: usize) -> (GoToSim, Host, Vec<Ready>) {
    let vendor = goto::account().await;
    let idle: Vec<String> = (0..count).map(|one| goto::add_idle(&vendor, one)).collect();
    let mut host = goto::host(&vendor, WRITES, goto::TAKES_IDLE);
    host.start();
    last_reclaim(&host, |job| job["state"] == "completed");
    let ready = idle.into_iter().map(|email| ready(&host, email)).collect();
    (vendor, host, ready)
}

fn press(host: &Host, candidates: &[&Ready]) {
    let ids = candidates.iter().map(|one| one.id.as_str());
    let command: Vec<&str> = ["candidates", "reclaim"].into_iter().chain(ids).collect();
    host.json(&command);
}

fn until_state(host: &Host, candidate: &Ready, state: &str) -> Value {
    host.until(&["candidates", "show", &candidate.id], |shown| {
        shown["state"] == state
    })
}

fn sources(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path)
            } else {
                std::fs::read_to_string(&path).unwrap()
            }
        })
        .collect()
}

#[test]
fn every_situation_has_tests_that_exist() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let table = std::fs::read_to_string(folder.join("acceptance/mod.rs")).unwrap();
    let rows: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("//! | ")?.split_once(" | "))
        .map(|(_, tests)| tests)
        .skip(1)
        .collect();
    assert_eq!(rows.len(), 10);
    let sources: String = ["acceptance", "aha_client", "authorize", "goto_client"]
        .into_iter()
        .map(|room| sources(&folder.join(room)))
        .chain(
            ["aha_download.rs", "reclaim_states.rs"]
                .map(|file| std::fs::read_to_string(folder.join(file)).unwrap()),
        )
        .collect();
    for name in rows
        .iter()
        .flat_map(|row| row.split('`').skip(1).step_by(2))
    {
        let found = sources.find(&format!("\nasync fn {name}() {{"));
        let found = found.unwrap_or_else(|| panic!("there is no test `{name}`"));
        assert!(
            sources[..found]
                .lines()
                .last()
                .unwrap()
                .starts_with("#[tokio::test"),
            "{name}"
        );
    }
}
