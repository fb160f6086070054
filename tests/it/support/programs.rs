//! Programs of the machine that a test may find or not.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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
