//! Where telegrams and clients meet.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::{self, Left};
use super::told::Told;
use crate::telemetry::ShareCounters;

/// Telegrams a client may lie behind before it is dropped: more than a source with a backlog hands out before
/// its clients get their turn. They are held once for all clients, and no longer than the slowest is tolerated.
const BEHIND: usize = 1_024;
/// Clients served at once; more are turned away.
const MOST_CLIENTS: u64 = 64;
/// What clients get for the last telegrams when a share ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// Coming and going is told once in this time for each address.
const VISITS: Duration = Duration::from_secs(3_600);
/// Drops are told once in this time for each address.
const DROPS: Duration = Duration::from_secs(60);

/// Telegrams in, clients out.
#[derive(Debug)]
pub(super) struct Hall {
    telegrams: broadcast::Sender<Arc<[u8]>>,
    desk: Arc<Desk>,
    /// Ends the listening.
    shut: CancellationToken,
    /// Ends everything at once.
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What every client's task needs.
#[derive(Debug)]
struct Desk {
    meter: Arc<str>,
    counters: Arc<ShareCounters>,
    visits: Told,
    drops: Told,
}

impl Hall {
    /// An empty one; `meter` is what the log calls it.
    pub(super) fn new(meter: Arc<str>, counters: Arc<ShareCounters>) -> Self {
        let desk = Desk { meter, counters, visits: Told::new(VISITS), drops: Told::new(DROPS) };
        Self {
            telegrams: broadcast::channel(BEHIND).0,
            desk: Arc::new(desk),
            shut: CancellationToken::new(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Lets clients in.
    pub(super) fn open(&self, listeners: Vec<TcpListener>) {
        for listener in listeners {
            let (telegrams, desk) = (self.telegrams.clone(), Arc::clone(&self.desk));
            let (shut, stop, tasks) = (self.shut.clone(), self.stop.clone(), self.tasks.clone());
            self.tasks.spawn(async move {
                while let Some(accepted) = shut.run_until_cancelled(listener.accept()).await {
                    match accepted {
                        Ok((client, from)) => {
                            let visit = desk.welcome(client, from, &telegrams);
                            if let Some(visit) = visit {
                                let stop = stop.clone();
                                tasks.spawn(async move { stop.run_until_cancelled(visit).await });
                            }
                        }
                        Err(error) => desk.refused(&error).await,
                    }
                }
            });
        }
    }

    /// Runs something beside the clients until the hall is closed.
    pub(super) fn beside(&self, task: impl Future<Output = ()> + Send + 'static) {
        let shut = self.shut.clone();
        self.tasks.spawn(async move { shut.run_until_cancelled(task).await });
    }

    /// What happened so far.
    pub(super) fn counters(&self) -> &ShareCounters {
        &self.desk.counters
    }

    /// Sends a telegram to every client; never waits.
    pub(super) fn send(&self, telegram: &[u8]) {
        if self.has_clients() {
            // The last client may have gone just now.
            let _ = self.telegrams.send(telegram.into());
        }
    }

    /// Whether anybody listens.
    pub(super) fn has_clients(&self) -> bool {
        self.telegrams.receiver_count() > 0
    }

    /// Whether the slowest client is far behind.
    pub(super) fn is_behind(&self) -> bool {
        self.telegrams.len() > BEHIND / 2
    }

    /// A handle that can open this hall from a task beside it.
    pub(super) fn opener(&self) -> Self {
        Self {
            telegrams: self.telegrams.clone(),
            desk: Arc::clone(&self.desk),
            shut: self.shut.clone(),
            stop: self.stop.clone(),
            tasks: self.tasks.clone(),
        }
    }

    /// Lets nobody in any more, gives the clients a moment for what is under way, and hangs up.
    pub(super) async fn close(self) {
        let Self { telegrams, shut, stop, tasks, .. } = self;
        shut.cancel();
        // Each client takes what waits for it and then finds the end.
        drop(telegrams);
        tasks.close();
        let _ = timeout(FAREWELL, tasks.wait()).await;
        stop.cancel();
        tasks.wait().await;
    }

    /// Ends everything without waiting.
    pub(super) fn abandon(&self) {
        self.shut.cancel();
        self.stop.cancel();
    }
}

impl Desk {
    /// Takes a client in, or turns it away. What is returned is its visit.
    fn welcome(
        self: &Arc<Self>,
        mut client: TcpStream,
        from: SocketAddr,
        telegrams: &broadcast::Sender<Arc<[u8]>>,
    ) -> Option<impl Future<Output = ()> + Send + 'static> {
        let counters = &self.counters;
        counters.connects.inc();
        if counters.clients.get() >= MOST_CLIENTS {
            counters.turned_away.inc();
            if self.drops.news(name(from), Instant::now()) {
                tracing::warn!(
                    meter = %self.meter, client = %from, clients = MOST_CLIENTS,
                    "turned a client of the share away: there are too many"
                );
            }
            return None;
        }
        let present = Present::new(counters);
        if let Err(error) = client::prepare(&client) {
            tracing::debug!(meter = %self.meter, client = %from, %error, "the connection goes without keepalive");
        }
        let aloud = self.visits.news(name(from), Instant::now());
        let clients = counters.clients.get();
        if aloud {
            tracing::info!(meter = %self.meter, client = %from, clients, "a client of the share came");
        } else {
            tracing::debug!(meter = %self.meter, client = %from, clients, "a client of the share came");
        }
        let (desk, telegrams) = (Arc::clone(self), telegrams.subscribe());
        Some(async move {
            let mut present = present;
            let left = client::serve(&mut client, telegrams, &desk.counters).await;
            present.dropped = matches!(left, Left::Slow | Left::Unanswering);
            drop(present);
            desk.farewell(from, left, aloud);
        })
    }

    fn farewell(&self, from: SocketAddr, left: Left, aloud: bool) {
        let (meter, clients, reason) = (&self.meter, self.counters.clients.get(), left.reason());
        match left {
            Left::Slow | Left::Unanswering if self.drops.news(name(from), Instant::now()) => {
                tracing::warn!(%meter, client = %from, reason, clients, "dropped a client of the share");
            }
            Left::Itself if aloud => {
                tracing::info!(%meter, client = %from, reason, clients, "a client of the share left");
            }
            _ => tracing::debug!(%meter, client = %from, reason, clients, "a client of the share left"),
        }
    }

    /// Out of descriptors: clients get time to leave.
    async fn refused(&self, error: &io::Error) {
        if self.drops.news(IpAddr::from([0; 4]), Instant::now()) {
            tracing::warn!(meter = %self.meter, %error, "the share cannot take a client");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A client of IPv4 at a socket of IPv6 is known by the address people know.
fn name(from: SocketAddr) -> IpAddr {
    from.ip().to_canonical()
}

/// Counts a client for as long as it is there, however its visit ends.
struct Present {
    counters: Arc<ShareCounters>,
    dropped: bool,
}

impl Present {
    fn new(counters: &Arc<ShareCounters>) -> Self {
        counters.clients.inc();
        Self { counters: Arc::clone(counters), dropped: false }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.counters.clients.dec();
        if self.dropped {
            self.counters.dropped.inc();
        } else {
            self.counters.left.inc();
        }
    }
}
