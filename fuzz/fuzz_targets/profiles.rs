//! Any bytes as a file of the profiles folder: loaded and linked, or explained, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seatsync::profile::link::link_beside;
use seatsync::profile::load::{LoadCache, load};
use seatsync::settings::Settings;
use seatsync::yaml::excerpt;
use seatsync::yaml::render::{self, Looked};

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
    // Whatever was found has to be linked and shown, too.
    let broken = &loaded.broken.documents;
    let (_, unlinked) = link_beside(&loaded.documents, broken, &Settings::default());
    let mut found = loaded.diagnostics;
    found.extend(unlinked);
    excerpt::fill(&mut found);
    render::text(&found, Looked::default());
    render::json(&found, Looked::default());
    render::github(&found);
    render::sarif(&found);
});
