//! Rows 75 to 95: what is wrong with one item, and what is not.

use seatsync::settings::model::UsageSettings;
use serde_json::{Value, json};

use super::support::{
    CI1, Usage, body_of, example, last_used, start, start_with, statuses, with, without,
};

/// Pushes an item that must fail; (code, message) of each fault.
async fn faults(usage: &Usage, item: Value) -> Vec<(String, String)> {
    let told = usage.push_one(item.clone()).await;
    assert_eq!(told["status"], "ERROR", "{item}");
    assert_eq!(without(told.clone(), &["status", "errors"]), item);
    let faults = told["errors"].as_array().unwrap().iter();
    faults
        .map(|fault| {
            let text = |name: &str| fault[name].as_str().unwrap().to_owned();
            (text("error"), text("message"))
        })
        .collect()
}

/// The only fault's code where `column` has that value.
async fn fault_of(usage: &Usage, column: &str, value: Value) -> String {
    let found = faults(usage, with(example(), &json!({column: value}))).await;
    assert_eq!(found.len(), 1, "{column} {value}: {found:?}");
    assert!(found[0].1.contains(&format!("`{column}`")), "{found:?}");
    found[0].0.clone()
}

#[tokio::test]
async fn what_the_type_demands_must_be_there() {
    let usage = start();
    // row 75
    let found = faults(&usage, without(example(), &["reclamation_type"])).await;
    assert_eq!(found[0].0, "MISSING_FIELD");
    assert!(found[0].1.contains("`reclamation_type`"), "{found:?}");
    // row 77
    let demanded = ["configuration_item", "norm_product", "month_used", "year"];
    for column in demanded {
        let found = faults(&usage, without(example(), &[column])).await;
        assert_eq!(found.len(), 1, "{column}: {found:?}");
        assert_eq!(found[0].0, "MISSING_FIELD", "{column}");
    }
    let found = faults(&usage, without(example(), &demanded)).await;
    assert_eq!(found.len(), demanded.len(), "all in one list: {found:?}");
    // row 79
    for column in ["configuration_item", "norm_product"] {
        let item = without(last_used("2026-01-05 08:00:00"), &[column]);
        let found = faults(&usage, item).await;
        assert_eq!((found.len(), found[0].0.as_str()), (1, "MISSING_FIELD"));
    }
    // row 80
    for column in demanded {
        for empty in [json!(""), json!(null), json!("  ")] {
            assert_eq!(fault_of(&usage, column, empty).await, "MISSING_FIELD");
        }
    }
    assert_eq!(usage.records().await, []);
    // row 78
    assert_eq!(example().get("last_used_time"), None);
    assert_eq!(usage.push_one(example()).await["status"], "INSERT");
}

#[tokio::test]
async fn a_reclamation_type_is_one_of_two() {
    // row 76
    let usage = start();
    for choice in ["peak_usage", "TOTAL_USAGE", " total_usage"] {
        let found = faults(
            &usage,
            with(example(), &json!({"reclamation_type": choice})),
        )
        .await;
        assert_eq!(found[0].0, "INVALID_CHOICE");
        let both = "`total_usage`, `last_used_date`";
        assert!(found[0].1.contains(both), "{found:?}");
    }
}

#[tokio::test]
async fn values_that_are_none_of_their_column_fail_their_item() {
    let usage = start();
    let table = [
        // row 81
        (
            "configuration_item",
            "INVALID_REFERENCE",
            vec![
                json!("laptop-7"),
                json!(CI1[1..]),
                json!(format!("{CI1}0")),
                json!({"value": CI1}),
            ],
        ),
        // row 82
        (
            "month_used",
            "INVALID_VALUE",
            vec![
                json!(0),
                json!(13),
                json!(-1),
                json!(2.5),
                json!("Feb"),
                json!(true),
            ],
        ),
        // row 83
        (
            "year",
            "INVALID_VALUE",
            vec![
                json!(20),
                json!("twenty"),
                json!(0),
                json!(1969),
                json!(10000),
            ],
        ),
        // rows 85, 87: counts
        (
            "usage_count",
            "INVALID_VALUE",
            vec![
                json!(-1),
                json!(13.5),
                json!("13 times"),
                json!([]),
                json!({}),
            ],
        ),
        ("total_usage_time", "INVALID_VALUE", vec![json!(-5)]),
        // row 91
        (
            "last_used_time",
            "INVALID_VALUE",
            vec![
                json!("2026-02-30 00:00:00"),
                json!("yesterday"),
                json!(1_736_064_000),
            ],
        ),
        // row 92
        (
            "usage_type",
            "INVALID_VALUE",
            vec![json!("x".repeat(4001)), json!("a\0b")],
        ),
        (
            "u_unknown",
            "INVALID_VALUE",
            vec![json!("x".repeat(4001)), json!("a\0b")],
        ),
    ];
    for (column, code, values) in table {
        for value in values {
            assert_eq!(
                fault_of(&usage, column, value.clone()).await,
                code,
                "{column} {value}"
            );
        }
    }
    assert_eq!(usage.records().await, []);
}

#[tokio::test]
async fn the_bounds_themselves_are_in() {
    let usage = start();
    for change in [
        json!({"month_used": 12, "year": 1970}),
        json!({"month_used": 1, "year": 9999}),
        // row 84: a month that has not begun
        json!({"month_used": 2, "year": 2027}),
        json!({"usage_type": "x".repeat(4000)}),
        json!({"usage_type": "\u{e9}".repeat(4000)}),
    ] {
        let item = usage.push_one(with(example(), &change)).await;
        assert_eq!(item["status"], "INSERT", "{change}");
        usage
            .store
            .forget_before("9999-01-01T00:00:00Z".parse().unwrap())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_number_is_a_number_however_it_is_written() {
    let usage = start();
    let template = body_of(&with(example(), &json!({"usage_count": 4711})));
    let count = async |text: &str| {
        let answer = usage.post(template.replace("4711", text)).await;
        assert!(
            answer.body.contains(&format!("\"usage_count\":{text}")),
            "{answer:?}"
        );
        answer.item()["errors"][0]["error"]
            .as_str()
            .map(str::to_owned)
    };
    // row 86
    for text in ["\"13\"", "13.0", "1.3e1"] {
        assert_eq!(count("1").await, None);
        assert_eq!(count(text).await, None, "{text}");
        assert_eq!(usage.records().await[0].values.usage_count, Some(13));
    }
    // row 88
    assert_eq!(count("2147483647").await, None);
    assert_eq!(usage.records().await[0].values.usage_count, Some(i32::MAX));
    for text in ["2147483648", "1e400", &"9".repeat(400)] {
        let answer = usage.post(template.replace("4711", text)).await;
        assert!(
            answer.body.contains(&format!("\"usage_count\":{text}")),
            "{answer:?}"
        );
        assert!(
            answer.body.contains(r#""error":"OUT_OF_RANGE""#),
            "{answer:?}"
        );
        assert!(answer.body.contains("Completed with errors"), "{answer:?}");
    }
}

#[tokio::test]
async fn times_are_utc_or_say_their_offset() {
    let usage = start();
    for (sent, stored) in [
        // row 89
        ("2026-01-05 08:00:00", "2026-01-05T08:00:00Z"),
        // row 90
        ("2026-01-05T08:00:00Z", "2026-01-05T08:00:00Z"),
        ("2026-01-05T08:00:00+02:00", "2026-01-05T06:00:00Z"),
    ] {
        let item = usage.push_one(last_used(sent)).await;
        assert_eq!(item["last_used_time"], sent, "as it was sent");
        let time = usage.records().await[0].values.last_used_time;
        assert_eq!(time, Some(stored.parse().unwrap()), "{sent}");
    }
}

#[tokio::test]
async fn a_bad_item_does_not_keep_its_neighbours_out() {
    let usage = start();
    let bad = json!({"configuration_item": "laptop-7", "month_used": 13});
    let other = with(example(), &json!({"month_used": 3}));
    // row 93
    let batch = json!([example(), with(example(), &bad), other]);
    let answer = usage.push(batch).await;
    let items = answer.items();
    assert_eq!(answer.message(), "Completed with errors");
    assert_eq!(statuses(&items), ["INSERT", "ERROR", "INSERT"]);
    assert_eq!(items[1].get("sysId"), None);
    let codes: Vec<&Value> = items[1]["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| &error["error"])
        .collect();
    assert_eq!(codes, ["INVALID_REFERENCE", "INVALID_VALUE"]);
    assert_eq!(usage.records().await.len(), 2);
    // row 94
    let all_bad = usage.push(json!([{}, {}])).await;
    assert_eq!(all_bad.message(), "Completed with errors");
    assert_eq!(statuses(&all_bad.items()), ["ERROR", "ERROR"]);
    assert_eq!(usage.records().await.len(), 2);
}

#[tokio::test]
async fn a_strict_batch_is_stored_whole_or_not_at_all() {
    // row 95
    let usage = start_with(UsageSettings {
        strict_batches: true,
        ..UsageSettings::default()
    });
    let answer = usage.push(json!([example(), {}, {}])).await;
    assert_eq!(
        answer.refused(400, "2 of 3 items rejected"),
        "`reclamation_type` is required and must not be empty"
    );
    assert_eq!(usage.records().await, []);
    assert_eq!(usage.push_one(example()).await["status"], "INSERT");
}
