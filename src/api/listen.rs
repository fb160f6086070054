//! Gets a socket to accept on: handed over by the service manager, or bound by us. Called by
//! `daemon` at start.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Who may connect to a socket that we bind ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Permission bits, for example 0o660.
    pub mode: u32,
    /// Its group; none leaves the daemon's own.
    pub gid: Option<u32>,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Something else has that name.
    #[error("`{}` is not a socket: move it away, or give `--runtime` another directory", .0.display())]
    NotASocket(PathBuf),
    /// Somebody answers there.
    #[error("`{}` is in use by a running process: stop it first, or give `--runtime` another directory", .0.display())]
    Live(PathBuf),
    /// The system refuses.
    #[error("cannot listen on `{}`: {step}: {source}", path.display())]
    Io {
        /// Which socket.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A socket to accept on. If we bound it, its file goes when this is dropped.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: UnixListener,
    _file: Option<SocketFile>,
}

impl Listener {
    /// Takes a socket that the service manager has bound; its file stays when we stop.
    pub fn handed_over(socket: std::os::unix::net::UnixListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: UnixListener::from_std(socket)?,
            _file: None,
        })
    }

    /// Binds `path`. A dead socket of that name is replaced; a live one, or anything else, is not.
    ///
    /// The socket is made in a directory that nobody else can enter and moved to its name only
    /// when its mode and group are right, so that there is no moment in which too many may connect.
    pub fn bind(path: &Path, access: Access) -> Result<Self, ListenError> {
        refuse_what_is_in_use(path)?;
        let io_error = |step: &'static str| {
            move |source| ListenError::Io {
                path: path.to_owned(),
                step,
                source,
            }
        };
        let nursery =
            Nursery::make(path).map_err(io_error("make a private directory beside it"))?;
        let born = nursery.path.join("s");
        let socket = UnixListener::bind(&born).map_err(io_error("bind"))?;
        if let Some(gid) = access.gid {
            chown(&born, None, Some(gid)).map_err(io_error("give it its group"))?;
        }
        let mode = std::fs::Permissions::from_mode(access.mode);
        std::fs::set_permissions(&born, mode).map_err(io_error("set its mode"))?;
        let inode = std::fs::symlink_metadata(&born)
            .map_err(io_error("look at it"))?
            .ino();
        std::fs::rename(&born, path).map_err(io_error("move it to its name"))?;
        Ok(Self {
            socket,
            _file: Some(SocketFile {
                path: path.to_owned(),
                inode,
            }),
        })
    }
}

fn refuse_what_is_in_use(path: &Path) -> Result<(), ListenError> {
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(ListenError::Io {
                path: path.to_owned(),
                step: "look at it",
                source,
            });
        }
    };
    if !found.file_type().is_socket() {
        return Err(ListenError::NotASocket(path.to_owned()));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        // A full backlog or a mode that shuts us out is a sign of life as well.
        _ => Err(ListenError::Live(path.to_owned())),
    }
}

/// A directory of our own beside the socket, gone again when dropped.
struct Nursery {
    path: PathBuf,
}

impl Nursery {
    fn make(socket: &Path) -> io::Result<Self> {
        let parent = socket.parent().unwrap_or(Path::new("."));
        let path = parent.join(format!(".{}", std::process::id()));
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "private directory stays");
        }
    }
}

/// The name of a socket that we bound.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have put another socket there since.
        let still_ours =
            std::fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        if still_ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the socket's file stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: Access = Access {
        mode: 0o660,
        gid: None,
    };

    #[tokio::test]
    async fn a_bound_socket_has_its_mode_and_its_file_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.sock");
        let listener = Listener::bind(&path, ACCESS).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = Listener::bind(&path, ACCESS).unwrap();
        let error = Listener::bind(&path, ACCESS).unwrap_err();
        assert!(matches!(error, ListenError::Live(_)), "{error}");
        drop(listener);
    }

    #[tokio::test]
    async fn a_file_of_that_name_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.sock");
        std::fs::write(&path, "precious").unwrap();
        let error = Listener::bind(&path, ACCESS).unwrap_err();
        assert!(matches!(error, ListenError::NotASocket(_)), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn a_socket_put_in_our_place_stays_when_we_stop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.sock");
        let listener = Listener::bind(&path, ACCESS).unwrap();
        std::fs::remove_file(&path).unwrap();
        let successor = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(listener);
        assert!(path.exists());
        drop(successor);
    }
}
