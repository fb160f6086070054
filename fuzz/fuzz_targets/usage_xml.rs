//! Any bytes as a body in XML: refused, or the JSON of a body. No input makes much more of itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seatsync::usage::{BodyError, Document, Rules};

fuzz_target!(|body: &[u8]| {
    let Ok(document) = Document::xml(body) else {
        return;
    };
    assert!(document.held_bytes() <= 2 * body.len() + 16);
    let batch = document.batch(&Rules::default());
    assert!(
        matches!(batch, Ok(_) | Err(BodyError::TooManyItems)),
        "{batch:?}"
    );
});
