//! Seals what is kept on disk and must not be read from it: ChaCha20-Poly1305 under a key from a
//! systemd credential or, where there is none, from a generated file beside the store. Such a file
//! keeps a copied database useless; it does not help a host that is itself taken over.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::{Digest as _, Sha256};

use super::{Openness, SecretError, SecretRef, Secrets, read_private};

/// The systemd credential with the key.
pub const KEY_CREDENTIAL: &str = "seatsync-token-key";

/// The generated key, in the state directory.
const KEY_FILE: &str = "token.key";

const KEY_BYTES: usize = 32;

/// What was sealed, and with which key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Tells keys apart and tells nothing of the key.
    pub key_id: String,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// Why nothing could be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key that sealed it is neither in the credential nor in the file.
    #[error(
        "it is sealed with the key `{sealed_with}`, and {}: put that key back as the credential `{KEY_CREDENTIAL}` or as `{}`",
        if present.is_empty() { "there is no key".to_owned() } else { format!("the key here is `{}`", present.join("`, `")) },
        file.display()
    )]
    OtherKey {
        /// The key it was sealed with.
        sealed_with: String,
        /// The keys that are there.
        present: Vec<String>,
        /// Where a key file would be.
        file: PathBuf,
    },
    /// The key is not one.
    #[error(
        "{place} does not hold {KEY_BYTES} bytes as base64: make a key with `head -c {KEY_BYTES} /dev/urandom | base64`"
    )]
    NoKey {
        /// Where it was read.
        place: String,
    },
    /// The bytes or what they are bound to were changed.
    #[error("what was sealed was changed since")]
    Changed,
    /// The key cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The key file cannot be made.
    #[error("the key file `{}` cannot be made: {reason}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The system's source of randomness or the cipher fails.
    #[error("this host cannot encrypt: its source of randomness fails")]
    Host,
}

/// Seals and opens. The key is read at each use, so that a rotated one is seen.
#[derive(Debug, Clone)]
pub struct Sealer {
    secrets: Arc<Secrets>,
    file: PathBuf,
    /// Held while the file is made, so that it is made once.
    making: Arc<Mutex<()>>,
}

struct Key {
    id: String,
    cipher: LessSafeKey,
    /// Derived from the same bytes, so that no key is used in two ways.
    signer: hmac::Key,
}

impl Sealer {
    /// Keys come from `secrets`, or from a file in `state` that is made when first needed.
    pub fn new(secrets: Arc<Secrets>, state: &Path) -> Self {
        Self {
            secrets,
            file: state.join(KEY_FILE),
            making: Arc::default(),
        }
    }

    /// Seals `plain` so that it opens only beside the same `bound_to`.
    pub fn seal(&self, plain: &[u8], bound_to: &[u8]) -> Result<Sealed, SealError> {
        let key = self.sealing_key()?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| SealError::Host)?;
        let mut bytes = nonce.to_vec();
        let mut text = plain.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.cipher
            .seal_in_place_append_tag(nonce, Aad::from(bound_to), &mut text)
            .map_err(|_| SealError::Host)?;
        bytes.append(&mut text);
        Ok(Sealed {
            key_id: key.id,
            bytes,
        })
    }

    /// Opens what [`Sealer::seal`] made for the same `bound_to`.
    pub fn open(&self, sealed: &Sealed, bound_to: &[u8]) -> Result<SecretSlice<u8>, SealError> {
        let keys: Vec<Key> = [self.credential()?, self.file_key()?]
            .into_iter()
            .flatten()
            .collect();
        let Some(key) = keys.iter().find(|key| key.id == sealed.key_id) else {
            return Err(SealError::OtherKey {
                sealed_with: sealed.key_id.clone(),
                present: keys.into_iter().map(|key| key.id).collect(),
                file: self.file.clone(),
            });
        };
        let (nonce, text) = sealed
            .bytes
            .split_at_checked(NONCE_LEN)
            .ok_or(SealError::Changed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Changed)?;
        let mut text = text.to_vec();
        let length = key
            .cipher
            .open_in_place(nonce, Aad::from(bound_to), &mut text)
            .map_err(|_| SealError::Changed)?
            .len();
        text.truncate(length);
        Ok(SecretSlice::from(text))
    }

    /// Signs `claim` for one purpose: HMAC-SHA-256 with a key that is derived from the sealing one.
    pub fn sign(&self, purpose: &str, claim: &[u8]) -> Result<Vec<u8>, SealError> {
        let key = self.sealing_key()?;
        let tag = hmac::sign(&key.signer, &for_purpose(purpose, claim));
        Ok(tag.as_ref().to_vec())
    }

    /// Whether [`Sealer::sign`] made `signature` of `claim` for this purpose, with a key that is here.
    pub fn is_signed(
        &self,
        purpose: &str,
        claim: &[u8],
        signature: &[u8],
    ) -> Result<bool, SealError> {
        let signed = for_purpose(purpose, claim);
        let keys = [self.credential()?, self.file_key()?];
        Ok(keys
            .iter()
            .flatten()
            .any(|key| hmac::verify(&key.signer, &signed, signature).is_ok()))
    }

    fn sealing_key(&self) -> Result<Key, SealError> {
        if let Some(key) = self.credential()? {
            return Ok(key);
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        match self.file_key()? {
            Some(key) => Ok(key),
            None => self.make_file(),
        }
    }

    fn credential(&self) -> Result<Option<Key>, SealError> {
        let reference = SecretRef::Credential(KEY_CREDENTIAL.to_owned());
        match self.secrets.read(&reference) {
            Ok(text) => Key::read(&text, || format!("the credential `{KEY_CREDENTIAL}`")).map(Some),
            Err(SecretError::NoCredential { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn file_key(&self) -> Result<Option<Key>, SealError> {
        if !self.file.exists() {
            return Ok(None);
        }
        let text = read_private(&self.file, Openness::OwnerOnly)?;
        Key::read(&text, || format!("`{}`", self.file.display())).map(Some)
    }

    /// Written beside its place and moved there, so that a crash leaves a whole key or none.
    fn make_file(&self) -> Result<Key, SealError> {
        let mut bytes = [0; KEY_BYTES];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| SealError::Host)?;
        let text = SecretString::from(BASE64.encode(bytes));
        self.write_file(&text).map_err(|error| SealError::Io {
            path: self.file.clone(),
            reason: error.to_string(),
        })?;
        tracing::info!(
            file = %self.file.display(),
            "made a key for tokens; keep it out of backups of the database, or pass one as the credential `{KEY_CREDENTIAL}`"
        );
        Key::read(&text, || format!("`{}`", self.file.display()))
    }

    fn write_file(&self, text: &SecretString) -> std::io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("/"));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let fresh = self.file.with_extension("key.new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(text.expose_secret().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.file)?;
        File::open(folder)?.sync_all()
    }
}

impl Key {
    fn read(text: &SecretString, place: impl Fn() -> String) -> Result<Self, SealError> {
        let no_key = || SealError::NoKey { place: place() };
        let bytes = BASE64
            .decode(text.expose_secret().trim())
            .map_err(|_| no_key())?;
        let cipher = UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(|_| no_key())?;
        let digest = Sha256::new()
            .chain_update("seatsync token key id")
            .chain_update(&bytes)
            .finalize();
        let root = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let derived = hmac::sign(&root, b"seatsync signing key");
        Ok(Self {
            id: format!("{digest:x}").chars().take(16).collect(),
            cipher: LessSafeKey::new(cipher),
            signer: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
        })
    }
}

/// A claim that is signed for one purpose counts for no other.
fn for_purpose(purpose: &str, claim: &[u8]) -> Vec<u8> {
    [purpose.as_bytes(), b"\0", claim].concat()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn with_credential(folder: &Path, key: &[u8]) -> Sealer {
        std::fs::write(folder.join(KEY_CREDENTIAL), BASE64.encode(key)).unwrap();
        let secrets = Secrets::new(Some(folder.to_owned()), []);
        Sealer::new(Arc::new(secrets), &folder.join("state"))
    }

    #[test]
    fn what_is_sealed_opens_beside_what_it_is_bound_to_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = with_credential(folder.path(), &[7; KEY_BYTES]);
        let sealed = sealer.seal(b"hush", b"here").unwrap();
        assert!(!sealed.bytes.windows(4).any(|bytes| bytes == b"hush"));
        assert_eq!(
            sealer.open(&sealed, b"here").unwrap().expose_secret(),
            b"hush"
        );
        let elsewhere = sealer.open(&sealed, b"there").unwrap_err();
        assert!(matches!(elsewhere, SealError::Changed));
        for at in 0..sealed.bytes.len() {
            let mut bent = sealed.clone();
            bent.bytes[at] ^= 1;
            assert!(sealer.open(&bent, b"here").is_err(), "{at}");
            bent.bytes.truncate(at);
            assert!(sealer.open(&bent, b"here").is_err(), "{at}");
        }
        assert_ne!(sealed, sealer.seal(b"hush", b"here").unwrap());
    }

    #[test]
    fn another_key_is_named_and_the_old_one_opens_again() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = with_credential(folder.path(), &[7; KEY_BYTES])
            .seal(b"hush", b"")
            .unwrap();
        let other = with_credential(folder.path(), &[8; KEY_BYTES]);
        let error = other.open(&sealed, b"").unwrap_err().to_string();
        assert!(error.contains(&sealed.key_id), "{error}");
        assert!(error.contains(KEY_CREDENTIAL), "{error}");
        let short = with_credential(folder.path(), &[7; 5]);
        assert!(matches!(
            short.open(&sealed, b"").unwrap_err(),
            SealError::NoKey { .. }
        ));
        let again = with_credential(folder.path(), &[7; KEY_BYTES]);
        assert!(again.open(&sealed, b"").is_ok());
    }

    #[test]
    fn without_a_credential_a_private_file_is_made_and_still_opens_when_one_comes() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let sealer = Sealer::new(Arc::default(), &state);
        let sealed = sealer.seal(b"hush", b"").unwrap();
        let mode = std::fs::metadata(state.join(KEY_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(sealer.seal(b"", b"").unwrap().key_id, sealed.key_id);
        let moved = with_credential(folder.path(), &[7; KEY_BYTES]);
        assert!(moved.open(&sealed, b"").is_ok());
        assert_ne!(moved.seal(b"", b"").unwrap().key_id, sealed.key_id);
        std::fs::remove_file(state.join(KEY_FILE)).unwrap();
        let error = moved.open(&sealed, b"").unwrap_err();
        assert!(matches!(error, SealError::OtherKey { .. }), "{error}");
    }
}
