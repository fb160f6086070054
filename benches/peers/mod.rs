//! Programs of others that do the same work. What they need comes from their registries, at the
//! versions beside their source.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of a peer's source.
pub(crate) fn source(peer: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("benches/peers")
        .join(peer)
}

/// Installs what a peer needs into a folder of its name below `cache`. The reason, where that is not
/// possible.
pub(crate) fn install(peer: &str, cache: &Path) -> Result<(), String> {
    let target = cache.join(peer);
    let told = |error: std::io::Error| error.to_string();
    fs::create_dir_all(&target).map_err(told)?;
    let is_node = source(peer).join("package.json").exists();
    let list = if is_node {
        "package.json"
    } else {
        "requirements.txt"
    };
    fs::copy(source(peer).join(list), target.join(list)).map_err(told)?;
    let steps: &[(&str, &[&str])] = if is_node {
        &[("npm", &["install", "--no-audit", "--no-fund"])]
    } else {
        &[
            ("python3", &["-m", "venv", "."]),
            ("bin/pip", &["install", "-q", "-r", "requirements.txt"]),
        ]
    };
    for (program, arguments) in steps {
        let program = if program.contains('/') {
            target.join(program)
        } else {
            PathBuf::from(program)
        };
        let output = Command::new(&program)
            .args(*arguments)
            .current_dir(&target)
            .output()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            let last = text.lines().last().unwrap_or_default();
            return Err(format!("{}: {last}", program.display()));
        }
    }
    Ok(())
}
