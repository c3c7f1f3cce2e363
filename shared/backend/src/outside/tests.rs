//! What the way outside refuses, against receivers that answer badly.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

fn named(addresses: &[&[SocketAddr]]) -> Resolve {
    let answers: Vec<Vec<SocketAddr>> = addresses.iter().map(|answer| answer.to_vec()).collect();
    let next = AtomicUsize::new(0);
    Arc::new(move |_, _| {
        let answer = answers[next.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1)].clone();
        async move { Ok(answer) }.boxed()
    })
}

fn outside(resolve: Resolve, loopback: bool) -> Outside {
    Outside::new(resolve, loopback, RootCertStore::empty)
}

fn ask(url: &str) -> Ask {
    Ask {
        method: Method::POST,
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        body: b"{}".to_vec(),
        patience: Duration::from_secs(2),
        most: 16,
    }
}

/// Answers every connection with these bytes, and then hangs up or not; counts them.
async fn says(bytes: &'static [u8], hangs_up: bool) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(bytes).await;
                if !hangs_up {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    (address, count)
}

#[tokio::test]
async fn a_name_that_turns_to_a_private_address_is_not_connected_to() {
    let (address, count) = says(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", true).await;
    let public: SocketAddr = "93.184.216.34:443".parse().unwrap();
    let metadata: SocketAddr = "169.254.169.254:443".parse().unwrap();
    let rebound = outside(named(&[&[public], &[address], &[metadata], &[public, address]]), false);
    let url = format!("https://hooks.example.com:{}/x", address.port());
    rebound.check(&url.parse().unwrap()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(rebound.ask(ask(&url)).await.err(), Some(Failure::NotPublic));
    }
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_written() {
    let nowhere = outside(named(&[&["127.0.0.1:443".parse().unwrap()]]), false);
    for url in [
        "https://127.0.0.1/",
        "https://10.0.0.1:8443/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00:ec2::254]/",
        "https://localhost/",
        "https://2130706433/",
        "https://0x7f.1/",
    ] {
        assert_eq!(nowhere.ask(ask(url)).await.err(), Some(Failure::NotPublic), "{url}");
    }
    let public = outside(named(&[&["93.184.216.34:80".parse().unwrap()]]), true);
    assert_eq!(public.ask(ask("http://hooks.example.com/")).await.err(), Some(Failure::NotSecure));
}

#[tokio::test]
async fn an_answer_is_read_as_far_as_it_was_wanted_and_no_longer_than_there_is_patience() {
    let from = async |bytes, hangs_up| {
        let (address, _) = says(bytes, hangs_up).await;
        outside(named(&[&[address]]), true).ask(ask(&format!("http://{address}/"))).await
    };
    let told = from(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", true).await.unwrap();
    assert_eq!((told.status.as_u16(), told.body.as_slice(), told.whole), (200, b"hi".as_slice(), true));
    let told = from(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n0123456789012345678901234567", false).await.unwrap();
    assert_eq!((told.body.len(), told.whole), (16, false));
    // A body that hangs is cut; that it was taken has been said
    let told = from(b"HTTP/1.1 202 Accepted\r\ncontent-length: 10\r\n\r\nhi", false).await.unwrap();
    assert_eq!((told.status.as_u16(), told.body.as_slice(), told.whole), (202, b"hi".as_slice(), false));
    // Nothing is followed
    let told = from(b"HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", true).await.unwrap();
    assert_eq!(told.status.as_u16(), 307);
    assert_eq!(from(b"SSH-2.0-OpenSSH_9.9\r\n", true).await.err(), Some(Failure::Broken));
    assert_eq!(from(b"", true).await.err(), Some(Failure::Broken));
    assert_eq!(from(b"HTTP/1.1 200 OK\r\nx: ", false).await.err(), Some(Failure::TooLong));
    assert_eq!(outside(named(&[&[]]), true).ask(ask("https://hooks.example.com/")).await.err(), Some(Failure::Unknown));
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(outside(named(&[&[closed]]), true).ask(ask(&format!("http://{closed}/"))).await.err(), Some(Failure::Unreachable));
}

#[tokio::test]
async fn over_tls_the_host_proves_the_name_that_was_asked_for() {
    let certified = rcgen::generate_simple_self_signed(["hooks.example.com".to_owned()]).unwrap();
    let (certificate, key) = (certified.cert.der().clone(), certified.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], rustls::pki_types::PrivatePkcs8KeyDer::from(key).into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                let _ = stream.shutdown().await;
            });
        }
    });
    let trusting = Outside::new(named(&[&[address]]), true, move || {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        roots
    });
    let at = |host: &str| format!("https://{host}:{}/x?y=1", address.port());
    assert_eq!(trusting.ask(ask(&at("hooks.example.com"))).await.unwrap().status.as_u16(), 204);
    assert_eq!(trusting.ask(ask(&at("other.example.com"))).await.err(), Some(Failure::Untrusted));
    let strict = outside(named(&[&[address]]), true);
    assert_eq!(strict.ask(ask(&at("hooks.example.com"))).await.err(), Some(Failure::Untrusted));
}
