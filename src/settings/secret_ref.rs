//! References to secrets in files. A secret written out is refused, and never repeated.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::secret::SecretRef;
use crate::yaml::diagnostic::Findings;
use crate::yaml::macros::{readable_rule, record};
use crate::yaml::read::Read;
use crate::yaml::tree::{Node, Value};

readable_rule!(
    unrepeated
    /// A systemd credential's name.
    CredentialName, "CredentialName", "settings::credential", r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$",
    "the name of a credential: letters, digits, `_`, `-` and `.`",
    |text| !text.is_empty() && !text.starts_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
);
readable_rule!(
    unrepeated
    /// An environment variable's name.
    VariableName, "VariableName", "settings::variable", r"^[A-Za-z_][A-Za-z0-9_]*$",
    "the name of an environment variable",
    |text| !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
);
readable_rule!(
    unrepeated
    /// An absolute path that does not climb.
    AbsolutePath, "AbsolutePath", "settings::path", r"^/", "an absolute path without `..`",
    |text| text.starts_with('/') && !text.split('/').any(|part| part == "..")
);

record! {
    /// Where a secret is.
    pub struct RawSecretFields one_of(credential, file, env) {
        /// The name of a systemd credential.
        credential: Option<CredentialName>,
        /// An absolute path under the credentials folder or `secrets.directories`.
        file: Option<AbsolutePath>,
        /// The name of an environment variable of the daemon.
        env: Option<VariableName>,
    }
}

/// Where a secret is; never the secret itself.
#[derive(Debug, Clone)]
pub struct RawSecretRef(pub RawSecretFields);

impl Read for RawSecretRef {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            let before = to.errors();
            let fields = RawSecretFields::read(node, to)?;
            if to.errors() > before {
                to.hide(node.extent());
            }
            return Some(Self(fields));
        }
        to.hide(node.extent());
        to.error(
            "settings::literal_secret",
            node.region,
            "a secret does not belong into a file",
        )
        .help("name where it is: `{credential: NAME}`, `{file: PATH}` or `{env: NAME}`; and change this one, it has been seen");
        None
    }
}

impl JsonSchema for RawSecretRef {
    fn schema_name() -> Cow<'static, str> {
        RawSecretFields::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        RawSecretFields::json_schema(generator)
    }
}

impl RawSecretRef {
    /// The reference it is; `None` where it was reported to be none.
    pub fn checked(&self) -> Option<SecretRef> {
        let RawSecretFields {
            credential,
            file,
            env,
        } = &self.0;
        match (credential, file, env) {
            (Some(name), None, None) => Some(SecretRef::Credential(name.0.clone())),
            (None, Some(path), None) => Some(SecretRef::File(PathBuf::from(&path.0))),
            (None, None, Some(name)) => Some(SecretRef::Env(name.0.clone())),
            _ => None,
        }
    }
}
