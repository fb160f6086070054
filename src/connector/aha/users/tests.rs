//! Rows of Aha!'s list, odd ones too, as seats.

use proptest::prelude::*;

use super::*;

const OWNER: &str = "1020675218";

/// A row with what decides about a seat, and whatever else is given.
fn row(more: &str) -> String {
    let defaults = [
        ("id", "\"6776881149496250378\""),
        ("email", "\"Bob@Example.com\""),
        ("accessed_at", "null"),
        ("enabled", "true"),
        ("paid_seat", "true"),
        ("administrator", "false"),
    ];
    let missing = defaults
        .iter()
        .filter(|(name, _)| !more.contains(&format!("\"{name}\"")));
    let members: Vec<String> = missing
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .chain((!more.is_empty()).then(|| more.to_owned()))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn read(body: &[u8]) -> serde_json::Result<(Fetched, SeatTally)> {
    read_page(body, Reading::new(200), OWNER).map(|page| (page.fetched, page.tally))
}

fn page(rows: &str, pagination: &str) -> serde_json::Result<(Fetched, SeatTally)> {
    let body = format!(r#"{{"users":[{rows}],"pagination":{pagination}}}"#);
    read(body.as_bytes())
}

fn whole(rows: &str) -> serde_json::Result<(UserPage, SeatTally)> {
    let (fetched, tally) = page(
        rows,
        r#"{"total_records":1,"total_pages":1,"current_page":1}"#,
    )?;
    match fetched {
        Fetched::Page(page) => Ok((page, tally)),
        Fetched::Broken(reason) => panic!("{reason}"),
    }
}

fn only_seat(more: &str) -> serde_json::Result<Option<Seat>> {
    whole(&row(more)).map(|(mut page, _)| page.seats.pop())
}

#[test]
fn a_documented_row_becomes_a_seat() {
    let documented = r#"{"id":"6776881149496250378","name":"Bob Smith","email":"bob@example.com",
        "timezone":"Asia/Istanbul","created_at":"2023-03-01T10:00:00.000Z",
        "updated_at":"2026-05-01T10:00:00.000Z","accessed_at":"2026-05-01T10:00:00.000Z",
        "product_roles":[{"role":20,"role_description":"Owner","product_id":"131414752","product_name":null}],
        "user_roles":[],"enabled":true,"paid_seat":true,"roadmaps_seat":true,"develop_seat":false,
        "teamwork_seat":false,"administrator":true,"administrator_roles":{"administer_account":true,
        "administer_billing":false,"administer_configuration":true},
        "paid_seat_group":{"id":572805993,"name":"Group 2"},"identity_provider":{"type":"password"}}"#;
    let (mut page, tally) = whole(documented).unwrap();
    let expected = Seat {
        external_user_id: "6776881149496250378".to_owned(),
        identifier: "aha.paid_seat".parse().unwrap(),
        email: "bob@example.com".to_owned(),
        display_name: "Bob Smith".to_owned(),
        department: None,
        status: UserStatus::Active,
        role: Role::Admin,
        user_created_at: Some("2023-03-01T10:00:00Z".parse().unwrap()),
        last_login_at: Some("2026-05-01T10:00:00Z".parse().unwrap()),
        bundled: false,
        paid: true,
        may_have_add_ons: false,
    };
    assert_eq!(page.seats.pop(), Some(expected));
    let grouped = SeatTally {
        used: 1,
        ..SeatTally::default()
    };
    assert_eq!(tally, grouped);
}

#[test]
fn ids_of_any_length_and_shape_keep_their_digits() {
    for (written, expected) in [
        ("9223372036854775807", "9223372036854775807"),
        ("\"6776881149496250378\"", "6776881149496250378"),
        ("\"16338845\"", "16338845"),
        (
            "\"78888886011013972886849029\"",
            "78888886011013972886849029",
        ),
    ] {
        let seat = only_seat(&format!(r#""id":{written}"#)).unwrap().unwrap();
        assert_eq!(seat.external_user_id, expected);
    }
}

#[test]
fn who_is_deactivated_holds_no_seat_and_is_a_user_of_the_list_all_the_same() {
    let (page, tally) = whole(&row(r#""enabled":false"#)).unwrap();
    assert_eq!(
        (page.users, page.seats.len(), page.seatless.len()),
        (1, 0, 1)
    );
    assert_eq!(tally.used, 0);
    let unpaid = only_seat(r#""paid_seat":false"#).unwrap().unwrap();
    assert_eq!(unpaid.identifier.as_str(), "aha.unpaid_seat");
    assert!(!unpaid.paid);
}

#[test]
fn what_decides_about_a_seat_must_be_there() {
    for name in ["enabled", "paid_seat", "administrator", "accessed_at", "id"] {
        let without = row("").replace(&format!("\"{name}\":"), "\"x\":");
        assert!(whole(&without).unwrap_err().is_data(), "{name}");
    }
    for odd in [
        r#""enabled":"yes""#,
        r#""paid_seat":null"#,
        r#""id":"""#,
        r#""accessed_at":"vorgestern""#,
    ] {
        assert!(only_seat(odd).unwrap_err().is_data(), "{odd}");
    }
    for body in ["{}", r#"{"users":{}}"#, r#"{"users":null}"#, "[]", "3"] {
        let error = read(body.as_bytes()).unwrap_err();
        assert!(error.is_data(), "{body}: {error}");
    }
}

#[test]
fn a_user_without_a_name_is_shown_by_address() {
    let seat = only_seat(r#""name":null"#).unwrap().unwrap();
    assert_eq!(seat.display_name, "Bob@Example.com");
    assert_eq!((seat.last_login_at, seat.user_created_at), (None, None));
}

#[test]
fn any_administrator_and_the_owner_of_the_key_are_marked() {
    let role_of = |more: &str| only_seat(more).unwrap().unwrap().role;
    assert_eq!(role_of(""), Role::Member);
    assert_eq!(role_of(r#""administrator":true"#), Role::Admin);
    let billing = r#""administrator_roles":{"administer_billing":true}"#;
    assert_eq!(role_of(billing), Role::Admin);
    let owner = format!(r#""id":"{OWNER}""#);
    assert_eq!(role_of(&owner), Role::Admin);
    let (_, tally) = whole(&row(&owner)).unwrap();
    assert!(tally.owner_without_rights);
    let (_, tally) = whole(&row(&format!(r#"{owner},"administrator":true"#))).unwrap();
    assert!(!tally.owner_without_rights);
}

#[test]
fn pages_lead_on_by_their_number() {
    let next = |pagination: &str| match page(&row(""), pagination).unwrap().0 {
        Fetched::Page(page) => page.next,
        Fetched::Broken(reason) => reason,
    };
    assert_eq!(
        next(r#"{"total_records":600,"total_pages":3,"current_page":1}"#),
        "page 2 of 199 users each"
    );
    assert_eq!(next(r#"{"total_records":"1","total_pages":"1"}"#), "");
    assert_eq!(next("{}"), "");
    let other = next(r#"{"total_records":1,"total_pages":3,"current_page":2}"#);
    assert_eq!(other, "page 2 came where page 1 was asked for");
}

proptest! {
    #[test]
    fn whatever_comes_is_a_page_or_an_error(
        noise in "[ -~]{0,40}", cut in 0usize..400, value in "(null|true|-1|\"x\"|\\[\\]|\\{\\}|1e300)",
        at in 0usize..6,
    ) {
        let names = ["id", "accessed_at", "enabled", "paid_seat", "administrator_roles", "name"];
        let odd = row(&format!("\"{}\":{value}", names[at]));
        let body = format!(r#"{{"users":[{odd}],"pagination":{noise}}}"#);
        let end = body.char_indices().map(|(at, _)| at).find(|at| *at >= cut);
        let _ = read(&body.as_bytes()[..end.unwrap_or(body.len())]);
        let _ = whole(&odd);
    }
}
