//! Any bytes as a body in the vendor's single-quoted notation: what is accepted is one in JSON too, and what is
//! refused is told at a place in the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seatsync::usage::{Batch, BodyError, Document, Rules};

fuzz_target!(|bytes: &[u8]| {
    let body = if bytes.starts_with(b"{") {
        bytes.to_vec()
    } else {
        [b"{'items':[{'", bytes].concat()
    };
    let read = Document::json(body.clone());
    let read = read.as_ref().map_err(Clone::clone);
    let batch = match read.and_then(|document| document.batch(&Rules::default())) {
        Ok(batch) => batch,
        Err(BodyError::Syntax { line, column, .. }) => {
            // A byte order mark is not counted, and an end may be told one behind it.
            let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
            let told = lines.get(line - 1).expect("a line of the body");
            assert!(column <= told.len() + 1, "column {column} of {line}");
            return;
        }
        Err(_) => return,
    };
    let items: Vec<String> = batch
        .entries
        .iter()
        .filter(|entry| entry.is_accepted())
        .map(|entry| format!("{{{}}}", entry.members()))
        .collect();
    let again = format!("{{\"items\":[{}]}}", items.join(","));
    let again =
        Batch::parse(again.as_bytes(), &Rules::default()).expect("what was accepted is JSON");
    assert_eq!(again.items, batch.items);
});
