//! Every rule of one item, as a table.

use super::*;
use crate::usage::batch::Batch;

const CI: &str = "eaa9604d3790200044e0bfc8bcbe5dc1";
const PRODUCT: &str = "40209c060b3022002d6c650d37673a89";

/// The vendor's own example, with members replaced (`"name":value`) or left out (`"name"`).
fn item_with(changes: &[(&str, Option<&str>)]) -> String {
    let mut members = vec![
        ("configuration_item", format!("{CI:?}")),
        ("month_used", "2".to_owned()),
        ("norm_product", format!("{PRODUCT:?}")),
        (
            "norm_publisher",
            "\"24dcccc20b3022002d6c650d37673ab3\"".to_owned(),
        ),
        ("reclamation_type", "\"total_usage\"".to_owned()),
        ("usage_count", "13".to_owned()),
        ("total_usage_time", "13".to_owned()),
        ("year", "2020".to_owned()),
    ];
    for (name, value) in changes {
        members.retain(|(known, _)| known != name);
        if let Some(value) = value {
            members.push((name, (*value).to_owned()));
        }
    }
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{name:?}:{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn read_under(item: &str, rules: &Rules) -> Result<Item, Vec<ItemError>> {
    let body = format!(r#"{{"items":[{item}]}}"#);
    let mut batch = Batch::parse(body.as_bytes(), rules).unwrap();
    batch
        .items
        .pop()
        .ok_or(batch.errors_of(&batch.entries[0]).to_vec())
}

fn read(changes: &[(&str, Option<&str>)]) -> Result<Item, Vec<ItemError>> {
    read_under(&item_with(changes), &Rules::default())
}

fn codes(changes: &[(&str, Option<&str>)]) -> Vec<&'static str> {
    match read(changes) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|error| error.code.as_str()).collect(),
    }
}

#[test]
fn the_vendors_example_is_read() {
    let item = read(&[]).unwrap();
    assert_eq!(item.key.period, Period::month(2020, 2));
    assert_eq!(item.key.configuration_item.to_string(), CI);
    assert_eq!(item.key.user, None);
    assert_eq!(item.changes.usage_count, Change::Set(13));
    assert_eq!(item.changes.last_used_time, Change::Keep);
}

#[test]
fn every_way_to_write_a_month_is_one_key() {
    let key = read(&[]).unwrap().key;
    for month in ["2", "\"2\"", "\"02\"", "2.0"] {
        for year in ["2020", "\"2020\"", "2.02e3"] {
            let same = read(&[("month_used", Some(month)), ("year", Some(year))]);
            assert_eq!(same.unwrap().key, key, "{month} {year}");
        }
    }
    let upper = format!("{:?}", CI.to_uppercase());
    assert_eq!(
        read(&[("configuration_item", Some(&upper))]).unwrap().key,
        key
    );
}

#[test]
fn key_members_are_demanded_by_the_type() {
    for name in [
        "configuration_item",
        "norm_product",
        "month_used",
        "year",
        "reclamation_type",
    ] {
        for value in [None, Some("\"\""), Some("null"), Some("\"  \"")] {
            assert_eq!(
                codes(&[(name, value)]),
                ["MISSING_FIELD"],
                "{name} {value:?}"
            );
        }
    }
    let last_used = ("reclamation_type", Some("\"last_used_date\""));
    let bare = [
        last_used,
        ("month_used", None),
        ("year", None),
        ("usage_count", None),
    ];
    assert_eq!(read(&bare).unwrap().key.period, Period::ALL_TIME);
    let with_month = read(&[last_used]).unwrap();
    assert_eq!(with_month.key.period, Period::ALL_TIME);
    assert_eq!(with_month.changes.month_used, Change::Set(2));
    assert_eq!(
        codes(&[last_used, ("norm_product", None)]),
        ["MISSING_FIELD"]
    );
}

#[test]
fn all_missing_members_are_named_at_once() {
    let errors = read_under("{}", &Rules::default()).unwrap_err();
    let messages: Vec<_> = errors
        .iter()
        .map(|error| error.message.to_string())
        .collect();
    assert_eq!(
        messages,
        [
            "`reclamation_type` is required and must not be empty",
            "`configuration_item` is required and must not be empty",
            "`norm_product` is required and must not be empty",
        ]
    );
}

#[test]
fn bad_values_have_their_code() {
    let long = format!("\"{}\"", "x".repeat(4001));
    let digits = "9".repeat(400);
    let table: &[(&str, &str, &str)] = &[
        ("reclamation_type", "\"peak_usage\"", "INVALID_CHOICE"),
        ("reclamation_type", "\"TOTAL_USAGE\"", "INVALID_CHOICE"),
        ("reclamation_type", "\" total_usage\"", "INVALID_CHOICE"),
        ("reclamation_type", "5", "INVALID_CHOICE"),
        ("configuration_item", "\"laptop-7\"", "INVALID_REFERENCE"),
        ("configuration_item", "{}", "INVALID_REFERENCE"),
        (
            "norm_publisher",
            "\"24dcccc20b3022002d6c650d37673ab\"",
            "INVALID_REFERENCE",
        ),
        ("user", "true", "INVALID_REFERENCE"),
        ("month_used", "0", "INVALID_VALUE"),
        ("month_used", "13", "INVALID_VALUE"),
        ("month_used", "-1", "INVALID_VALUE"),
        ("month_used", "2.5", "INVALID_VALUE"),
        ("month_used", "\"Feb\"", "INVALID_VALUE"),
        ("month_used", "true", "INVALID_VALUE"),
        ("year", "20", "INVALID_VALUE"),
        ("year", "\"twenty\"", "INVALID_VALUE"),
        ("year", "0", "INVALID_VALUE"),
        ("year", "1969", "INVALID_VALUE"),
        ("year", "10000", "INVALID_VALUE"),
        ("usage_count", "-1", "INVALID_VALUE"),
        ("total_usage_time", "-5", "INVALID_VALUE"),
        ("usage_count", "13.5", "INVALID_VALUE"),
        ("usage_count", "\"13 times\"", "INVALID_VALUE"),
        ("usage_count", "[]", "INVALID_VALUE"),
        ("usage_count", "{}", "INVALID_VALUE"),
        ("usage_count", "2147483648", "OUT_OF_RANGE"),
        ("usage_count", "1e400", "OUT_OF_RANGE"),
        ("total_usage_time", &digits, "OUT_OF_RANGE"),
        ("last_used_time", "\"2026-02-30 00:00:00\"", "INVALID_VALUE"),
        ("last_used_time", "\"yesterday\"", "INVALID_VALUE"),
        ("last_used_time", "1736064000", "INVALID_VALUE"),
        ("last_used_time", "\"2026-01-05\"", "INVALID_VALUE"),
        ("last_used_time", "\"2026-01-05T08:00:00\"", "INVALID_VALUE"),
        ("usage_type", &long, "INVALID_VALUE"),
        ("u_unknown", &long, "INVALID_VALUE"),
        ("discovery_source", "\"a\\u0000b\"", "INVALID_VALUE"),
        ("discovery_source", "[]", "INVALID_VALUE"),
    ];
    for (name, value, code) in table {
        assert_eq!(codes(&[(name, Some(value))]), [*code], "{name} {value}");
    }
}

#[test]
fn good_values_are_taken() {
    let text = format!("\"{}\"", "ä".repeat(4000));
    let table: &[(&str, &str)] = &[
        ("usage_count", "0"),
        ("usage_count", "\"13\""),
        ("usage_count", "13.0"),
        ("usage_count", "1.3e1"),
        ("usage_count", "2147483647"),
        ("usage_type", &text),
        ("u_unknown", &text),
        ("u_unknown", "[1, {\"a\": 1e400}]"),
        ("month_used", "12"),
        ("year", "9999"),
    ];
    for (name, value) in table {
        assert_eq!(
            codes(&[(name, Some(value))]),
            [] as [&str; 0],
            "{name} {value}"
        );
    }
}

#[test]
fn times_are_utc_in_the_platforms_form_or_rfc_3339() {
    let expected: Timestamp = "2026-01-05T08:00:00Z".parse().unwrap();
    for text in [
        "2026-01-05 08:00:00",
        "2026-01-05T08:00:00Z",
        "2026-01-05T09:00:00+01:00",
        "2026-01-05T08:00:00.900Z",
    ] {
        let value = format!("{text:?}");
        let item = read(&[("last_used_time", Some(&value))]).unwrap();
        assert_eq!(item.changes.last_used_time, Change::Set(expected), "{text}");
    }
}

#[test]
fn empty_clears_an_optional_column() {
    for value in ["\"\"", "null"] {
        let item = read(&[
            ("norm_publisher", Some(value)),
            ("usage_count", Some(value)),
        ])
        .unwrap();
        assert_eq!(item.changes.norm_publisher, Change::Clear);
        assert_eq!(item.changes.usage_count, Change::Clear);
    }
}

#[test]
fn the_user_is_part_of_the_key_only_where_the_settings_say_so() {
    let user = format!("{PRODUCT:?}");
    let item = item_with(&[("user", Some(&user))]);
    let page = read_under(&item, &Rules::default()).unwrap();
    assert_eq!(page.key.user, None);
    assert_eq!(
        page.changes.user,
        Change::Set(Reference::parse(PRODUCT).unwrap())
    );
    let rules = Rules {
        include_user_in_key: true,
        ..Rules::default()
    };
    assert_eq!(
        read_under(&item, &rules).unwrap().key.user,
        Reference::parse(PRODUCT)
    );
    assert_eq!(read_under(&item_with(&[]), &rules).unwrap().key.user, None);
}

#[test]
fn a_bound_sender_reports_for_its_own_configuration_items_only() {
    let bound = |item: &str| Rules {
        bound_to: Some(Arc::new(BTreeSet::from([Reference::parse(item).unwrap()]))),
        ..Rules::default()
    };
    assert!(read_under(&item_with(&[]), &bound(CI)).is_ok());
    let errors = read_under(&item_with(&[]), &bound(PRODUCT)).unwrap_err();
    assert_eq!(errors[0].code, ErrorCode::ForbiddenConfigurationItem);
}
