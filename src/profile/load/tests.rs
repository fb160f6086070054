use std::fs;

use proptest::prelude::*;

use super::*;
use crate::profile::link::link;
use crate::profile::model::{Document, ExclusionTarget, Grant, UserPattern};

/// The documents of the documentation, every kind once or more.
pub(crate) const EVERY_KIND: &str = include_str!("every_kind.yaml");

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load_now(folder: &tempfile::TempDir) -> Loaded {
    load(
        folder.path(),
        &Settings::default(),
        &mut LoadCache::default(),
        false,
    )
}

fn told(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn every_kind_loads_and_links() {
    let folder = folder(&[("all.yaml", EVERY_KIND), ("hr.csv", "mail,dept\na@b,x\n")]);
    let loaded = load_now(&folder);
    assert_eq!(told(&loaded.diagnostics), [""; 0]);
    assert!(loaded.broken.is_empty());
    let kinds: BTreeSet<_> = loaded.documents.iter().map(|one| one.id.kind).collect();
    assert_eq!(kinds.len(), 8);
    let (set, diagnostics) = link(&loaded.documents, &Settings::default());
    assert_eq!(told(&diagnostics), [""; 0]);
    assert_eq!(set.failed.len(), 0);
    let name = "zoom-emea".parse().unwrap();
    let profile = &set.profiles[&name];
    assert_eq!(profile.connection.grant, Grant::AccountCredentials);
    assert_eq!(profile.connection.token_url, "https://zoom.us/oauth/token");
    assert_eq!(profile.protected.len(), 3);
    let users = profile
        .exclusions
        .iter()
        .filter_map(|one| match &one.target {
            ExclusionTarget::Users(UserPattern::User(user)) => Some((user.as_str(), &one.origin)),
            _ => None,
        });
    let users: Vec<_> = users.collect();
    assert_eq!(users[0].0, "rooms@example.com");
    assert_eq!(users[1].1, "Exclusions company");
    for (id, document) in &set.documents {
        let json = serde_json::to_string(document).unwrap();
        let back: Document = serde_json::from_str(&json).unwrap();
        assert_eq!(&back, document, "{id:?} does not survive being recorded");
    }
}

#[test]
fn one_bad_document_does_not_hide_the_others() {
    let folder = folder(&[(
        "a.yaml",
        "kind: Exclusions\nname: one\n---\nkind: Exclusions\nname: [\n---\nkind: Exclusions\nname: three\nuser: []\n---\nkind: Exclusions\nname: four\n",
    )]);
    let loaded = load_now(&folder);
    let names: Vec<_> = loaded
        .documents
        .iter()
        .map(|one| one.id.name.as_str())
        .collect();
    assert_eq!(names, ["four", "one"]);
    let broken: Vec<_> = loaded
        .broken
        .documents
        .iter()
        .map(|id| id.name.as_str())
        .collect();
    assert_eq!(broken, ["three"]);
    assert_eq!(loaded.broken.files.len(), 1);
    assert_eq!(loaded.diagnostics.len(), 2);
}

#[test]
fn two_of_one_name_are_both_left_out() {
    let folder = folder(&[
        ("a.yaml", "kind: Exclusions\nname: one\n"),
        (
            "b/c.yml",
            "kind: Exclusions\nname: one\n---\nkind: Connection\nname: one\nvendor: zoom\n",
        ),
    ]);
    let loaded = load_now(&folder);
    assert_eq!(loaded.documents.len(), 1);
    assert_eq!(loaded.broken.documents.len(), 1);
    let found = &loaded.diagnostics[0];
    assert_eq!(found.code, "profile::duplicate_name");
    assert!(found.file.ends_with("b/c.yml"));
    assert!(found.related.as_ref().unwrap().file.ends_with("a.yaml"));
}

#[test]
fn the_revision_follows_paths_and_content_and_unchanged_files_are_not_read_again() {
    let folder = folder(&[
        ("a.yaml", "kind: Exclusions\nname: one\n"),
        ("b.yaml", "kind: Exclusions\nname: two\n"),
    ]);
    let mut cache = LoadCache::default();
    let settings = Settings::default();
    let first = load(folder.path(), &settings, &mut cache, false);
    let again = load(folder.path(), &settings, &mut cache, false);
    assert_eq!(first.revision, again.revision);
    assert!(Arc::ptr_eq(
        &first.documents[0].document,
        &again.documents[0].document
    ));
    let full = load(folder.path(), &settings, &mut cache, true);
    assert_eq!(first.revision, full.revision);
    assert!(!Arc::ptr_eq(
        &first.documents[0].document,
        &full.documents[0].document
    ));
    fs::rename(folder.path().join("b.yaml"), folder.path().join("c.yaml")).unwrap();
    let moved = load(folder.path(), &settings, &mut cache, false);
    assert_ne!(first.revision, moved.revision);
    assert_eq!(moved.documents.len(), 2);
    fs::write(
        folder.path().join("a.yaml"),
        "kind: Exclusions\nname: other\n",
    )
    .unwrap();
    let changed = load(folder.path(), &settings, &mut cache, false);
    assert_ne!(moved.revision, changed.revision);
    assert_eq!(changed.documents[0].id.name.as_str(), "other");
}

#[test]
fn an_empty_or_missing_folder_is_told() {
    let empty = folder(&[]);
    let loaded = load_now(&empty);
    assert_eq!(loaded.diagnostics[0].code, "files::empty");
    assert!(loaded.broken.is_empty());
    let mut settings = Settings::default();
    settings.profiles.allow_empty = true;
    let mut cache = LoadCache::default();
    let meant = load(empty.path(), &settings, &mut cache, false);
    assert_eq!(told(&meant.diagnostics), [""; 0]);
    let missing = load(&empty.path().join("x"), &settings, &mut cache, false);
    assert_eq!(missing.diagnostics[0].code, "files::unreadable");
    assert!(!missing.broken.is_empty());
}

#[test]
fn a_directory_without_its_file_or_columns_does_not_load() {
    let directory = "kind: UserDirectory\nname: hr\nfile: hr.csv\ncolumns: {email: mail}\n";
    let lacks_file = folder(&[("a.yaml", directory)]);
    let loaded = load_now(&lacks_file);
    assert_eq!(loaded.diagnostics[0].code, "profile::directory_file");
    assert_eq!(loaded.broken.documents.len(), 1);
    let lacks_column = folder(&[
        ("a.yaml", directory),
        ("hr.csv", "\u{feff}\"e-mail\",dept\r\n"),
    ]);
    let loaded = load_now(&lacks_column);
    assert_eq!(loaded.diagnostics[0].code, "profile::directory_column");
    let whole = folder(&[("a.yaml", directory), ("hr.csv", "mail\nada@example.com\n")]);
    let mut cache = LoadCache::default();
    let settings = Settings::default();
    let before = load(whole.path(), &settings, &mut cache, false);
    fs::write(whole.path().join("hr.csv"), "mail\nnew@example.com\n").unwrap();
    let after = load(whole.path(), &settings, &mut cache, false);
    assert_ne!(before.revision, after.revision);
}

#[test]
fn a_last_day_that_is_past_is_a_warning() {
    let folder = folder(&[(
        "a.yaml",
        "kind: Exclusions\nname: one\nusers: [{user: a@b.c, reason: x, expires: 2027-03-31}]\n",
    )]);
    let loaded = load_now(&folder);
    let last = jiff::civil::date(2027, 3, 31);
    assert!(expired(&loaded.documents, last).is_empty());
    let found = expired(&loaded.documents, last.tomorrow().unwrap());
    assert_eq!(found.len(), 1);
    assert!(!found[0].is_error());
}

proptest! {
    /// A document cut off, or with any bytes put in somewhere, is loaded or explained.
    #[test]
    fn no_content_upsets_it(cut in 0usize..4000, at in 0usize..4000, noise in any::<Vec<u8>>()) {
        let mut bytes = EVERY_KIND.as_bytes().to_vec();
        bytes.truncate(cut.max(1));
        let at = at.min(bytes.len());
        bytes.splice(at..at, noise);
        let shown: Arc<Path> = Path::new("a.yaml").into();
        let parsed = file::parse(&shown, bytes);
        for found in &parsed.diagnostics {
            prop_assert!(!found.message.is_empty());
        }
    }
}
