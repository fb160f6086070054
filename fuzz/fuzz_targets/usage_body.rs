//! Any bytes as the body of a createOrUpdate request: read or refused, never a panic; and what is echoed is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seatsync::usage::{Batch, Rules};
use serde::de::IgnoredAny;

fuzz_target!(|body: &[u8]| {
    let Ok(batch) = Batch::parse(body, &Rules::default()) else {
        return;
    };
    for entry in batch.entries {
        let echo = format!("{{{}}}", entry.members());
        serde_json::from_str::<IgnoredAny>(&echo).expect("the echo of an item");
        let again = format!("{{\"items\":[{echo}]}}");
        let again = Batch::parse(again.as_bytes(), &Rules::default())
            .expect("an item that was read before");
        if let Ok(item) = &entry.verdict {
            assert_eq!(again.entries[0].verdict.as_ref(), Ok(item));
        }
    }
});
