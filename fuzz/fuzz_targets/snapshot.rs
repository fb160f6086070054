//! Any bytes as a snapshot: what is read is written again the same, and what is cut or changed is never taken for whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seatsync::snapshot::SnapshotError;
use seatsync::snapshot::format::{Header, Reader, Writer};
use seatsync::store::snapshot::SnapshotRow;

fn read(bytes: &[u8]) -> Result<(Header, Vec<SnapshotRow>), SnapshotError> {
    let (header, mut reader) = Reader::open(bytes)?;
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row()? {
        rows.push(row);
    }
    Ok((header, rows))
}

/// Rows for a header that is right, since a hash is never guessed.
fn written(header: &Header, lines: &[u8]) -> Option<Vec<u8>> {
    let whole = Writer::begin(Vec::new(), header).ok()?.end().ok()?;
    let first = whole.iter().position(|byte| *byte == b'\n')?;
    let mut text = whole.get(..=first)?.to_vec();
    text.extend_from_slice(lines);
    Some(text)
}

const HEADER: &str = r#"{"seatsync_snapshot":1,"program":"0","layout":LAYOUT,"made_at":"2026-03-02T09:00:00Z","settings":{"time_zone":"UTC","writes":true,"stopped":null,"guards":{"max_per_run":{"percent":5,"count":25},"max_per_day":100,"hold_above":{"percent":20,"min_count":20},"accept_listed_evidence":false},"allowed_hosts":[],"secret_directories":[],"allow_empty":false}}"#;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((header, rows)) = read(bytes) {
        let mut writer =
            Writer::begin(Vec::new(), &header).expect("a header that was read is written");
        for row in &rows {
            writer.row(row).expect("a row that was read is written");
        }
        let again = writer.end().expect("it is ended");
        assert_eq!(read(&again).expect("it is read again").1, rows);
    }
    let layout = seatsync::store::snapshot::layout().to_string();
    let header: Header =
        serde_json::from_str(&HEADER.replace("LAYOUT", &layout)).expect("a header");
    if let Some(text) = written(&header, bytes)
        && let Ok((_, rows)) = read(&text)
    {
        assert!(rows.is_empty(), "a hash was guessed");
    }
});
