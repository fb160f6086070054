//! The example of profiles in git, with real git: what is merged comes into force, what does not check
//! never does, and reviewers see what a change would do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::support::programs::{both, has, printed, repository};
use super::support::{Host, SEATSYNC};

const CONNECTION: &str = "kind: Connection
name: zoom
vendor: zoom
oauth: {grant: account_credentials, account_id: acct, client_id: app, client_secret: {env: ZOOM_SECRET}}
";

fn draft(display_name: &str, more: &str) -> String {
    format!(
        "kind: Profile\nname: a\ntype: zoom\nconnection: zoom\ndisplay_name: {display_name}\n{more}---\n{CONNECTION}"
    )
}

/// A team's repository: a working copy, the shared one that it pushes to, and the host's state.
struct Team {
    folder: tempfile::TempDir,
}

impl Team {
    fn new() -> Self {
        let team = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(team.path("work/profiles.d")).unwrap();
        printed(
            team.git(".")
                .args(["init", "--quiet", "--bare", "shared.git"]),
        );
        printed(
            team.git("work")
                .args(["init", "--quiet", "--initial-branch=main"]),
        );
        team
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// git as nobody in particular, with no configuration of this machine.
    fn git(&self, folder: &str) -> Command {
        let mut git = Command::new("git");
        git.current_dir(self.path(folder))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("SEATSYNC", SEATSYNC);
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "Ada")
                .env(format!("GIT_{role}_EMAIL"), "ada@example.com");
        }
        git
    }

    /// Commits a profile and pushes it; the commit.
    fn push(&self, profile: &str) -> String {
        fs::write(self.path("work/profiles.d/a.yaml"), profile).unwrap();
        printed(self.git("work").args(["add", "--all"]));
        printed(self.git("work").args(["commit", "--quiet", "-m", "change"]));
        printed(
            self.git("work")
                .args(["push", "--quiet", "../shared.git", "main"]),
        );
        let commit = printed(self.git("work").args(["rev-parse", "HEAD"]));
        commit.trim().to_owned()
    }

    fn publish(&self, runtime: &Path) -> Output {
        Command::new(repository("examples/gitops/publish.sh"))
            .arg(self.path("shared.git"))
            .env("SEATSYNC", SEATSYNC)
            .env("SEATSYNC_GIT_STATE", self.path("state"))
            .env("SEATSYNC_RUNTIME", runtime)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap()
    }

    fn in_force(&self) -> String {
        let link = fs::read_link(self.path("state/current")).unwrap();
        link.file_name().unwrap().to_string_lossy().into_owned()
    }
}

#[test]
fn what_is_merged_comes_into_force_and_what_does_not_check_never_does() {
    if !has("git") {
        return;
    }
    let team = Team::new();
    let mut host = Host::new();
    let runtime = host.path("run");
    let first = team.push(&draft("first", ""));
    let published = team.publish(&runtime);
    assert!(published.status.success(), "{}", both(&published));
    assert_eq!(team.in_force(), first);

    fs::remove_dir(host.path("profiles.d")).unwrap();
    symlink(
        team.path("state/current/profiles.d"),
        host.path("profiles.d"),
    )
    .unwrap();
    host.start();
    host.until(&["status", "a"], |profile| {
        profile["display_name"] == "first"
    });
    let status = host.json(&["status"]);
    assert_eq!(
        status["folder"]["applied"]["label"],
        first[..12],
        "{status:#}"
    );

    team.push(&draft("second", "subflow: {}\n"));
    let refused = team.publish(&runtime);
    assert_eq!(refused.status.code(), Some(1));
    let said = both(&refused);
    assert!(
        said.contains("`subflow`") && said.contains("what is in force stays"),
        "{said}"
    );
    assert_eq!(team.in_force(), first);

    let mut last = String::new();
    for name in ["third", "fourth", "fifth", "sixth"] {
        last = team.push(&draft(name, ""));
        let published = team.publish(&runtime);
        assert!(published.status.success(), "{}", both(&published));
        // The daemon was asked, and answered before the script ended.
        assert_eq!(host.json(&["status", "a"])["display_name"], name);
    }
    assert_eq!(team.in_force(), last);
    let commits = fs::read_dir(team.path("state/commits")).unwrap().count();
    assert_eq!(commits, 3, "older commits go");
    let again = team.publish(&runtime);
    assert!(both(&again).contains("is in force"), "{}", both(&again));

    printed(
        team.git(".")
            .args(["--git-dir", "shared.git", "branch", "-D", "main"]),
    );
    assert_eq!(team.publish(&runtime).status.code(), Some(1));
    assert_eq!(team.in_force(), last);
}

#[test]
fn a_commit_that_was_cut_short_is_published_again() {
    if !has("git") {
        return;
    }
    let team = Team::new();
    let nowhere = team.path("nowhere");
    let commit = team.push(&draft("first", ""));
    fs::create_dir_all(team.path("state/commits").join(&commit).join("profiles.d")).unwrap();
    let published = team.publish(&nowhere);
    assert!(published.status.success(), "{}", both(&published));
    let file = team.path("state/current/profiles.d/a.yaml");
    assert_eq!(fs::read_to_string(file).unwrap(), draft("first", ""));
}

#[test]
fn the_hook_looks_at_what_is_committed() {
    if !has("git") {
        return;
    }
    let team = Team::new();
    let hooks = repository("examples/gitops/hooks");
    let hooks = format!("core.hooksPath={}", hooks.display());
    let file = team.path("work/profiles.d/a.yaml");
    let commit = || {
        let mut git = team.git("work");
        git.args(["-c", &hooks, "commit", "--quiet", "-m", "change"]);
        git.output().unwrap()
    };
    fs::write(&file, draft("first", "subflow: {}\n")).unwrap();
    printed(team.git("work").args(["add", "--all"]));
    fs::write(&file, draft("first", "")).unwrap();
    let refused = commit();
    assert_eq!(refused.status.code(), Some(1));
    let said = both(&refused);
    assert!(said.contains("profiles.d/a.yaml:6:1"), "{said}");
    printed(team.git("work").args(["add", "--all"]));
    let taken = commit();
    assert!(taken.status.success(), "{}", both(&taken));
}

#[test]
fn reviewers_see_findings_and_what_a_change_loosens() {
    let team = Team::new();
    let (base, head) = (team.path("base"), team.path("head"));
    fs::create_dir(&base).unwrap();
    fs::create_dir(&head).unwrap();
    let protected = "protected: [{user: ada@example.com, reason: signs contracts}]\n";
    fs::write(base.join("a.yaml"), draft("a", protected)).unwrap();
    let review = || {
        Command::new(repository("examples/gitops/ci/review.sh"))
            .args([&base, &head])
            .env("SEATSYNC", SEATSYNC)
            .output()
            .unwrap()
    };
    fs::write(head.join("a.yaml"), draft("a", "")).unwrap();
    let told = review();
    let text = both(&told);
    assert!(told.status.success(), "{text}");
    assert!(
        text.contains("### Check") && text.contains("nothing is wrong"),
        "{text}"
    );
    assert!(
        text.contains("ada@example.com") && text.contains("protected no more"),
        "{text}"
    );

    fs::write(head.join("a.yaml"), draft("a", "subflow: {}\n")).unwrap();
    let told = review();
    assert_eq!(told.status.code(), Some(1));
    assert!(both(&told).contains("`subflow`"), "{}", both(&told));
}

#[test]
fn the_examples_files_check_and_its_workflow_names_commands_that_exist() {
    let checked = Command::new(SEATSYNC)
        .arg("check")
        .arg(repository("examples/gitops/profiles.d"))
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", both(&checked));
    for file in [".github/workflows/profiles.yaml", ".pre-commit-config.yaml"] {
        let text = fs::read_to_string(repository("examples/gitops").join(file)).unwrap();
        let commands: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split_once(": seatsync ").map(|(_, command)| command))
            .collect();
        assert!(!commands.is_empty(), "{file}");
        for command in commands {
            let asked = Command::new(SEATSYNC)
                .args(command.split_whitespace())
                .arg("--help")
                .output()
                .unwrap();
            assert!(asked.status.success(), "{file}: `{command}`");
        }
    }
}

#[test]
fn the_commit_that_is_told_is_of_files_in_capitals_too() {
    if !has("git") {
        return;
    }
    let team = Team::new();
    let file = team.path("work/profiles.d/a.YAML");
    fs::write(&file, draft("first", "")).unwrap();
    printed(team.git("work").args(["add", "--all"]));
    printed(
        team.git("work")
            .args(["commit", "--quiet", "--message", "first"]),
    );
    let commit = printed(team.git("work").args(["rev-parse", "HEAD"]));
    let mut host = Host::new();
    fs::remove_dir(host.path("profiles.d")).unwrap();
    symlink(team.path("work/profiles.d"), host.path("profiles.d")).unwrap();
    host.start();
    let label = |wanted: &str| {
        host.until(&["status"], |status| {
            status["folder"]["applied"]["label"] == wanted
        });
    };
    label(&commit[..12]);
    fs::write(&file, draft("second", "")).unwrap();
    label(&format!("{}+", &commit[..12]));
    fs::remove_file(&file).unwrap();
    fs::write(team.path("work/profiles.d/b.yaml"), draft("first", "")).unwrap();
    printed(
        team.git("work")
            .args(["add", "b.yaml"])
            .current_dir(team.path("work/profiles.d")),
    );
    printed(
        team.git("work")
            .args(["commit", "--quiet", "--message", "second"]),
    );
    let commit = printed(team.git("work").args(["rev-parse", "HEAD"]));
    // One that is tracked is missing.
    label(&format!("{}+", &commit[..12]));
}
