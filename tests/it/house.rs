//! The house: a room of `src/` knows nothing above it.
//!
//! Rooms stand in layers, the lowest first. A room may use itself and every room of a lower layer;
//! never one beside it, never one above. So a fact can only travel upwards, a room can be read
//! without the ones above it, and a circle cannot form. What the layers say, in words:
//!
//! - `profile` is the project's vocabulary: it reads files into checked types, by the limits that the
//!   settings give, and knows nothing of the store, so that files are checked with no daemon.
//! - `connector` knows a vendor's wire and nothing of the store; `usage` knows the agents' records
//!   and nothing of how they are kept. `store` speaks the words of both.
//! - `reclamation` decides from facts that it is given, in the words of `connector`; `store` keeps its
//!   candidates, so it stands below the store and never asks it.
//! - `notice` words what people are told and sends it; `store` keeps the outbox, and `delivery`, above
//!   both, takes notices from there to the world and back.
//! - `reconcile` stands above `job`, because applying a profile set enqueues its first runs.
//! - `snapshot` stands above `reconcile`: it does with a copied store what the daemon does with its own.
//! - `cli` stands below `daemon`, which may use everything, with one exception: `cli/run.rs` and its
//!   module declaration start the daemon, as `main.rs` starts the command line.
//!
//! Unit tests inside a room may reach further; what they need much of belongs into this folder.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Every room, the lowest layer first.
const LAYERS: &[&[&str]] = &[
    &[
        "clock",
        "metrics",
        "telemetry",
        "systemd",
        "sandbox",
        "secret",
        "yaml",
    ],
    &["settings"],
    &["profile"],
    &["watch", "connector", "usage"],
    &["reclamation", "position", "doctor"],
    &["notice"],
    &["store"],
    &["subflow", "delivery"],
    &["schedule"],
    &["job"],
    &["reconcile"],
    &["snapshot"],
    &["api", "report"],
    &["cli"],
    &["daemon"],
];

/// (file, room): the uses of a higher room that are meant.
const UPWARDS: &[(&str, &str)] = &[("cli/run.rs", "daemon")];

/// (crate, rooms that may name it): each of these belongs behind one door.
const DOORS: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("serde_yaml", &["yaml", "settings", "profile"]),
    ("reqwest", &["connector", "notice", "telemetry"]),
    ("opentelemetry", &["telemetry"]),
    ("lettre", &["settings", "notice"]),
    ("minijinja", &["notice", "report"]),
    ("sd_notify", &["systemd"]),
    ("listenfd", &["systemd"]),
    ("landlock", &["sandbox"]),
    ("csv", &["profile", "report"]),
    ("parquet", &["report"]),
    ("plotters", &["report"]),
    ("anyhow", &["cli", "daemon"]),
    ("clap", &["cli"]),
];

#[test]
fn no_room_reaches_above_itself() {
    let mut broken = Vec::new();
    for source in sources() {
        for reference in source.rooms_used() {
            let allowed = UPWARDS.contains(&(source.path.as_str(), reference.room.as_str()));
            if !allowed && !may_use(source.room(), &reference.room) {
                broken.push(format!(
                    "src/{}:{}: `{}` uses `{}`, which is not below it",
                    source.path,
                    reference.line,
                    source.room(),
                    reference.room
                ));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "{}\nmove the fact down or pass it in as an argument; the layers are in tests/it/house.rs",
        broken.join("\n")
    );
}

#[test]
fn every_room_has_its_layer() {
    let declared: BTreeSet<String> = source("lib.rs")
        .code()
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    let layered: BTreeSet<String> = LAYERS
        .iter()
        .flat_map(|layer| layer.iter())
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        declared, layered,
        "src/lib.rs and the layers of this test differ"
    );
}

#[test]
fn a_library_stays_behind_its_door() {
    let mut broken = Vec::new();
    for source in sources() {
        for (name, rooms) in DOORS {
            if source.room() == "main" || rooms.contains(&source.room()) {
                continue;
            }
            if let Some(line) = source.line_naming(name) {
                broken.push(format!(
                    "src/{}:{line}: `{name}` belongs to {rooms:?}",
                    source.path
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn references_are_found_however_they_are_written() {
    let source = Source {
        path: "job/run.rs".to_owned(),
        text: "//! [`crate::cli`] in a comment\n\
               use crate::{clock::Clock, store::{self, Store}, daemon};\n\
               fn f() { let x = crate::api::X; super::super::cli::y(); super::claim(); }\n\
               #[cfg(test)]\nmod tests { use crate::main; }\n"
            .to_owned(),
    };
    let found: Vec<String> = source
        .rooms_used()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(found, ["2 clock", "2 store", "2 daemon", "3 api", "3 cli"]);
    assert!(!may_use("job", "daemon") && !may_use("usage", "connector") && may_use("job", "store"));
}

fn may_use(room: &str, other: &str) -> bool {
    room == other || room == "main" || layer(other) < layer(room)
}

/// The layer's number; a room without one is above all, so that using it is an error.
fn layer(room: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&room))
        .unwrap_or(LAYERS.len())
}

/// One file of `src/`.
struct Source {
    /// Relative to `src/`.
    path: String,
    text: String,
}

/// A mention of a room.
struct Reference {
    line: usize,
    room: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.line, self.room)
    }
}

impl Source {
    /// `job/run.rs` and `job.rs` are the room `job`.
    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The text up to the unit tests, comments blanked, line numbers kept.
    fn code(&self) -> String {
        let shipped = self
            .text
            .split("#[cfg(test)]\nmod ")
            .next()
            .unwrap_or_default();
        shipped
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Every room named by `crate::…` or by enough `super::`.
    fn rooms_used(&self) -> Vec<Reference> {
        let code = self.code();
        let to_root = "super::".repeat(self.depth());
        let mut found = Vec::new();
        for marker in ["crate::", to_root.as_str()] {
            for (at, _) in code.match_indices(marker).filter(|_| !marker.is_empty()) {
                if !starts_a_path(&code[..at]) {
                    continue;
                }
                let line = code[..at].matches('\n').count() + 1;
                let rooms = first_names(&code[at + marker.len()..]);
                found.extend(rooms.into_iter().map(|room| Reference { line, room }));
            }
        }
        found.retain(|reference| reference.room != "super" && reference.room != "self");
        found
    }

    /// How many `super::` lead from this file's module to the crate.
    fn depth(&self) -> usize {
        let folders = self.path.matches('/').count();
        folders
            + usize::from(
                !self.path.ends_with("mod.rs")
                    && !matches!(self.path.as_str(), "lib.rs" | "main.rs"),
            )
    }

    fn line_naming(&self, library: &str) -> Option<usize> {
        let path = format!("{library}::");
        let code = self.code();
        let at = code
            .match_indices(&path)
            .find(|(at, _)| starts_a_path(&code[..*at]))?
            .0;
        Some(code[..at].matches('\n').count() + 1)
    }
}

/// Whether what follows `before` is the start of a path and not its middle.
fn starts_a_path(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
}

/// `store::X` names `store`; `{clock::Clock, store::{self, Store}}` names `clock` and `store`.
fn first_names(after: &str) -> Vec<String> {
    let Some(group) = after.strip_prefix('{') else {
        return vec![leading_name(after)];
    };
    let mut depth = 0_usize;
    let mut names = Vec::new();
    let mut item = String::new();
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => names.push(std::mem::take(&mut item)),
            _ => {
                depth = depth + usize::from(c == '{') - usize::from(c == '}');
                item.push(c);
            }
        }
    }
    names.push(item);
    names
        .iter()
        .map(|item| leading_name(item.trim_start()))
        .filter(|name| !name.is_empty())
        .collect()
}

fn leading_name(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn source(path: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: fs::read_to_string(source_folder().join(path)).unwrap(),
    }
}

/// Every file of `src/`, sorted by path.
fn sources() -> Vec<Source> {
    let root = source_folder();
    let mut folders = vec![root.clone()];
    let mut paths = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                paths.insert(
                    path.strip_prefix(&root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                );
            }
        }
    }
    paths.iter().map(|path| source(path)).collect()
}
