//! A P1 port behind a TCP server: ser2net, or a reader on the network.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::error::OpenError;

/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(5);
/// How many addresses of a name are tried.
const MOST_ADDRESSES: usize = 8;

/// A dead peer is noticed after 15 s of silence and three probes 5 s apart. (A dead meter behind a live peer
/// is noticed by its silence.)
fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5))
        .with_retries(3)
}

/// Connects to `host`, a name or an address, by the first of its addresses that answers.
///
/// # Errors
///
/// [`OpenError::Resolve`] and [`OpenError::Connect`], with the last address tried.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, OpenError> {
    let unresolved = |error| OpenError::Resolve { host: host.to_owned(), error };
    let resolved = timeout(CONNECT, lookup_host((host, port))).await.unwrap_or_else(|_| Err(late()));
    let addresses: Vec<SocketAddr> = resolved.map_err(unresolved)?.take(MOST_ADDRESSES).collect();
    let mut failure = unresolved(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
    for address in addresses {
        match timeout(CONNECT, TcpStream::connect(address)).await.unwrap_or_else(|_| Err(late())) {
            Ok(stream) => {
                if let Err(error) = SockRef::from(&stream).set_tcp_keepalive(&keepalive()) {
                    tracing::debug!(%address, %error, "the connection goes without keepalive");
                }
                return Ok(stream);
            }
            Err(error) => failure = OpenError::Connect { address: format!("tcp://{address}"), error },
        }
    }
    Err(failure)
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer within 5 s")
}
