//! Real TLS handshakes with a vendor: whose certificate is believed, and what is said of one that is
//! not. The daemon is given its CA certificates as any program on the host, by `SSL_CERT_FILE`.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use vendor_sim::{ZoomSim, ZoomSimOptions};

use super::support::{Host, text, zoom_profile};

/// Who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, name.to_owned());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// What a server shows that says it is `name`.
    pub(crate) fn server(&self, name: &str) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}

/// Speaks TLS as `server` in front of what is at the address `plain`; the port it listens on.
pub(crate) async fn before(plain: &str, server: ServerConfig) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let plain = plain.strip_prefix("http://").unwrap();
    let plain = plain.split('/').next().unwrap().to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, plain) = (acceptor.clone(), plain.clone());
            tokio::spawn(async move {
                // A client that refuses the certificate goes away here.
                if let Ok(mut outside) = acceptor.accept(stream).await {
                    let mut inside = TcpStream::connect(plain).await.unwrap();
                    let _ = copy_bidirectional(&mut outside, &mut inside).await;
                }
            });
        }
    });
    port
}

async fn vendor() -> ZoomSim {
    ZoomSim::start(ZoomSimOptions {
        users: 20,
        limits: false,
        ..ZoomSimOptions::default()
    })
    .await
    .unwrap()
}

/// A host whose connection leads to `https://localhost` at `port`.
fn host(vendor: &ZoomSim, port: u16) -> Host {
    let host = Host::with_zoom(vendor);
    host.settings("connections: {allowed_hosts: [localhost]}\n");
    let plain = vendor.api_url();
    let (base, _) = plain.rsplit_once("/v2").unwrap();
    let profile = zoom_profile(vendor, "").replace(base, &format!("https://localhost:{port}"));
    host.profile("zoom.yaml", &profile);
    host
}

/// Runs what is due, with `trusted` as the host's CA certificates; what was said.
pub(crate) fn run(host: &Host, trusted: &Authority) -> (bool, String) {
    let bundle: PathBuf = host.path("ca.pem");
    std::fs::write(&bundle, &trusted.pem).unwrap();
    let ran = host
        .daemon_command()
        .arg("--once")
        .env("SSL_CERT_FILE", &bundle)
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    (ran.status.success(), text(&ran.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_a_ca_that_the_host_trusts_is_accepted() {
    let (vendor, authority) = (vendor().await, Authority::new("of the host"));
    let port = before(&vendor.api_url(), authority.server("localhost")).await;
    let (done, said) = run(&host(&vendor, port), &authority);
    assert!(done, "{said}");
    assert!(!vendor.control().requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_wrong_is_refused_by_name_and_nothing_is_sent() {
    let (vendor, authority) = (vendor().await, Authority::new("of the host"));
    let unknown = before(
        &vendor.api_url(),
        Authority::new("an unknown one").server("localhost"),
    )
    .await;
    let of_another = before(&vendor.api_url(), authority.server("zoom.example.com")).await;
    for (port, why) in [(unknown, "UnknownIssuer"), (of_another, "not valid for")] {
        let (done, said) = run(&host(&vendor, port), &authority);
        assert!(!done, "{said}");
        let named = format!("the certificate of `localhost:{port}` is refused");
        assert!(said.contains(&named), "{said}");
        assert!(said.contains(why), "{said}");
        assert!(said.contains("add its CA"), "{said}");
    }
    assert!(vendor.control().requests().is_empty());
}
