//! Programs of the machine that a test may find or not.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether the machine has a program; says so where the test has to be skipped.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("SKIP: {program} is not installed");
    }
    found
}

/// The Python that has the clients of `tests/clients/requirements.txt`, which come from their
/// registry the first time; says so where the test has to be skipped.
pub(crate) fn python_with_clients() -> Option<PathBuf> {
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    if !has("python3") {
        return None;
    }
    let installed = INSTALLED.get_or_init(|| {
        let folder = repository("target/clients-venv");
        let output = Command::new("python3")
            .arg(repository("tests/clients/install.py"))
            .arg(&folder)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr);
        let reason = said.trim().lines().next_back().unwrap_or("no reason");
        let made = output.status.success();
        let python = || folder.join("bin").join("python");
        made.then(python).ok_or_else(|| reason.to_owned())
    });
    installed
        .as_ref()
        .inspect_err(|reason| eprintln!("SKIP: no Python clients: {reason}"))
        .ok()
        .cloned()
}

/// What a program that must succeed prints.
pub(crate) fn printed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?} ended with {:?}:\n{}",
        output.status.code(),
        both(&output)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Everything that a process printed.
pub(crate) fn both(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{out}{err}")
}
