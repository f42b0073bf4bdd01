//! TLS without a proxy in front: the certificate and key of two PEM files, read again when the program is told to
//! (SIGHUP), so that a renewed certificate needs no restart.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::{Acceptor, TcpAcceptor};
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::server::TlsStream;

/// How long a client may take for its handshake.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How many handshakes go on at the same time: each costs some processor time, and a stranger can ask for one.
const HANDSHAKES: usize = 256;

/// Where the certificate chain and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, in PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key, in PEM.
    pub key: PathBuf,
}

/// The files cannot be used. The message names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing or is not PEM.
    #[error("cannot use {0}: {1}")]
    File(String, tokio_rustls::rustls::pki_types::pem::Error),
    /// The key is of no known kind, or is not the certificate's.
    #[error("the TLS certificate and key cannot be used: {0}")]
    Mismatch(#[from] tokio_rustls::rustls::Error),
}

impl TlsFiles {
    fn read(&self) -> Result<CertifiedKey, TlsError> {
        let failed = |path: &PathBuf| {
            let path = path.display().to_string();
            move |error| TlsError::File(path, error)
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let chain = chain.map_err(failed(&self.certificate))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(failed(&self.key))?;
        Ok(CertifiedKey::from_der(chain, key, &ring::default_provider())?)
    }
}

/// The certificate in use.
#[derive(Clone, Debug)]
pub struct Certificate {
    files: TlsFiles,
    current: Arc<RwLock<Arc<CertifiedKey>>>,
}

impl Certificate {
    /// Reads the files.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let current = Arc::new(RwLock::new(Arc::new(files.read()?)));
        Ok(Self { files, current })
    }

    /// Reads the files again; connections made from now on get what is in them. If they cannot be used, the old one stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let renewed = Arc::new(self.files.read()?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    fn server_config(&self) -> Result<ServerConfig, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
        let mut config = config.with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

type Handshaken = (TlsStream<TcpStream>, LocalAddr, RemoteAddr);

/// Accepts connections and hands on those whose handshake is done: a client that dawdles keeps nobody waiting.
pub struct TlsConnections {
    address: SocketAddr,
    ready: mpsc::Receiver<Handshaken>,
}

impl TlsConnections {
    /// Takes over a socket.
    pub fn over(tcp: TcpAcceptor, address: SocketAddr, certificate: &Certificate) -> Result<Self, TlsError> {
        let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config()?));
        let (done, ready) = mpsc::channel(HANDSHAKES);
        tokio::spawn(shake_hands(tcp, acceptor, done));
        Ok(Self { address, ready })
    }
}

/// Until nobody takes the connections any more.
async fn shake_hands(mut tcp: TcpAcceptor, acceptor: TlsAcceptor, done: mpsc::Sender<Handshaken>) {
    let turns = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        // The semaphore is never closed.
        let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = tcp.accept() => accepted,
            () = done.closed() => return,
        };
        let (stream, local, remote, _) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of files, most likely: accepting again at once would fail again.
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (acceptor, done) = (acceptor.clone(), done.clone());
        tokio::spawn(async move {
            let shaken = tokio::time::timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await;
            drop(turn);
            match shaken {
                Ok(Ok(stream)) => {
                    let _ = done.send((stream, local, remote)).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
        });
    }
}

impl Acceptor for TlsConnections {
    type Io = TlsStream<TcpStream>;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![LocalAddr(poem::Addr::SocketAddr(self.address))]
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let ended = || io::Error::other("the socket is closed");
        let (stream, local, remote) = self.ready.recv().await.ok_or_else(ended)?;
        Ok((stream, local, remote, Scheme::HTTPS))
    }
}

#[cfg(test)]
mod tests {
    use poem::endpoint::make_sync;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::server::Bound;
    use embedded_servers::ScratchDir;

    /// Writes a new certificate for `localhost`, which is its own authority.
    fn renew(files: &TlsFiles) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    async fn get(address: SocketAddr, trusted: &CertificateDer<'static>) -> io::Result<String> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(address).await?;
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_used_without_a_restart_and_a_broken_one_is_not() {
        let folder = ScratchDir::new("tls").unwrap();
        let path = |name: &str| folder.path().join(name);
        let files = TlsFiles { certificate: path("chain.pem"), key: path("key.pem") };
        let first = renew(&files);
        let certificate = Certificate::open(files.clone()).unwrap();
        let bound = Bound::open("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (address, stop, served) = (bound.address(), CancellationToken::new(), certificate.clone());
        let stopping = stop.clone();
        let app = make_sync(|_| "by TLS");
        let server = tokio::spawn(async move { bound.serve_tls(app, &served, stopping, HANDSHAKE_WITHIN).await });

        // One that says nothing keeps nobody waiting.
        let _silent = TcpStream::connect(address).await.unwrap();
        assert!(get(address, &first).await.unwrap().ends_with("by TLS"));

        let second = renew(&files);
        assert!(get(address, &second).await.is_err(), "not read yet");
        certificate.reload().unwrap();
        assert!(get(address, &second).await.unwrap().ends_with("by TLS"));
        assert!(get(address, &first).await.is_err());

        std::fs::write(&files.key, "no key").unwrap();
        let message = certificate.reload().unwrap_err().to_string();
        assert!(message.contains("key.pem"), "{message}");
        assert!(get(address, &second).await.unwrap().ends_with("by TLS"));
        stop.cancel();
        server.await.unwrap().unwrap();
    }
}
