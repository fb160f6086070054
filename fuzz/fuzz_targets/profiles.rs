//! Any bytes as a file of the profiles folder: loaded or explained, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seatsync::profile::load::{LoadCache, load};
use seatsync::settings::Settings;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    std::fs::write(folder.path().join("a.yaml"), bytes).expect("writing it");
    let loaded = load(
        folder.path(),
        &Settings::default(),
        &mut LoadCache::default(),
        true,
    );
    assert_eq!(loaded.files, 1);
});
