//! Any bytes as the body of a createOrUpdate request: read or refused, never a panic. What is echoed is JSON and
//! says what was sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seatsync::usage::{Batch, Rules};
use serde::de::IgnoredAny;

fuzz_target!(|body: &[u8]| {
    let Ok(batch) = Batch::parse(body, &Rules::default()) else {
        return;
    };
    let mut accepted = Vec::new();
    for entry in &batch.entries {
        let echo = format!("{{{}}}", entry.members());
        serde_json::from_str::<IgnoredAny>(&echo).expect("the echo of an item is JSON");
        if entry.is_accepted() {
            accepted.push(echo);
        }
    }
    let again = format!("{{\"items\":[{}]}}", accepted.join(","));
    let again =
        Batch::parse(again.as_bytes(), &Rules::default()).expect("what was accepted is a body");
    assert_eq!(again.items, batch.items);
});
