//! What the documents and the packaged files say, held against the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use seatsync::profile::load::{LoadCache, load};
use seatsync::settings::{self, Settings};

#[test]
fn every_command_of_the_readme_is_one() {
    let commands = commands_in(&read("README.md"));
    assert!(commands.len() > 15, "found only {commands:?}");
    for command in commands {
        // What is to be filled in stands there in capitals.
        let arguments = command.split_whitespace().skip(1).map(str::to_lowercase);
        let answer = Command::new(env!("CARGO_BIN_EXE_seatsync"))
            .args(arguments)
            .arg("--help")
            .output()
            .unwrap();
        assert!(
            answer.status.success(),
            "the README has `{command}`: {}",
            String::from_utf8_lossy(&answer.stderr)
        );
    }
}

#[test]
fn the_profiles_of_the_readme_load() {
    let folder = tempfile::tempdir().unwrap();
    let text = read("README.md");
    let blocks = text.split("```yaml\n").skip(1);
    let mut count = 0;
    for (number, block) in blocks.enumerate() {
        let (block, _) = block.split_once("```").unwrap();
        let lines: Vec<&str> = block
            .lines()
            .map(|line| line.strip_prefix("   ").unwrap_or(line))
            .collect();
        let file = folder.path().join(format!("{number}.yaml"));
        fs::write(file, lines.join("\n")).unwrap();
        count += block.matches("kind: ").count();
    }
    let loaded = load(
        folder.path(),
        &Settings::default(),
        &mut LoadCache::default(),
        true,
    );
    assert!(loaded.diagnostics.is_empty(), "{:#?}", loaded.diagnostics);
    assert_eq!(loaded.documents.len(), count);
    assert!(count >= 7, "a profile of each vendor, and exclusions");
}

#[test]
fn the_page_for_contributors_names_places_that_are_there() {
    let text = read("docs/adding-a-vendor.md");
    let places: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| {
            ["src/", "tests/", "benches/"]
                .iter()
                .any(|top| code.starts_with(top))
        })
        .filter(|code| !code.contains("/acme/"))
        .collect();
    assert!(places.len() > 20, "{places:?}");
    for place in places {
        assert!(Path::new(place).exists(), "`{place}` is not there");
    }
}

#[test]
fn the_packaged_settings_show_the_defaults() {
    let file = Path::new("packaging/etc/seatsync/seatsync.yaml");
    let shipped = read("packaging/etc/seatsync/seatsync.yaml");
    assert_eq!(
        settings::check::read(file, shipped.clone().into_bytes()).unwrap(),
        Settings::default()
    );
    let written_out: Vec<&str> = shipped
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.starts_with("  ") || line.split(':').next().is_some_and(is_key))
        .collect();
    assert!(written_out.len() > 30, "{written_out:?}");
    assert_eq!(
        settings::check::read(file, written_out.join("\n").into_bytes()).unwrap(),
        Settings::default()
    );
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    for document in ["README.md", "packaging/README.md"] {
        let text = read(document);
        let folder = root().join(document);
        let folder = folder.parent().unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let local = !target.starts_with("https://") && !target.starts_with('#');
            assert!(
                !local || folder.join(target).exists(),
                "{document} links to `{target}`"
            );
        }
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let written = Command::new(env!("CARGO_BIN_EXE_seatsync"))
        .arg("man")
        .arg(&pages)
        .output()
        .unwrap();
    assert!(written.status.success());
    let names: BTreeSet<String> = files_below(&pages)
        .iter()
        .map(|page| page.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    for command in commands_in(&read("README.md")) {
        let words = command.split_whitespace();
        let verbs = words.take_while(|word| word.chars().all(|c| c.is_ascii_lowercase()));
        // What follows the command's own words is an argument.
        let mut name: Vec<&str> = verbs.collect();
        while name.len() > 1 && !names.contains(&format!("{}.1", name.join("-"))) {
            name.pop();
        }
        assert!(name.len() > 1, "`{command}` has no page: {names:?}");
    }
    let page = fs::read_to_string(pages.join("seatsync-backup.1")).unwrap();
    assert!(page.contains("mode 0600"), "{page}");
}

#[test]
fn every_packaged_file_is_explained() {
    let text = read("packaging/README.md");
    let packaging = root().join("packaging");
    for part in ["usr", "etc"] {
        for file in files_below(&packaging.join(part)) {
            let name = file.strip_prefix(&packaging).unwrap().display().to_string();
            assert!(
                text.contains(&format!("| `{name}` |")),
                "packaging/README.md says nothing of `{name}`"
            );
        }
    }
}

/// Every line of a block, and every inline code, that begins with the program's name.
fn commands_in(text: &str) -> BTreeSet<String> {
    let mut in_block = false;
    let mut commands = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            commands.insert(line);
        } else {
            commands.extend(line.split('`').skip(1).step_by(2));
        }
    }
    commands
        .into_iter()
        .filter(|command| command.starts_with("seatsync "))
        .map(str::to_owned)
        .collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap()
}
