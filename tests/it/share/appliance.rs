//! The share within the appliance: ten clients, reloads, the end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use dsmrd::app::{App, Control, Ending, Shares};
use dsmrd::clock::Clock;
use dsmrd::config::{LogFormat, LogSettings, MeterSettings, Settings};
use dsmrd::exit;
use dsmrd::meter::Field;
use dsmrd::source::pty::Pty;
use dsmrd::source::{Line, LineSettings, ShareEncrypted, ShareSettings, SourceSettings, SourceUrl};
use dsmrd::store::{Archive, Range, StoreSettings};
use dsmrd::telemetry::{MeterCounters, ShareCounters};

use super::{Client, PATIENCE, until};
use crate::appliance::meter::telegram;
use crate::support::free_port;

fn settings(folder: &Path, tty: &Path, listen: Option<String>) -> Settings {
    Settings {
        meters: vec![MeterSettings {
            name: "home".into(),
            source: SourceSettings {
                url: SourceUrl::Serial(tty.to_owned()),
                line: Line::Fixed(LineSettings::M115200_8N1),
                max_telegram: 8_192,
                silence: Duration::from_secs(60),
                country: None,
                timezone: None,
                keys: None,
                clock_tolerance: None,
            },
            share: listen.map(|listen| ShareSettings { listen, encrypted: ShareEncrypted::Decrypted }),
        }],
        store: StoreSettings { path: folder.join("record.sqlite"), sync_interval: Duration::from_secs(60) },
        tail: None,
        retention: dsmrd::store::Retention::default(),
        backup: dsmrd::config::BackupSettings::default(),
        mqtt: Vec::new(),
        prices: dsmrd::config::PriceSettings { currency: "EUR".into(), contracts: Vec::new() },
        log: LogSettings { level: tracing::Level::INFO, format: LogFormat::Text },
        watchdog: Duration::from_secs(60),
    }
}

/// The appliance within this process, and what can be asked of it.
struct Appliance {
    shares: Shares,
    share: Arc<ShareCounters>,
    meter: Arc<MeterCounters>,
    controls: mpsc::Sender<Control>,
    next: Arc<Mutex<Settings>>,
    task: JoinHandle<Ending>,
}

impl Appliance {
    fn start(settings: Settings) -> Self {
        let next = Arc::new(Mutex::new(settings.clone()));
        let mut running = App::bind(settings, Clock::system(), None).unwrap().start().unwrap();
        let shares = running.shares().clone();
        let (share, meter) = (shares.counters("home"), running.readers().counters("home"));
        let (controls, receiver) = mpsc::channel(4);
        let reload = {
            let next = Arc::clone(&next);
            move || Ok(next.lock().unwrap().clone())
        };
        let task = tokio::spawn(running.run(receiver, reload, |_| ()));
        Self { shares, share, meter, controls, next, task }
    }

    async fn listening(&self) -> SocketAddr {
        crate::support::until(PATIENCE, "it listens", || self.shares.address("home").is_some()).await;
        self.shares.address("home").unwrap()
    }

    async fn clients(&self, count: u64) {
        until(&self.share, "the clients are there", |counters| counters.clients.get() == count).await;
    }

    /// Waits until the port is read and so many telegrams came from it.
    async fn read(&self, count: u64) {
        let there = || self.meter.opens.get() > 0 && self.meter.delivered.get() >= count;
        crate::support::until(PATIENCE, "the meter is read", there).await;
    }

    async fn reload(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.next.lock().unwrap());
        self.controls.send(Control::Reload).await.unwrap();
    }

    /// Stops it.
    async fn stop(self) {
        self.controls.send(Control::Stop).await.unwrap();
        let ending = tokio::time::timeout(PATIENCE, self.task).await.expect("in time").unwrap();
        assert_eq!(ending.code, exit::OK);
        let counters = &self.share;
        assert_eq!(counters.clients.get(), 0);
        let ended = counters.left.get() + counters.dropped.get() + counters.turned_away.get();
        assert_eq!(counters.connects.get(), ended);
    }
}

/// The first register of every stored reading, in Wh above 100 kWh.
fn stored(path: &Path) -> Vec<u64> {
    let archive = Archive::open(path).unwrap();
    let wh = |reading: dsmrd::meter::Reading| {
        let number = reading.number(Field::EnergyImportT1).unwrap();
        u64::try_from(number.mantissa()).unwrap() - 100_000
    };
    archive.readings(Range::default()).unwrap().map(|stored| wh(stored.unwrap().reading)).collect()
}

#[tokio::test]
async fn ten_clients_one_of_them_stalled_and_the_record_has_every_reading() {
    const COUNT: u64 = 200;
    let folder = crate::support::scratch();
    let pty = Pty::open().unwrap();
    let settings = settings(folder.path(), pty.path(), Some("127.0.0.1:0".into()));
    let record = settings.store.path.clone();
    let appliance = Appliance::start(settings);
    let address = appliance.listening().await;
    appliance.read(0).await;
    let stalled = Client::stalled(address).await;
    let mut clients = Vec::new();
    for _ in 0..9 {
        clients.push(Client::connect(address).await);
    }
    appliance.clients(10).await;
    let sent = Arc::new(Mutex::new(Vec::new()));
    let reading: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let sent = Arc::clone(&sent);
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                for n in 0..COUNT {
                    client.expect(&telegram(n)).await;
                    let sent: Instant = sent.lock().unwrap()[n as usize];
                    latencies.push(sent.elapsed());
                }
                (client, latencies)
            })
        })
        .collect();
    for n in 0..COUNT {
        sent.lock().unwrap().push(now());
        pty.write_all(&telegram(n)).await.unwrap();
        // At a pace, so that the latencies are those of single telegrams.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut latencies = Vec::new();
    let mut there = Vec::new();
    for client in reading {
        let (client, of_client) = client.await.unwrap();
        there.push(client);
        latencies.extend(of_client);
    }
    latencies.sort();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    eprintln!(
        "from the meter's write to a client: median {:?}, 99 % {:?}, longest {:?}",
        at(50),
        at(99),
        at(100)
    );
    until(&appliance.share, "the stalled one is dropped", |counters| counters.dropped.get() == 1).await;
    assert_eq!(appliance.share.clients.get(), 9);
    assert_eq!(appliance.meter.delivered.get(), COUNT);
    drop((stalled, there));
    appliance.stop().await;
    assert_eq!(stored(&record), (0..COUNT).collect::<Vec<_>>());
}

#[expect(clippy::disallowed_methods, reason = "latencies are measured and told, never asserted")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test]
async fn a_reload_starts_moves_and_ends_the_share_and_leaves_the_port_alone() {
    let folder = crate::support::scratch();
    let pty = Pty::open().unwrap();
    let appliance = Appliance::start(settings(folder.path(), pty.path(), None));
    pty.write_all(&telegram(1)).await.unwrap();
    appliance.read(1).await;
    assert_eq!(appliance.shares.address("home"), None);

    let share = |settings: &mut Settings, listen: String, encrypted| {
        settings.meters[0].share = Some(ShareSettings { listen, encrypted });
    };
    let first = free_port();
    let listen = format!("127.0.0.1:{first}");
    appliance.reload(|settings| share(settings, listen.clone(), ShareEncrypted::Decrypted)).await;
    let mut client = Client::connect(appliance.listening().await).await;
    appliance.clients(1).await;
    pty.write_all(&telegram(2)).await.unwrap();
    client.expect(&telegram(2)).await;

    // Another word for encrypted telegrams: the client stays.
    appliance.reload(|settings| share(settings, listen, ShareEncrypted::Untouched)).await;
    // And another line setting of the meter: the port is opened anew, and still the client stays.
    appliance.reload(|settings| settings.meters[0].source.silence = Duration::from_secs(90)).await;
    crate::support::until(PATIENCE, "the port is opened anew", || appliance.meter.opens.get() == 2).await;
    pty.write_all(&telegram(3)).await.unwrap();
    client.expect(&telegram(3)).await;
    assert_eq!(appliance.share.connects.get(), 1);

    // It moves: the client is told by the end of its connection, the port is not opened anew.
    let second = free_port();
    let listen = format!("127.0.0.1:{second}");
    appliance.reload(|settings| share(settings, listen, ShareEncrypted::Decrypted)).await;
    assert_eq!(client.rest().await, b"");
    crate::support::until(PATIENCE, "it listens elsewhere", || {
        appliance.shares.address("home").is_some_and(|address| address.port() == second)
    })
    .await;
    let mut client = Client::connect(("127.0.0.1", second)).await;
    appliance.clients(1).await;
    pty.write_all(&telegram(4)).await.unwrap();
    client.expect(&telegram(4)).await;

    appliance.reload(|settings| settings.meters[0].share = None).await;
    assert_eq!(client.rest().await, b"");
    crate::support::until(PATIENCE, "it is gone", || appliance.shares.address("home").is_none()).await;
    pty.write_all(&telegram(5)).await.unwrap();
    appliance.read(5).await;
    assert_eq!(appliance.meter.opens.get(), 2);
    appliance.stop().await;
}

#[tokio::test]
async fn a_taken_address_costs_no_reading_and_a_stalled_client_no_shutdown() {
    let folder = crate::support::scratch();
    let pty = Pty::open().unwrap();
    let other = std::net::TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let listen = other.local_addr().unwrap().to_string();
    let settings = settings(folder.path(), pty.path(), Some(listen));
    let record = settings.store.path.clone();
    let appliance = Appliance::start(settings);
    until(&appliance.share, "the address is tried", |counters| counters.bind_failures.get() > 0).await;
    for n in 0..50 {
        pty.write_all(&telegram(n)).await.unwrap();
    }
    appliance.read(50).await;
    drop(other);
    let address = appliance.listening().await;
    let stalled = Client::stalled(address).await;
    appliance.clients(1).await;
    for n in 50..150 {
        pty.write_all(&telegram(n)).await.unwrap();
    }
    appliance.read(150).await;
    appliance.stop().await;
    drop(stalled);
    assert_eq!(stored(&record), (0..150).collect::<Vec<_>>());
}
