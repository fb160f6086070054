//! Rows of Zoom's list, odd ones too, as seats.

use super::*;

fn only_seat(row: &str, status: UserStatus) -> serde_json::Result<Seat> {
    let body = format!(r#"{{"total_records":1,"next_page_token":"","users":[{row}]}}"#);
    read_page(body.as_bytes(), status, ProfileType::Zoom).map(|page| page.seats[0].clone())
}

#[test]
fn a_documented_row_becomes_a_seat() {
    let row = r#"{"id":"KDcuGIm1QgePTO8WbOqwIQ","email":"JChill@example.com","first_name":"Jill",
        "last_name":"Chill","display_name":"Jill Ch\u00fcll","type":2,"status":"active","role_id":"0",
        "dept":"Developers","group_ids":["t-_-d56CSWG-7BF15LLrOw"],"pmi":6589310093,
        "timezone":"Asia/Shanghai","verified":1,"user_created_at":"2019-06-01T07:58:03Z",
        "created_at":"2018-10-31T04:32:37Z","last_login_time":"2022-03-25T05:40:55Z",
        "custom_attributes":[{"key":"a","name":"b","value":"c"}],"brand_new_field":{"x":[1,2]}}"#;
    let expected = Seat {
        external_user_id: "KDcuGIm1QgePTO8WbOqwIQ".to_owned(),
        identifier: "zoom.licensed".parse().unwrap(),
        email: "JChill@example.com".to_owned(),
        display_name: "Jill Chüll".to_owned(),
        department: Some("Developers".to_owned()),
        status: UserStatus::Active,
        role: Role::Owner,
        user_created_at: Some("2019-06-01T07:58:03Z".parse().unwrap()),
        last_login_at: Some("2022-03-25T05:40:55Z".parse().unwrap()),
        bundled: false,
        paid: true,
        may_have_add_ons: true,
    };
    assert_eq!(only_seat(row, UserStatus::Active).unwrap(), expected);
}

#[test]
fn invitations_are_keyed_by_address_and_others_need_an_id() {
    let row = r#"{"email":"New.One@Example.com","type":2}"#;
    let seat = only_seat(row, UserStatus::Pending).unwrap();
    assert_eq!(seat.external_user_id, "pending:new.one@example.com");
    assert_eq!(seat.display_name, "New.One@Example.com");
    assert!(seat.paid && !seat.may_have_add_ons);
    let invited = only_seat(
        r#"{"id":"u1","email":"a@b.c","type":1}"#,
        UserStatus::Pending,
    );
    assert_eq!(invited.unwrap().external_user_id, "u1");
    assert!(only_seat(row, UserStatus::Active).unwrap_err().is_data());
    assert!(only_seat("{}", UserStatus::Pending).unwrap_err().is_data());
}

#[test]
fn odd_types_are_read_and_not_refused() {
    let row = r#"{"id":"u","email":"a@b.c","type":"2","role_id":1,"dept":null,
        "custom_attributes":{"key":"k"},"zoom_one_type":576460752303423488,
        "last_login_time":"","user_created_at":"yesterday","group_ids":"g"}"#;
    let seat = only_seat(row, UserStatus::Active).unwrap();
    assert_eq!(seat.identifier.as_str(), "zoom.licensed");
    assert_eq!(seat.role, Role::Admin);
    assert_eq!(seat.department, None);
    assert_eq!((seat.user_created_at, seat.last_login_at), (None, None));
    assert!(seat.bundled);
}

#[test]
fn suites_are_known_by_any_of_their_marks() {
    let cases = [
        (r#""plan_united_type":"1""#, true),
        (r#""plan_united_type":"""#, false),
        (r#""zoom_one_type":0"#, false),
        (
            r#""license_info_list":[{"license_type":"ZOOM_WORKPLACE_BUNDLE","license_option":16}]"#,
            true,
        ),
        (
            r#""license_info_list":{"license_type":"ZOOM_WORKPLACE_BUNDLE"}"#,
            true,
        ),
        (
            r#""license_info_list":[{"license_type":"ZOOM_WHITEBOARD"}]"#,
            false,
        ),
        (r#""license_info_list":null"#, false),
    ];
    for (field, bundled) in cases {
        let row = format!(r#"{{"id":"u","email":"a@b.c","type":2,{field}}}"#);
        let seat = only_seat(&row, UserStatus::Active).unwrap();
        assert_eq!(seat.bundled, bundled, "{field}");
    }
}

#[test]
fn unknown_user_types_are_counted() {
    let body =
        br#"{"total_records":3,"users":[{"id":"a","type":2},{"id":"b","type":42},{"id":"c"}]}"#;
    let page = read_page(body, UserStatus::Active, ProfileType::Zoom).unwrap();
    assert_eq!(page.unrecognized, ["zoom.type_42", "zoom.type_unknown"]);
    assert_eq!(page.next, "");
    assert_eq!(page.total, Some(3));
}

#[test]
fn a_page_without_users_is_not_an_empty_page() {
    for body in ["{}", r#"{"users":{}}"#, r#"{"users":null}"#, "[]", "3"] {
        let error = read_page(body.as_bytes(), UserStatus::Active, ProfileType::Zoom)
            .err()
            .unwrap();
        assert!(error.is_data(), "{body}: {error}");
    }
    let cut = read_page(
        br#"{"users":[{"id":"a""#,
        UserStatus::Active,
        ProfileType::Zoom,
    );
    assert!(cut.err().unwrap().is_eof());
}

#[test]
fn workplace_knows_a_suite_as_one_seat_and_asks_everybody_for_products() {
    let table = [
        (
            r#""type":2,"plan_united_type":"16""#,
            "zoom.united.16",
            true,
        ),
        (
            r#""type":2,"license_info_list":[{"license_type":"ZOOM_WORKPLACE_BUNDLE","license_option":4}]"#,
            "zoom.one.4",
            true,
        ),
        (r#""type":2"#, "zoom.licensed", false),
        (r#""type":1"#, "zoom.basic", false),
        (r#""type":4"#, "zoom.unassigned", false),
    ];
    for (fields, identifier, bundled) in table {
        let body = format!(r#"{{"total_records":1,"users":[{{"id":"u",{fields}}}]}}"#);
        let read = |status| {
            let page = read_page(body.as_bytes(), status, ProfileType::ZoomWorkplace).unwrap();
            page.seats[0].clone()
        };
        let seat = read(UserStatus::Active);
        assert_eq!(seat.identifier.as_str(), identifier);
        assert_eq!((seat.bundled, seat.may_have_add_ons), (bundled, true));
        assert!(!read(UserStatus::Inactive).may_have_add_ons);
    }
}
