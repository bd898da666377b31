//! What one client gets.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until, timeout};

use crate::telemetry::ShareCounters;

/// How long a client may leave one telegram untaken before it is dropped.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the kernel may hold for a client, in bytes (Linux takes twice as many for its own use). Left alone it grows
/// to megabytes, and a client that reads nothing is found out after an hour instead of a minute.
const SEND_BUFFER: usize = 16 * 1024;
/// A machine that leaves something unacknowledged for so long is gone.
const UNANSWERED: Duration = Duration::from_secs(20);
/// After a client said something it is not listened to for this long: what it says means nothing, and much of it
/// must not cost much.
const DEAF: Duration = Duration::from_millis(100);

/// How a client's visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// It hung up.
    Itself,
    /// It did not take what it was sent.
    Slow,
    /// Its machine does not answer.
    Unanswering,
    /// There are no more telegrams.
    Closed,
}

impl Left {
    /// For the log.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Itself => "it hung up",
            Self::Slow => "it does not take what it is sent",
            Self::Unanswering => "its machine does not answer any more",
            Self::Closed => "there are no more telegrams",
        }
    }

    fn by(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Self::Unanswering
            }
            _ => Self::Itself,
        }
    }
}

/// Sets a new connection up: telegrams go out at once, little is held for it, and a dead peer is noticed.
pub(super) fn prepare(client: &TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    let socket = SockRef::from(client);
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(UNANSWERED))
}

/// Sends a client every telegram until either has enough.
pub(super) async fn serve(
    client: &mut TcpStream,
    mut telegrams: broadcast::Receiver<Arc<[u8]>>,
    counters: &ShareCounters,
) -> Left {
    let (mut input, mut output) = client.split();
    let mut ignored = [0; 1024];
    let mut deaf_until = Instant::now();
    let left = loop {
        let telegram = tokio::select! {
            biased;
            telegram = telegrams.recv() => telegram,
            // What a client says is ignored (telnet negotiation, keep-alives), but it shows when it is gone.
            read = async { sleep_until(deaf_until).await; input.read(&mut ignored).await } => match read {
                Ok(0) => break Left::Itself,
                Ok(_) => {
                    deaf_until = Instant::now() + DEAF;
                    continue;
                }
                Err(error) => break Left::by(&error),
            },
        };
        match telegram {
            Ok(telegram) => match timeout(PATIENCE, output.write_all(&telegram)).await {
                Ok(Ok(())) => {
                    counters.telegrams.inc();
                    counters.bytes.add(telegram.len() as u64);
                }
                Ok(Err(error)) => break Left::by(&error),
                Err(_) => break Left::Slow,
            },
            Err(RecvError::Lagged(_)) => break Left::Slow,
            Err(RecvError::Closed) => break Left::Closed,
        }
    };
    match left {
        // What is under way arrives, and then the end. Whoever is gone already does not mind.
        Left::Closed => drop(output.shutdown().await),
        // The kernel is not to go on trying for minutes.
        Left::Slow | Left::Unanswering => drop(SockRef::from(&*client).set_linger(Some(Duration::ZERO))),
        Left::Itself => {}
    }
    left
}
