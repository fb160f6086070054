//! `seatsync new`: what it writes is right as it stands, and with every option switched on.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::support::{SEATSYNC, text};

/// What there are samples of.
const TYPES: [&str; 9] = [
    "zoom",
    "zoom_workplace",
    "goto",
    "aha",
    "exclusions",
    "reclamation_rule",
    "software_model",
    "entitlement",
    "user_directory",
];

/// The file that the sample of a user directory names.
const PEOPLE: &str = "mail,login,vendor_id,number,name,dept,cc,company,country,manager,aliases,active,class
ada@example.com,ada,u1,7,Ada,Sales,4711,Example Ltd,DE,boss@example.com,a@example.com;b@example.com,yes,human
";

/// One command line, run in `folder`.
fn seatsync(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(SEATSYNC)
        .current_dir(folder)
        .args(arguments)
        .env_remove("SEATSYNC_CONFIG")
        .output()
        .unwrap()
}

/// Takes the `#` away from each line on which no blank follows it.
fn with_every_option(sample: &str) -> String {
    let line = |line: &str| {
        let indented = line.len() - line.trim_start().len();
        let (blanks, rest) = line.split_at(indented);
        match rest.strip_prefix('#') {
            Some(option) if !option.is_empty() && !option.starts_with(' ') => {
                format!("{blanks}{option}\n")
            }
            _ => format!("{line}\n"),
        }
    };
    sample.lines().map(line).collect()
}

fn assert_passes(folder: &Path, what: &str) {
    let checked = seatsync(folder, &["check", "."]);
    let said = text(&checked.stdout);
    assert!(checked.status.success(), "{what}: {said}");
    assert!(said.contains("nothing is wrong"), "{what}: {said}");
}

#[test]
fn a_new_document_passes_the_check_as_it_stands_and_with_every_option() {
    for sample in TYPES {
        let folder = tempfile::tempdir().unwrap();
        let printed = text(&seatsync(folder.path(), &["new", sample]).stdout);
        let file = folder.path().join("new.yaml");
        fs::write(&file, &printed).unwrap();
        fs::write(folder.path().join("people.csv"), PEOPLE).unwrap();
        assert_passes(folder.path(), sample);

        let everything = with_every_option(&printed);
        assert_ne!(everything, printed, "{sample} has options");
        fs::write(&file, everything).unwrap();
        if sample == "reclamation_rule" {
            // It names a profile.
            let profile = seatsync(folder.path(), &["new", "zoom"]).stdout;
            fs::write(folder.path().join("zoom.yaml"), profile).unwrap();
        }
        assert_passes(folder.path(), &format!("{sample}, every option"));
    }
}

#[test]
fn a_new_profile_is_a_draft_under_the_name_that_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let written = seatsync(
        folder.path(),
        &["new", "zoom", "--name", "zoom-emea", "--out", "emea.yaml"],
    );
    assert!(written.status.success(), "{}", text(&written.stderr));
    assert!(text(&written.stdout).contains("seatsync check emea.yaml"));
    let file = fs::read_to_string(folder.path().join("emea.yaml")).unwrap();
    for line in [
        "name: zoom-emea ",
        "connection: zoom-emea\n",
        "state: draft\n",
        "client_secret: {credential: zoom-emea-secret}\n",
    ] {
        assert!(file.contains(line), "`{line}` is not in:\n{file}");
    }
    assert_passes(folder.path(), "emea.yaml");
}

#[test]
fn a_file_that_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("aha.yaml");
    fs::write(&file, "# ours\n").unwrap();
    let refused = seatsync(folder.path(), &["new", "aha", "--out", "aha.yaml"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("`aha.yaml` is already there"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "# ours\n");

    let unknown = seatsync(folder.path(), &["new", "slack"]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = text(&unknown.stderr);
    assert!(said.contains("zoom_workplace"), "{said}");
}
