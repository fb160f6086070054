//! The one place that reads secrets: systemd credentials, private files, the environment. What is
//! to be kept secret at rest is sealed by [`seal`].

pub mod seal;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// A reference to a secret; never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// The name of a systemd credential, read from `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// An absolute path of a file that only its owner may read.
    File(PathBuf),
    /// The name of an environment variable of the daemon.
    Env(String),
}

/// Why a secret could not be read. Never holds the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// No such credential.
    #[error(
        "credential `{name}` is not there: write it to `/etc/seatsync/credentials/{name}` and restart the daemon, or pass it to the unit with `LoadCredential={name}:/path/of/the/secret`"
    )]
    NoCredential {
        /// The credential's name.
        name: String,
    },
    /// No such variable.
    #[error(
        "environment variable `{name}` is not set for the daemon: set it in its unit and restart the daemon, or name a `credential` instead"
    )]
    NoVariable {
        /// The variable's name.
        name: String,
    },
    /// The file cannot be read.
    #[error(
        "secret file `{}` cannot be read ({reason}): put the secret there, readable by the daemon's user alone, or correct the reference to it", path.display()
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file can be read by others.
    #[error("secret file `{}` has mode {mode:04o}: others can read it; `chmod 0600` it", path.display())]
    TooOpen {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The secret is empty.
    #[error("{what} is empty: write the secret into it")]
    Empty {
        /// Which secret.
        what: String,
    },
}

/// The longest secret that is read, in bytes; a longer file is a mistake.
const LONGEST: u64 = 64 * 1024;

/// The unit loads a whole folder under this name; systemd then calls each file `secrets_NAME`.
const FOLDER: &str = "secrets";

/// Reads secrets from where references point, at each use, so that a rotated one is seen.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    credentials: Option<PathBuf>,
    environment: BTreeMap<String, SecretString>,
}

impl Secrets {
    /// Reads credentials under `credentials` (systemd's `$CREDENTIALS_DIRECTORY`) and variables
    /// from `environment`.
    pub fn new(
        credentials: Option<PathBuf>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let environment = environment
            .into_iter()
            .map(|(name, value)| (name, SecretString::from(value)))
            .collect();
        Self {
            credentials,
            environment,
        }
    }

    /// The secret behind `reference`, one trailing line end taken off.
    pub fn read(&self, reference: &SecretRef) -> Result<SecretString, SecretError> {
        match reference {
            SecretRef::Credential(name) => {
                let no_credential = || SecretError::NoCredential { name: name.clone() };
                let folder = self.credentials.as_deref().ok_or_else(no_credential)?;
                let path = [folder.join(name), folder.join(format!("{FOLDER}_{name}"))]
                    .into_iter()
                    .find(|path| path.exists())
                    .ok_or_else(no_credential)?;
                read_private(&path, Openness::ByTheServiceManager)
            }
            SecretRef::File(path) => read_private(path, Openness::OwnerOnly),
            SecretRef::Env(name) => self
                .environment
                .get(name)
                .cloned()
                .ok_or_else(|| SecretError::NoVariable { name: name.clone() }),
        }
    }
}

/// Who set a file's permissions, and so which are refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Openness {
    /// systemd's credentials folder is private; its files may be group-readable by ACL mask.
    ByTheServiceManager,
    /// Any bit for others or group is refused.
    OwnerOnly,
}

fn read_private(path: &Path, openness: Openness) -> Result<SecretString, SecretError> {
    let unreadable = |error: std::io::Error| SecretError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.mode() & 0o7777;
    if openness == Openness::OwnerOnly && mode & 0o077 != 0 {
        return Err(SecretError::TooOpen {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = String::new();
    file.take(LONGEST)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(SecretError::Empty {
            what: format!("secret file `{}`", path.display()),
        });
    }
    Ok(SecretString::from(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_credential_may_come_alone_or_with_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::new(Some(folder.path().to_owned()), []);
        let reference = SecretRef::Credential("zoom".to_owned());
        assert_eq!(
            secrets.read(&reference).unwrap_err(),
            SecretError::NoCredential {
                name: "zoom".to_owned()
            }
        );
        std::fs::write(folder.path().join("secrets_zoom"), "of the folder\n").unwrap();
        let read = |reference| secrets.read(reference).unwrap();
        assert_eq!(read(&reference).expose_secret(), "of the folder");
        std::fs::write(folder.path().join("zoom"), "its own").unwrap();
        assert_eq!(read(&reference).expose_secret(), "its own");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, "hush\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let secrets = Secrets::default();
        let reference = SecretRef::File(path.clone());
        assert_eq!(
            secrets.read(&reference).unwrap_err(),
            SecretError::TooOpen {
                path: path.clone(),
                mode: 0o640
            }
        );
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(secrets.read(&reference).unwrap().expose_secret(), "hush");
    }
}
