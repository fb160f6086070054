//! Rows 1 to 32: what is stored, and under which key.

use std::collections::BTreeSet;

use seatsync::settings::model::UsageSettings;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::support::{
    CI1, CI2, JSON, body_of, example, last_used, start, start_with, statuses, whole, with, without,
};

#[tokio::test]
async fn a_new_record_comes_back_as_sent_with_its_sys_id_and_insert() {
    // row 1
    let usage = start();
    let answer = usage.push(json!([example()])).await;
    let item = answer.item();
    assert_eq!(answer.message(), "Ok");
    let sys_id = item["sysId"].as_str().unwrap().to_owned();
    assert!(sys_id.len() == 32 && sys_id.bytes().all(|b| b"0123456789abcdef".contains(&b)));
    let expected = with(example(), &json!({"sysId": sys_id, "status": "INSERT"}));
    assert_eq!(item, expected);
    let names: Vec<&String> = item.as_object().unwrap().keys().collect();
    let sent: Vec<&String> = expected.as_object().unwrap().keys().collect();
    assert_eq!(names, sent, "members keep their order");
    answer.check_common_headers();
    assert_eq!(
        answer.header("content-type"),
        Some("application/json;charset=utf-8")
    );
    assert_eq!(answer.header("x-is-logged-in"), Some("true"));
}

#[tokio::test]
async fn a_repeat_is_an_update_that_sets() {
    let usage = start();
    let first = usage.push_one(example()).await;
    // row 2
    let again = usage.push_one(example()).await;
    assert_eq!(
        (&again["status"], &again["sysId"]),
        (&json!("UPDATE"), &first["sysId"])
    );
    // row 3
    let more = with(example(), &json!({"usage_count": 20}));
    let third = usage.push_one(more).await;
    assert_eq!(
        (&third["status"], &third["sysId"]),
        (&json!("UPDATE"), &first["sysId"])
    );
    assert_eq!(usage.records().await[0].values.usage_count, Some(20));
}

#[tokio::test]
async fn one_batch_may_insert_and_update() {
    let usage = start();
    usage.push(json!([example()])).await;
    let others = [
        // rows 7, 8: another month, another year
        json!({"month_used": 3}),
        json!({"year": 2021}),
        // row 9: another host, another product
        json!({"configuration_item": CI2}),
        json!({"norm_product": CI2}),
    ];
    let mut batch = vec![example()];
    batch.extend(others.iter().map(|change| with(example(), change)));
    // row 4
    let items = usage.push(json!(batch)).await.items();
    assert_eq!(
        statuses(&items),
        ["UPDATE", "INSERT", "INSERT", "INSERT", "INSERT"]
    );
    for (sent, told) in batch.iter().zip(&items) {
        let told = without(told.clone(), &["sysId", "status"]);
        assert_eq!(&told, sent, "in the order sent");
    }
    let ids: BTreeSet<&str> = items
        .iter()
        .map(|item| item["sysId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn the_key_is_what_the_vendors_examples_show() {
    let usage = start();
    let first = usage.push_one(example()).await;
    let same = [
        // rows 5, 6: the time of the last use is no key
        json!({"last_used_time": "2020-02-11 10:00:00"}),
        json!({"last_used_time": "2020-02-12 10:00:00"}),
        // row 10
        json!({"norm_publisher": CI2}),
        // row 21
        json!({"month_used": "2", "year": "2020"}),
        // row 22
        json!({"month_used": "02"}),
        // row 23
        json!({"configuration_item": CI1.to_uppercase()}),
    ];
    for change in same {
        let sent = with(example(), &change);
        let item = usage.push_one(sent.clone()).await;
        assert_eq!(item["status"], "UPDATE", "{change}");
        assert_eq!(item["sysId"], first["sysId"], "{change}");
        for (name, value) in sent.as_object().unwrap() {
            assert_eq!(&item[name], value, "{name} comes back as sent");
        }
    }
    let records = usage.records().await;
    assert_eq!(records.len(), 1);
    let expected = "2020-02-12T10:00:00Z".parse().unwrap();
    assert_eq!(records[0].values.last_used_time, Some(expected));
}

#[tokio::test]
async fn a_last_used_date_has_a_record_of_its_own_and_the_last_writer_wins() {
    let usage = start();
    let total = usage.push_one(example()).await;
    // row 11
    let first = usage.push_one(last_used("2026-01-05 08:00:00")).await;
    assert_eq!(first["status"], "INSERT");
    assert_ne!(first["sysId"], total["sysId"]);
    // row 12
    let later = usage.push_one(last_used("2026-01-06 08:00:00")).await;
    assert_eq!(
        (&later["status"], &later["sysId"]),
        (&json!("UPDATE"), &first["sysId"])
    );
    let time = async || usage.records().await[0].values.last_used_time;
    assert_eq!(time().await, Some("2026-01-06T08:00:00Z".parse().unwrap()));
    // rows 13, 15: an earlier time; a month is a plain column
    for month in [5, 6] {
        let with_month = with(
            last_used("2026-01-04 08:00:00"),
            &json!({"month_used": month, "year": 2026}),
        );
        let item = usage.push_one(with_month).await;
        assert_eq!(
            (&item["status"], &item["sysId"]),
            (&json!("UPDATE"), &first["sysId"])
        );
        let record = &usage.records().await[0];
        assert_eq!(record.values.month_used, Some(month));
        let expected = "2026-01-04T08:00:00Z".parse().unwrap();
        assert_eq!(record.values.last_used_time, Some(expected));
    }
    // row 14
    let bare = without(last_used(""), &["last_used_time"]);
    let item = usage.push_one(bare.clone()).await;
    assert_eq!(item["status"], "UPDATE");
    assert_eq!(time().await, Some("2026-01-04T08:00:00Z".parse().unwrap()));
    let other = with(bare, &json!({"norm_product": CI2}));
    assert_eq!(usage.push_one(other).await["status"], "INSERT");
}

#[tokio::test]
async fn with_newest_wins_an_earlier_time_changes_all_but_the_time() {
    let usage = start_with(UsageSettings {
        newest_wins: true,
        ..UsageSettings::default()
    });
    usage.push_one(last_used("2026-01-05 08:00:00")).await;
    let earlier = with(
        last_used("2026-01-04 08:00:00"),
        &json!({"usage_count": 99}),
    );
    assert_eq!(usage.push_one(earlier).await["status"], "UPDATE");
    assert_eq!(usage.records().await[0].values.usage_count, Some(99));
    let expected = "2026-01-05T08:00:00Z".parse().unwrap();
    assert_eq!(
        usage.records().await[0].values.last_used_time,
        Some(expected)
    );
}

#[tokio::test]
async fn both_types_go_in_one_batch() {
    // row 16
    let usage = start();
    let batch = json!([example(), last_used("2026-01-05 08:00:00")]);
    let items = usage.push(batch).await.items();
    assert_eq!(statuses(&items), ["INSERT", "INSERT"]);
    assert_ne!(items[0]["sysId"], items[1]["sysId"]);
}

#[tokio::test]
async fn a_duplicate_in_one_batch_inserts_then_updates() {
    let usage = start();
    let batch = [5, 7].map(|count| with(example(), &json!({"usage_count": count})));
    // row 17
    let items = usage.push(json!(batch)).await.items();
    assert_eq!(statuses(&items), ["INSERT", "UPDATE"]);
    assert_eq!(items[0]["sysId"], items[1]["sysId"]);
    assert_eq!(usage.records().await[0].values.usage_count, Some(7));
    // row 18
    let items = usage.push(json!(batch)).await.items();
    assert_eq!(statuses(&items), ["UPDATE", "UPDATE"]);
    assert_eq!(items[0]["sysId"], items[1]["sysId"]);
}

#[tokio::test]
async fn every_version_is_the_same_api() {
    let usage = start();
    let first = usage.push_one(example()).await;
    // rows 19, 20: a version in the path
    for version in ["v1", "v2"] {
        let line = format!("POST /api/now/{version}/sam_software_usage_integration/createOrUpdate");
        let body = body_of(&example());
        let answer = usage.request(&line, JSON, body.as_bytes()).await;
        assert_eq!(answer.item()["sysId"], first["sysId"], "{version}");
    }
}

#[tokio::test]
async fn unknown_columns_come_back_and_are_counted() {
    // row 24
    let usage = start();
    let item = with(example(), &json!({"u_cost_center": "42", "u_x": null}));
    let told = usage.push_one(item).await;
    assert_eq!(told["u_cost_center"], "42");
    let metrics = usage.metrics.render(seatsync::metrics::Snapshot::default());
    let metrics = metrics.unwrap();
    assert!(
        metrics.contains("seatsync_usage_unknown_columns_total 2"),
        "{metrics}"
    );
}

#[tokio::test]
async fn zero_is_a_number() {
    // row 25
    let usage = start();
    let zero = json!({"usage_count": 0, "total_usage_time": 0});
    usage.push_one(with(example(), &zero)).await;
    let values = &usage.records().await[0].values;
    assert_eq!(
        (values.usage_count, values.total_usage_time),
        (Some(0), Some(0))
    );
}

#[tokio::test]
async fn absent_columns_stay_and_empty_ones_are_cleared() {
    let usage = start();
    usage.push_one(example()).await;
    // row 27
    let columns = ["usage_count", "total_usage_time", "norm_publisher"];
    let bare = without(example(), &columns);
    usage.push_one(bare.clone()).await;
    let kept = &usage.records().await[0].values;
    assert_eq!(
        (kept.usage_count, kept.norm_publisher.is_some()),
        (Some(13), true)
    );
    // row 26
    let empty = json!({"usage_count": null, "norm_publisher": ""});
    usage.push_one(with(bare, &empty)).await;
    let kept = &usage.records().await[0].values;
    assert_eq!(
        (kept.usage_count, kept.norm_publisher, kept.total_usage_time),
        (None, None, Some(13))
    );
}

#[tokio::test]
async fn our_members_replace_the_clients() {
    // row 28
    let usage = start();
    let theirs = json!({"sysId": "mine", "status": "x", "errors": [1]});
    let item = usage.push_one(with(example(), &theirs)).await;
    assert_eq!(item["status"], "INSERT");
    assert_ne!(item["sysId"], "mine");
    assert_eq!(item.get("errors"), None);
}

#[tokio::test]
async fn thousands_of_items_come_back_in_order() {
    // row 29
    let usage = start();
    for count in [1_000, 10_000] {
        let batch: Vec<Value> = (0..count)
            .map(|number| {
                let product = format!("{:032x}", count * 100_000 + number * 7919 % 10_007);
                with(example(), &json!({"norm_product": product}))
            })
            .collect();
        let items = usage.push(json!(batch)).await.items();
        assert_eq!(items.len(), batch.len());
        for (sent, told) in batch.iter().zip(&items) {
            assert_eq!(told["norm_product"], sent["norm_product"]);
            assert_eq!(told["status"], "INSERT");
        }
    }
    assert_eq!(usage.store.count().await.unwrap(), 11_000);
}

#[tokio::test]
async fn two_clients_insert_one_record_once() {
    // row 30
    let usage = start();
    let (one, two) = tokio::join!(usage.push_one(example()), usage.push_one(example()));
    assert_eq!(one["sysId"], two["sysId"]);
    let both = BTreeSet::from([one["status"].as_str(), two["status"].as_str()]);
    assert_eq!(both, BTreeSet::from([Some("INSERT"), Some("UPDATE")]));
}

#[tokio::test]
async fn a_lost_answer_never_makes_a_second_record() {
    // row 32
    let usage = start();
    for count in 0..20 {
        let item = with(example(), &json!({"usage_count": count}));
        let mut stream = usage.connect().await;
        stream
            .write_all(whole(&body_of(&item)).as_bytes())
            .await
            .unwrap();
        drop(stream);
        usage.push_one(item).await;
    }
    assert_eq!(usage.store.count().await.unwrap(), 1);
}
