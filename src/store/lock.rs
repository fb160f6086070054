//! The lock that keeps a second daemon off a state directory. The kernel lets go of it when the
//! process ends, however it ends.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::error::StoreError;

/// Holds the state directory for as long as it lives.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

impl StateLock {
    /// Its name in the state directory.
    pub(super) const FILE: &str = "seatsync.lock";

    /// Takes the state directory, or says who has it.
    pub fn take(state: &Path) -> Result<Self, StoreError> {
        let path = state.join(Self::FILE);
        let io = |error: std::io::Error| StoreError::Io {
            path: path.clone(),
            reason: error.to_string(),
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            // Root restores in a folder that is somebody else's.
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)
            .map_err(io)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            file.read_to_string(&mut holder).map_err(io)?;
            return Err(StoreError::Locked {
                path: state.to_owned(),
                holder: holder.trim().parse().ok(),
            });
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let held = StateLock::take(folder.path()).unwrap();
        let error = StateLock::take(folder.path()).unwrap_err();
        assert!(
            matches!(error, StoreError::Locked { holder: Some(pid), .. } if pid == std::process::id())
        );
        drop(held);
        StateLock::take(folder.path()).unwrap();
    }
}
