//! What a whole body may be, and what of it comes back.

use proptest::prelude::*;

use super::*;

const GOOD: &str = r#"{"configuration_item":"eaa9604d3790200044e0bfc8bcbe5dc1","norm_product":"40209c060b3022002d6c650d37673a89","reclamation_type":"last_used_date"}"#;

fn parse(body: &str) -> Result<Batch<'_>, BodyError> {
    Batch::parse(body.as_bytes(), &Rules::default())
}

fn detail(body: &str) -> String {
    parse(body).unwrap_err().to_string()
}

#[test]
fn items_are_found_wherever_they_stand() {
    for body in [
        format!(r#"{{"items":[{GOOD}]}}"#),
        format!("\u{feff} {{ \"other\" : [1e999], \"items\" : [ {GOOD} ] }} \n"),
        format!(r#"{{"\u0069tems":[{GOOD}],"x":{{}}}}"#),
    ] {
        let batch = parse(&body).unwrap();
        assert_eq!(batch.entries.len(), 1);
        assert_eq!(batch.items.len(), 1);
    }
    assert_eq!(parse(r#"{"items":[]}"#).unwrap().entries, []);
}

#[test]
fn a_body_without_an_array_of_items_is_refused() {
    let table = [
        ("", BodyError::Empty),
        (" \n", BodyError::Empty),
        ("{}", BodyError::NoItems),
        (r#"{"records":[]}"#, BodyError::NoItems),
        (r#"{"items":null}"#, BodyError::NoItems),
        (
            r#"{"items":{"a":1}}"#,
            BodyError::NotAnArray { found: "an object" },
        ),
        (
            r#"{"items":"x"}"#,
            BodyError::NotAnArray { found: "a string" },
        ),
        (
            r#"{"items":"\n"}"#,
            BodyError::NotAnArray { found: "a string" },
        ),
        (
            r#"{"items":5}"#,
            BodyError::NotAnArray { found: "a number" },
        ),
        (
            r#"{"items":-5}"#,
            BodyError::NotAnArray { found: "a number" },
        ),
        (
            r#"{"items":5.5}"#,
            BodyError::NotAnArray { found: "a number" },
        ),
        (
            r#"{"items":true}"#,
            BodyError::NotAnArray { found: "a boolean" },
        ),
        ("[]", BodyError::NotAnObject),
        ("\"items\"", BodyError::NotAnObject),
        ("7", BodyError::NotAnObject),
        ("null", BodyError::NotAnObject),
    ];
    for (body, expected) in table {
        assert_eq!(parse(body).unwrap_err(), expected, "{body}");
    }
    let many = format!(r#"{{"items":[{}0]}}"#, "0,".repeat(MAX_ITEMS));
    assert_eq!(parse(&many).unwrap_err(), BodyError::TooManyItems);
}

#[test]
fn malformed_bodies_are_refused_with_their_place_and_nothing_of_their_content() {
    let table = [
        (
            "{\"items\":[",
            "line 1, column 10: EOF while parsing a list",
        ),
        (
            "{\n \"items\": [\n  {\"a\":secret}]}",
            "line 3, column 8: expected value",
        ),
        ("{\"items\":[1,]}", "line 1, column 13: trailing comma"),
        ("{\"items\":[],}", "line 1, column 13: trailing comma"),
        ("{\"items\":[NaN]}", "line 1, column 11: expected value"),
        (
            "{\"items\":[]} secret",
            "line 1, column 14: trailing characters",
        ),
        (
            "// secret\n{\"items\":[]}",
            "line 1, column 1: expected value",
        ),
        ("secret", "line 1, column 1: expected value"),
        (
            "{\"items\":[],\"items\":[]}",
            "line 1, column 19: duplicate member",
        ),
        (
            "{\"items\":[{\"a\":1,\n\"a\":2}]}",
            "line 2, column 6: duplicate member",
        ),
        (
            "{\"items\":[{\"user\":1,\"user\":2}]}",
            "line 1, column 29: duplicate member",
        ),
        (
            "{\"items\":[\n {\"x\":{\"a\":1,\"a\":2}}]}",
            "line 2, column 20: duplicate member",
        ),
        (
            "{\"items\":[[{\"a\":1,\"a\":2}]]}",
            "line 1, column 11: duplicate member",
        ),
        (
            "{\"items\":[{\"x\":\"\\ud800\"}]}",
            "line 1, column 24: half of a surrogate pair",
        ),
    ];
    for (body, expected) in table {
        assert_eq!(detail(body), expected, "{body}");
    }
    let deep = |levels: usize| {
        format!(
            "{{\"items\":[{{\"x\":{}{}}}]}}",
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    assert!(parse(&deep(29)).is_ok());
    assert!(detail(&deep(30)).ends_with("nested deeper than 32 levels"));
    assert!(detail(&deep(1_000_000)).ends_with("nested deeper than 32 levels"));
    let not_utf8 = Batch::parse(b"{\"items\":[\"\xff\"]}", &Rules::default()).unwrap_err();
    assert_eq!(not_utf8.to_string(), "invalid UTF-8 at byte 11");
}

#[test]
fn a_bad_item_does_not_touch_its_neighbours() {
    let body = format!(r#"{{"items":[{GOOD},1,null,[[]],"x",{{}},{GOOD}]}}"#);
    let batch = parse(&body).unwrap();
    let codes: Vec<Option<&str>> = batch
        .entries
        .iter()
        .map(|entry| {
            batch
                .errors_of(entry)
                .first()
                .map(|error| error.code.as_str())
        })
        .collect();
    let not_an_item = Some("INVALID_ITEM");
    let missing = Some("MISSING_FIELD");
    assert_eq!(
        codes,
        [
            None,
            not_an_item,
            not_an_item,
            not_an_item,
            not_an_item,
            missing,
            None
        ]
    );
}

#[test]
fn members_come_back_as_they_were_sent() {
    let sent = r#" "b" : 1.0e1 , "a":"\u0041","status":"x","c":{"sysId":1} "#;
    let body = format!(r#"{{"items":[{{{sent}}},{{"sysId":"1"}},{{ "z":0.50 }},{{}}]}}"#);
    let batch = parse(&body).unwrap();
    let members: Vec<Cow<'_, str>> = batch.entries.iter().map(Entry::members).collect();
    assert_eq!(
        members,
        [
            r#""b":1.0e1,"a":"\u0041","c":{"sysId":1}"#,
            "",
            r#""z":0.50"#,
            ""
        ]
    );
    assert_eq!(batch.unknown_columns, 4);
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Batch::parse(&body, &Rules::default());
    }

    #[test]
    fn nothing_that_looks_like_a_body_makes_it_panic(
        body in r#"\{"items":\[(\{"(user|year|x)":("\\u[0-9a-d]{4}"|-?[0-9]{1,3}(\.[0-9])?(e[0-9]{1,3})?|\[\]|null)\},?){0,4}\]\}"#
    ) {
        let _ = Batch::parse(body.as_bytes(), &Rules::default());
    }
}
