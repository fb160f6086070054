//! The commit beside the files, as a label for people. Read from `.git` as a folder, a worktree's
//! file or packed refs; git itself is never run.
//!
//! Whether the files differ from the commit is told by the index: every tracked file under the
//! folder is as the index recorded it (by size and time, and else by its blob's hash), and no
//! other file is read. A change that is staged and not committed is therefore not seen; this is a
//! label, and the revision is made of the files' own bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ring::digest;

use super::walk::{Found, is_yaml};

/// `abc123`, or `abc123+` when the files differ from the commit; `None` outside a checkout.
pub(super) fn label(dir: &Path, files: &[Found]) -> Option<String> {
    let real = fs::canonicalize(dir).ok()?;
    let (worktree, git) = real
        .ancestors()
        .find_map(|folder| Some((folder, git_folder(&folder.join(".git"))?)))?;
    let commit = head(&git)?;
    let short = commit.get(..12).unwrap_or(&commit);
    let inside = real.strip_prefix(worktree).ok()?;
    let differs = if unchanged(&git, inside, files).unwrap_or(false) {
        ""
    } else {
        "+"
    };
    Some(format!("{short}{differs}"))
}

/// The folder that `.git` is, or that its `gitdir:` line names.
fn git_folder(dot_git: &Path) -> Option<PathBuf> {
    if dot_git.is_dir() {
        return dot_git.join("HEAD").exists().then(|| dot_git.to_owned());
    }
    let text = fs::read_to_string(dot_git).ok()?;
    let named = text.strip_prefix("gitdir:")?.trim();
    let folder = dot_git.parent()?.join(named);
    folder.join("HEAD").exists().then_some(folder)
}

/// The commit that `HEAD` leads to.
fn head(git: &Path) -> Option<String> {
    let common = match fs::read_to_string(git.join("commondir")) {
        Ok(named) => git.join(named.trim()),
        Err(_) => git.to_owned(),
    };
    let mut text = fs::read_to_string(git.join("HEAD")).ok()?;
    for _ in 0..5 {
        let Some(name) = text.trim().strip_prefix("ref:").map(str::trim) else {
            break;
        };
        if Path::new(name).is_absolute() || name.contains("..") {
            return None;
        }
        text = fs::read_to_string(git.join(name))
            .or_else(|_| fs::read_to_string(common.join(name)))
            .ok()
            .or_else(|| packed(&common, name))?;
    }
    let commit = text.trim();
    let is_hash = commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| commit.to_owned())
}

fn packed(common: &Path, name: &str) -> Option<String> {
    let refs = fs::read_to_string(common.join("packed-refs")).ok()?;
    refs.lines().find_map(|line| {
        let (commit, packed) = line.split_once(' ')?;
        (packed == name).then(|| commit.to_owned())
    })
}

/// What the index recorded of a file.
struct Recorded {
    modified: i128,
    size: u64,
    blob: [u8; 20],
}

/// Whether `files` are what the index recorded under `inside`; `None` when it cannot be read.
fn unchanged(git: &Path, inside: &Path, files: &[Found]) -> Option<bool> {
    let index = index(&fs::read(git.join("index")).ok()?)?;
    let mut tracked: BTreeMap<&Path, &Recorded> = index
        .iter()
        .filter_map(|(path, recorded)| {
            let relative = Path::new(path).strip_prefix(inside).ok()?;
            is_read(relative).then_some((relative, recorded))
        })
        .collect();
    let same = files.iter().all(|found| {
        tracked
            .remove(found.relative.as_path())
            .is_some_and(|recorded| is_same(found, recorded))
    });
    Some(same && tracked.is_empty())
}

/// Whether a file of this name would be read.
fn is_read(relative: &Path) -> bool {
    let hidden = relative
        .components()
        .any(|part| part.as_os_str().to_string_lossy().starts_with('.'));
    !hidden && is_yaml(relative)
}

fn is_same(found: &Found, recorded: &Recorded) -> bool {
    if found.stamp.size == recorded.size && found.stamp.modified == recorded.modified {
        return true;
    }
    let Ok(bytes) = fs::read(&found.real) else {
        return false;
    };
    let mut blob = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    blob.update(format!("blob {}\0", bytes.len()).as_bytes());
    blob.update(&bytes);
    blob.finish().as_ref() == recorded.blob
}

/// The entries of an index file, by git's "index format" of versions 2 to 4 with SHA-1.
fn index(bytes: &[u8]) -> Option<Vec<(String, Recorded)>> {
    let number = |at: usize| -> Option<u32> {
        let bytes = bytes.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    if bytes.get(..4)? != b"DIRC" {
        return None;
    }
    let version = number(4)?;
    if !(2..=4).contains(&version) {
        return None;
    }
    let count = number(8)?;
    let mut entries = Vec::new();
    let mut at = 12;
    let mut previous = Vec::new();
    for _ in 0..count {
        let start = at;
        let modified = i128::from(number(at + 8)?) * 1_000_000_000 + i128::from(number(at + 12)?);
        let size = u64::from(number(at + 36)?);
        let blob: [u8; 20] = bytes.get(at + 40..at + 60)?.try_into().ok()?;
        let flags = u16::from_be_bytes(bytes.get(at + 60..at + 62)?.try_into().ok()?);
        let extended = version >= 3 && flags & 0x4000 != 0;
        at += if extended { 64 } else { 62 };
        if version == 4 {
            let (kept, length) = offset_number(bytes.get(at..)?)?;
            at += length;
            previous.truncate(previous.len().checked_sub(kept)?);
        } else {
            previous.clear();
        }
        let rest = bytes.get(at..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        previous.extend_from_slice(rest.get(..end)?);
        at += end + 1;
        if version < 4 {
            at = start + (at - start).div_ceil(8) * 8;
        }
        let path = String::from_utf8_lossy(&previous).into_owned();
        entries.push((
            path,
            Recorded {
                modified,
                size,
                blob,
            },
        ));
    }
    Some(entries)
}

/// Git's variable-width number for offsets, and how many bytes it took.
fn offset_number(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        if at > 0 {
            value = value.checked_add(1)?;
        }
        value = value.checked_shl(7)? | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}
