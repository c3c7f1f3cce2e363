//! Requests to others than AWS: to addresses somebody typed in.
//!
//! Whoever types in an address must not get at what only we can reach. A name is resolved once, each of its addresses has to be a
//! public one, and one of those is connected to: no name can mean something else a moment later. Nothing is followed, nothing
//! waits for ever, and no answer is longer than the caller wants it.

mod public;

use crate::Backend;
use domain::text::Url;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Either, select},
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
pub use public::is_public;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Finds the addresses of a name.
pub type Resolve = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// How long it may take to get through to an address, and how many of a name are tried.
const CONNECT: Duration = Duration::from_secs(3);
const ADDRESSES: usize = 4;
/// Bytes of the head of an answer.
const HEAD: usize = 32 * 1024;

#[derive(Clone)]
pub struct Outside {
    resolve: Resolve,
    /// Where the product is developed, the machine itself may be reached, and without TLS.
    loopback: bool,
    authorities: Arc<dyn Fn() -> RootCertStore + Send + Sync>,
    tls: Arc<OnceLock<TlsConnector>>,
}

/// What is asked, of whom, and how much of the answer is wanted.
pub struct Ask {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// For all of it, from the first look-up to the last byte.
    pub patience: Duration,
    /// Bytes of the answer's body that are read.
    pub most: usize,
}

/// What came back.
pub struct Told {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Whether that was all of the body.
    pub whole: bool,
}

/// Why nothing came back, as whoever typed the address in may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("the address is not on the public internet")]
    NotPublic,
    #[error("the address has to begin with https://")]
    NotSecure,
    #[error("the name of the host was not found")]
    Unknown,
    #[error("no connection could be made")]
    Unreachable,
    #[error("the host could not prove its name by a certificate")]
    Untrusted,
    #[error("it took too long")]
    TooLong,
    #[error("the answer was not HTTP, or broke off")]
    Broken,
}

/// An address that was looked at and may be connected to.
struct Way {
    secure: bool,
    host: String,
    addresses: Vec<SocketAddr>,
}

impl Outside {
    pub fn new(resolve: Resolve, loopback: bool, authorities: impl Fn() -> RootCertStore + Send + Sync + 'static) -> Self {
        Self { resolve, loopback, authorities: Arc::new(authorities), tls: Arc::default() }
    }

    /// With the names and the authorities this machine knows.
    pub(crate) fn of_machine(loopback: bool) -> Self {
        let resolve: Resolve = Arc::new(|host, port| {
            async move { tokio::net::lookup_host((host, port)).await.map(|found| found.collect::<Vec<_>>()) }.boxed()
        });
        Self::new(resolve, loopback, || {
            let mut roots = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            let (taken, _) = roots.add_parsable_certificates(found.certs);
            tracing::info!(taken, errors = found.errors.len(), "authorities of the machine");
            roots
        })
    }

    /// Whether something at this address might be asked, as far as can be told without asking it.
    pub async fn check(&self, url: &Url) -> Result<(), Failure> {
        timeout(CONNECT, self.way(url)).await.map_err(|_| Failure::TooLong)?.map(drop)
    }

    pub async fn ask(&self, ask: Ask) -> Result<Told, Failure> {
        let Ask { method, url, headers, body, patience, most } = ask;
        let end = tokio::time::Instant::now() + patience;
        let uri = uri(&url)?;
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = uri.path_and_query().map_or_else(Uri::default, |path| path.clone().into());
        *request.headers_mut() = headers;
        let host = uri.authority().map(|host| host.as_str()).unwrap_or_default();
        request.headers_mut().insert(header::HOST, HeaderValue::from_str(host).map_err(|_| Failure::Unknown)?);
        let talk = async {
            let way = self.way(&url).await?;
            let stream = connect(&way.addresses).await?;
            if way.secure {
                let name = ServerName::try_from(way.host).map_err(|_| Failure::Unknown)?;
                let stream = self.tls()?.connect(name, stream).await.map_err(distrust)?;
                self.speak(stream, request, most, end).await
            } else {
                self.speak(stream, request, most, end).await
            }
        };
        tokio::time::timeout_at(end, talk).await.unwrap_or(Err(Failure::TooLong))
    }

    /// Looks a name up, once, and at every address it has.
    async fn way(&self, url: &Url) -> Result<Way, Failure> {
        let uri = uri(url)?;
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => (self.resolve)(host.clone(), port).await.map_err(|_| Failure::Unknown)?,
        };
        if addresses.is_empty() {
            return Err(Failure::Unknown);
        }
        let here = self.loopback && addresses.iter().all(|address| public::is_loopback(address.ip()));
        // All of them: a name with one public address beside a private one is somebody's trick
        if !here && !addresses.iter().all(|address| is_public(address.ip())) {
            return Err(Failure::NotPublic);
        }
        if !here && !secure {
            return Err(Failure::NotSecure);
        }
        Ok(Way { secure, host, addresses })
    }

    fn tls(&self) -> Result<TlsConnector, Failure> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
        let config = config.map_err(|_| Failure::Untrusted)?.with_root_certificates((self.authorities)()).with_no_client_auth();
        Ok(self.tls.get_or_init(|| TlsConnector::from(Arc::new(config))).clone())
    }

    /// One request and its answer, over a connection that is good for nothing else.
    async fn speak<S>(&self, stream: S, request: Request<Full<Bytes>>, most: usize, end: tokio::time::Instant) -> Result<Told, Failure>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut builder = hyper::client::conn::http1::Builder::new();
        builder.max_buf_size(HEAD);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Broken)?;
        let exchange = std::pin::pin!(async move {
            let answer = sender.send_request(request).await.map_err(|_| Failure::Broken)?;
            let (head, body) = answer.into_parts();
            let (body, whole) = read(body, most, end).await;
            Ok::<_, Failure>(Told { status: head.status, headers: head.headers, body, whole })
        });
        match select(exchange, std::pin::pin!(connection)).await {
            Either::Left((told, _)) => told,
            // The other end has hung up; what it said before is still to be read
            Either::Right((_, exchange)) => exchange.await,
        }
    }
}

/// The beginning of a body. One that does not end, or breaks off, has been read as far as it goes.
async fn read(mut body: Incoming, most: usize, end: tokio::time::Instant) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    // A little before all patience is over: what was said so far is an answer
    let end = end - Duration::from_millis(100);
    loop {
        match tokio::time::timeout_at(end, body.frame()).await {
            Ok(None) => return (read, true),
            Ok(Some(Ok(frame))) => read.extend_from_slice(frame.data_ref().map_or(&[][..], |data| &data[..])),
            Ok(Some(Err(_))) | Err(_) => return (read, false),
        }
        if read.len() > most {
            read.truncate(most);
            return (read, false);
        }
    }
}

fn uri(url: &Url) -> Result<Uri, Failure> {
    url.as_str().parse().map_err(|_| Failure::Unknown)
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    for address in addresses.iter().take(ADDRESSES) {
        if let Ok(Ok(stream)) = timeout(CONNECT, TcpStream::connect(address)).await {
            return Ok(stream);
        }
    }
    Err(Failure::Unreachable)
}

fn distrust(error: io::Error) -> Failure {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => Failure::Untrusted,
        _ => Failure::Broken,
    }
}

impl Backend {
    /// The way to others than AWS.
    pub fn outside(&self) -> &Outside {
        self.0.outside()
    }
}

#[cfg(test)]
mod tests;
