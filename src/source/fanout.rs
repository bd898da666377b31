//! A meter for the network: the same telegrams to every client that connects, as ser2net would send them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::telemetry::Counter;

/// Telegrams a client may lie behind before it is dropped.
const BEHIND: usize = 32;
/// How long a client may leave one telegram untaken before it is dropped.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clients served at once; more are turned away.
const MOST_CLIENTS: u64 = 64;

/// Counters of a [`Fanout`].
#[derive(Debug, Default)]
pub struct FanoutCounters {
    /// Clients that connected.
    pub connects: Counter,
    /// Clients that are gone, for whatever reason.
    pub disconnects: Counter,
    /// Clients dropped because they were too slow, or turned away because there were too many.
    pub dropped: Counter,
}

/// A TCP server that sends telegrams to all its clients. A slow client is dropped and delays nobody.
#[derive(Debug)]
pub struct Fanout {
    telegrams: broadcast::Sender<Arc<[u8]>>,
    counters: Arc<FanoutCounters>,
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Fanout {
    /// Binds `address` (`host:port`; port 0 is any free one) and serves until dropped.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn bind(address: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let fanout = Self {
            telegrams: broadcast::channel(BEHIND).0,
            counters: Arc::default(),
            address: listener.local_addr()?,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let (telegrams, counters) = (fanout.telegrams.clone(), Arc::clone(&fanout.counters));
        let (stop, tasks) = (fanout.stop.clone(), fanout.tasks.clone());
        fanout.tasks.spawn(async move {
            while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
                let Ok((client, _)) = accepted else {
                    // Out of descriptors: give clients time to leave.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                counters.connects.inc();
                if counters.connects.get() - counters.disconnects.get() > MOST_CLIENTS {
                    counters.dropped.inc();
                    counters.disconnects.inc();
                    continue;
                }
                let (telegrams, counters, stop) =
                    (telegrams.subscribe(), Arc::clone(&counters), stop.clone());
                tasks.spawn(async move {
                    if stop.run_until_cancelled(serve(client, telegrams)).await == Some(Left::Slow) {
                        counters.dropped.inc();
                    }
                    counters.disconnects.inc();
                });
            }
        });
        Ok(fanout)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happened so far.
    pub fn counters(&self) -> &FanoutCounters {
        &self.counters
    }

    /// Sends a telegram to every client; never waits.
    pub fn send(&self, telegram: &[u8]) {
        // No client is no error.
        let _ = self.telegrams.send(telegram.into());
    }

    /// Hangs up on all clients and waits until that is done.
    pub async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Fanout {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Left {
    Gone,
    Slow,
}

async fn serve(mut client: TcpStream, mut telegrams: broadcast::Receiver<Arc<[u8]>>) -> Left {
    // A telegram is one small write; it goes out at once.
    let _ = client.set_nodelay(true);
    let (mut input, mut output) = client.split();
    let mut ignored = [0; 64];
    loop {
        let telegram = tokio::select! {
            telegram = telegrams.recv() => telegram,
            // What a client says is ignored, but it shows when it is gone.
            read = input.read(&mut ignored) => match read {
                Ok(read) if read > 0 => continue,
                _ => return Left::Gone,
            },
        };
        match telegram {
            Ok(telegram) => match timeout(PATIENCE, output.write_all(&telegram)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Left::Gone,
                Err(_) => return Left::Slow,
            },
            Err(broadcast::error::RecvError::Lagged(_)) => return Left::Slow,
            Err(broadcast::error::RecvError::Closed) => return Left::Gone,
        }
    }
}
