//! The stages of the process: [`Settings`], then [`App`] (the record is open, nothing moves yet), then running.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::backup::Backups;
use super::books::Books;
use super::health;
use super::opening::Opening;
use super::prices::{self, Market};
use super::pulse::{STORE_PATIENCE, beat};
use super::requests::Requests;
use super::shares::Shares;
use super::sink::{self, Sink};
use super::tasks::{Brokers, MeterRegistry, Readers};
use super::watchdog::{self, Pulse, Watchdog};
use crate::clock::Clock;
use crate::config::{ConfigError, MeterSettings, Settings};
use crate::exit;
use crate::feed::{Event, Feed, MeterId};
use crate::meter::UnixMillis;
use crate::publish::LayoutError;
use crate::store::disk::Disk;
use crate::store::{self, Store};
use crate::telemetry::{BackupState, StoreCounters, log::LevelHandle};

/// How long brokers get for what is in flight when the process stops; `stopwaitsecs` is 20 s.
pub(super) const FAREWELL: Duration = Duration::from_secs(5);

/// Why an appliance whose record is open could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The watchdog's thread could not be started.
    #[error("the watchdog cannot be started")]
    Watchdog(#[from] std::io::Error),
    /// A layout could not be built.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

/// A request from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Stop cleanly.
    Stop,
    /// Read the configuration again.
    Reload,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// One of [`crate::exit`].
    pub code: u8,
}

/// What a reload needs from outside.
pub trait Reload {
    /// Reads the configuration again.
    ///
    /// # Errors
    /// Every problem found; the running configuration stays.
    fn load(&mut self) -> Result<Settings, ConfigError>;
}

impl<F: FnMut() -> Result<Settings, ConfigError>> Reload for F {
    fn load(&mut self) -> Result<Settings, ConfigError> {
        self()
    }
}

/// The appliance with its record open and nothing moving yet.
pub struct App {
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) feed: Feed,
    pub(super) books: Books,
    pub(super) shares: Shares,
    pub(super) sink: Sink,
    pub(super) store_counters: Arc<StoreCounters>,
    pub(super) level: Option<LevelHandle>,
    pub(super) opening: Option<Opening>,
    /// None is the machine's.
    pub(super) disk: Option<Arc<dyn Disk>>,
}

impl App {
    /// Opens the record, within a runtime. One on a medium that is full, read-only, failing or very slow is opened while
    /// the appliance runs: readings wait in memory until then.
    ///
    /// # Errors
    /// When the record cannot be opened at all: no such folder, no permission, another process holds it.
    pub fn bind(
        settings: Settings,
        clock: Clock,
        level: Option<LevelHandle>,
    ) -> Result<Self, store::OpenError> {
        Self::bind_on(None, settings, clock, level)
    }

    /// As [`App::bind`], with the record on another disk than the machine's.
    ///
    /// # Errors
    /// As of [`App::bind`].
    pub fn bind_on(
        disk: Option<Arc<dyn Disk>>,
        settings: Settings,
        clock: Clock,
        level: Option<LevelHandle>,
    ) -> Result<Self, store::OpenError> {
        let store_counters = Arc::new(StoreCounters::default());
        let open = {
            let (settings, disk) = (settings.clone(), disk.clone());
            let (counters, clock) = (Arc::clone(&store_counters), clock.clone());
            move || sink::open_store(&settings, disk.as_ref(), &counters, &clock)
        };
        let (store, opening) = Opening::at_start(&settings.store.path, open, &store_counters, &clock)?;
        let feed = Feed::default();
        let books = Books::new(settings.store.path.clone());
        for meter in &settings.meters {
            let latest = store.as_ref().and_then(|store| store.latest(&meter.name));
            if opening.as_ref().is_some_and(Opening::is_under_way) {
                books.begin(meter, &settings.prices);
            } else {
                books.open(meter, &settings.prices, latest.as_ref());
            }
        }
        seed(&feed, store.as_deref(), &books, &settings, clock.wall());
        let shares = Shares::new(clock.clone());
        let sink = Sink::new(store, books.clone(), feed.clone(), shares.clone(), Arc::clone(&store_counters));
        Ok(Self { settings, clock, feed, books, shares, sink, store_counters, level, opening, disk })
    }

    /// Starts every meter, share and broker.
    ///
    /// # Errors
    /// When the watchdog's thread cannot be started, or a layout cannot be built.
    pub fn start(self) -> Result<Running, StartError> {
        let readers_counters = MeterRegistry::default();
        let mut readers = Readers::new(self.sink.clone(), readers_counters.clone(), self.clock.clone());
        let mut brokers = Brokers::new(
            self.feed.clone(),
            readers_counters,
            prices::listener(self.sink.clone()),
            self.clock.clone(),
        );
        for broker in &self.settings.mqtt {
            brokers.start(broker)?;
        }
        self.shares.start(&self.settings.meters);
        for meter in &self.settings.meters {
            readers.start(meter);
        }
        let runtime = Pulse { name: "runtime", beats: Arc::default(), patience: 1 };
        let record = Pulse { name: "store", beats: Arc::default(), patience: STORE_PATIENCE };
        tokio::spawn(beat(
            self.sink.clone(),
            Arc::clone(&runtime.beats),
            Arc::clone(&record.beats),
            Arc::clone(&self.store_counters),
            self.clock.clone(),
        ));
        let watchdog = watchdog::spawn(vec![runtime, record], self.settings.watchdog)?;
        let mut backups = Backups::new(self.clock.clone());
        backups.start(&self.settings.backup, &self.settings.store.path);
        tokio::spawn(health::tell(
            Arc::clone(&self.store_counters),
            backups.state(),
            self.feed.clone(),
            self.clock.clone(),
        ));
        Ok(Running {
            backups,
            market: if self.opening.is_some() { Market::closed() } else { Market::new(&self.settings) },
            app: self,
            readers,
            brokers,
            stop_requested: false,
            recordless: false,
            _watchdog: watchdog,
        })
    }
}

/// Hands brokers the last stored reading of every meter, so that what a killed process had not delivered
/// reaches them even when the meter stays silent.
fn seed(feed: &Feed, store: Option<&Store>, books: &Books, settings: &Settings, now: UnixMillis) {
    for meter in &settings.meters {
        let id = MeterId { name: meter.name.as_str().into() };
        if let Some(reading) = store.and_then(|store| store.latest(&meter.name)) {
            let reading = Arc::new(reading);
            // Of a day that is over nothing is said any more.
            let totals = books.take(&id, &reading).filter(|totals| now.div_euclid(1000) < totals.today.end);
            feed.publish(Event::Reading { meter: id.clone(), reading, totals });
        }
        feed.publish(Event::Link { meter: id, online: false });
    }
}

/// The appliance at work.
pub struct Running {
    pub(super) app: App,
    pub(super) readers: Readers,
    pub(super) brokers: Brokers,
    pub(super) market: Market,
    pub(super) backups: Backups,
    stop_requested: bool,
    /// Neither the new record nor the old one could be opened: nothing could be kept any more.
    pub(super) recordless: bool,
    _watchdog: Watchdog,
}

impl Running {
    /// The live feed.
    pub fn feed(&self) -> &Feed {
        &self.app.feed
    }

    /// The record's counters.
    pub fn store_counters(&self) -> &StoreCounters {
        &self.app.store_counters
    }

    /// Ends the run as a request from outside would.
    pub fn request_stop(&mut self) {
        self.stop_requested = true;
    }

    /// The readers and their counters.
    pub fn readers(&mut self) -> &mut Readers {
        &mut self.readers
    }

    /// The shares and their counters.
    pub fn shares(&self) -> &Shares {
        &self.app.shares
    }

    /// What became of backups.
    pub fn backup_state(&self) -> Arc<BackupState> {
        self.backups.state()
    }

    /// The brokers and their counters.
    pub fn brokers(&mut self) -> &mut Brokers {
        &mut self.brokers
    }

    /// Runs until asked to stop, or until a part fails; `every_second` is called about once a second.
    pub async fn run(
        mut self,
        controls: mpsc::Receiver<Control>,
        mut reload: impl Reload,
        mut every_second: impl FnMut(&mut Self),
    ) -> Ending {
        notify(&[sd_notify::NotifyState::Ready]);
        let mut requests = Requests::new(controls);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let code = loop {
            tokio::select! {
                control = requests.next() => match control {
                    Control::Reload => {
                        self.reload(&mut reload, &mut requests).await;
                        if self.recordless {
                            break exit::STORE;
                        }
                    }
                    Control::Stop => break exit::OK,
                },
                meter = self.readers.ended() => {
                    tracing::error!(meter, "a reader ended that should not have");
                    break exit::SOFTWARE;
                }
                broker = self.brokers.ended() => {
                    tracing::error!(broker, "a broker's task ended that should not have");
                    break exit::SOFTWARE;
                }
                _ = second.tick() => {
                    if self.app.sink.store().is_some_and(|store| store.has_failed()) {
                        tracing::error!("the store's thread ended that should not have");
                        break exit::SOFTWARE;
                    }
                    every_second(&mut self);
                    if self.stop_requested {
                        break exit::OK;
                    }
                    if let Some(code) = self.open_record(&mut requests).await {
                        break code;
                    }
                    requests.unless_stopped(self.keep_books()).await;
                }
            }
        };
        self.stop(code).await
    }

    /// Takes over prices that changed, and zones that telegrams told.
    async fn keep_books(&mut self) {
        let App { books, sink, settings, .. } = &self.app;
        self.market.follow(&self.app.store_counters, settings);
        self.market.poll(books, sink.store(), settings).await;
        let displaced = books.displaced();
        if !displaced.is_empty() {
            let theirs = |meter: &&MeterSettings| displaced.iter().any(|name| **name == *meter.name);
            let meters = settings.meters.iter().filter(theirs).cloned().collect();
            books.renew(sink.store(), meters, settings.prices.clone()).await;
        }
    }

    /// Stops in order: no more readings, then the farewells to clients and brokers, then the record.
    async fn stop(mut self, code: u8) -> Ending {
        notify(&[sd_notify::NotifyState::Stopping]);
        tracing::info!("stopping");
        self.readers.stop_all().await;
        tokio::join!(self.app.shares.retire(&[]), self.brokers.stop(|_| true, FAREWELL), self.backups.stop());
        let kept = self.open_last().await;
        let closed = match self.app.sink.detach() {
            Some(store) => store.close().await,
            None => Ok(()),
        };
        if let Err(error) = closed {
            tracing::error!(%error, "the record could not be closed; the journal keeps what is not in a block");
            return Ending { code: if code == exit::OK { exit::STORE } else { code } };
        }
        if !kept {
            return Ending { code: if code == exit::OK { exit::STORE } else { code } };
        }
        tracing::info!("stopped");
        Ending { code }
    }
}

/// Tells systemd; without systemd there is no socket to notify, which is no error.
pub(super) fn notify(state: &[sd_notify::NotifyState<'_>]) {
    let _ = sd_notify::notify(state);
}
