//! A real SMTP server on loopback: PyPI's aiosmtpd, started by the test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tempfile::TempDir;

use super::programs::{python_with_clients, repository};

/// How the server protects its wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Plain,
    StartTls,
    Tls,
}

/// The user and password that the server wants, where it wants any.
pub(crate) const LOGIN: (&str, &str) = ("seatsync", "correct horse");

/// A running server; it ends with the value.
pub(crate) struct MailServer {
    folder: TempDir,
    process: Child,
    pub(crate) port: u16,
}

impl MailServer {
    /// A server, or nothing where the machine has no Python that runs it, which is said.
    pub(crate) fn start(wire: Wire, login: bool) -> Option<Self> {
        let python = python_with_clients()?;
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(python);
        command
            .arg(repository("tests/clients/mail_server.py"))
            .arg(folder.path());
        let option = match wire {
            Wire::Plain => None,
            Wire::StartTls => Some("--starttls"),
            Wire::Tls => Some("--tls"),
        };
        if let Some(option) = option {
            let [certificate, key] = certified(folder.path());
            command.arg(option).arg(certificate).arg(key);
        }
        if login {
            command.arg("--login").args([LOGIN.0, LOGIN.1]);
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        Some(Self {
            port: line.trim().parse().expect("the server says its port"),
            folder,
            process,
        })
    }

    /// Who signed the server's certificate: for `SSL_CERT_FILE`.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// From now on `recipient` gets this reply instead of `250 OK`; with none, it is taken again.
    pub(crate) fn reply(&self, recipient: &str, reply: Option<&str>) {
        let replies = match reply {
            Some(reply) => serde_json::json!({ recipient.to_lowercase(): reply }),
            None => serde_json::json!({}),
        };
        std::fs::write(self.folder.path().join("replies.json"), replies.to_string()).unwrap();
    }

    /// What was accepted so far, the first one first.
    pub(crate) fn mail(&self) -> Vec<Value> {
        let path = self.folder.path().join("mail.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A certificate for `localhost` and its key, with who signed it beside them.
fn certified(folder: &Path) -> [PathBuf; 2] {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    write("authority.pem", authority.pem());
    [
        write("server.pem", certificate.pem()),
        write("server.key", key.serialize_pem()),
    ]
}
