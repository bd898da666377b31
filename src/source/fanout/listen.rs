//! The sockets that clients knock at.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, lookup_host};

/// Connections that wait to be taken.
const BACKLOG: i32 = 64;
/// What the kernel keeps of what a client says, in bytes: nobody wants to know it, and behind much of it the end
/// of a connection is found late.
const RECEIVE_BUFFER: usize = 4 * 1024;
/// Of a name that has more addresses the rest is left out.
const MOST_ADDRESSES: usize = 8;

/// Listens at every address of `address` (`host:port`; port 0 is any free one, of one address only). `[::]` takes
/// IPv4 as well.
///
/// # Errors
/// When the name is unknown, or one of the addresses cannot be had; the text says what to do.
pub(super) async fn listen(address: &str) -> io::Result<Vec<TcpListener>> {
    let addresses: Vec<SocketAddr> = lookup_host(address).await?.take(MOST_ADDRESSES).collect();
    let mut listeners = Vec::new();
    let mut missing = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match bind(address) {
            Ok(listener) => listeners.push(listener),
            // `localhost` has an address of IPv6 by name on machines that have none.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => missing = explained(error),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => missing = error,
            Err(error) => return Err(explained(error)),
        }
        if address.port() == 0 && !listeners.is_empty() {
            break;
        }
    }
    if listeners.is_empty() { Err(missing) } else { Ok(listeners) }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A port whose last connections are still fading away can be had again.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Connections inherit it; set later it would not bound the window any more.
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// The same error with what to do about it.
fn explained(error: io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => "another program has the port (`ss -ltnp` shows which)",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address; 0.0.0.0 stands for all it has",
        io::ErrorKind::PermissionDenied => "ports below 1024 are not for every user: take a higher one",
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{error}: {advice}"))
}
