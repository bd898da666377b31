//! A new configuration for the appliance at work: only what changed is restarted.

use std::sync::Arc;

use super::life::{App, FAREWELL, Reload, Running, notify};
use super::opening::Opening;
use super::requests::Requests;
use super::sink;
use crate::config::{self, MeterSettings, Settings};
use crate::feed::MeterId;
use crate::store::{OpenError, Store};
use crate::telemetry::StoreFault;

impl Running {
    /// Takes a new configuration over: only what changed is restarted. Who asks to stop meanwhile does not wait for the
    /// totals, which can take long.
    pub(super) async fn reload(&mut self, reload: &mut impl Reload, requests: &mut Requests) {
        notify(&[sd_notify::NotifyState::Reloading]);
        match reload.load() {
            Ok(settings) => self.apply(settings, requests).await,
            Err(error) => {
                for problem in &error.problems {
                    tracing::error!(problem, "the new configuration is bad; the old one stays");
                }
            }
        }
        notify(&[sd_notify::NotifyState::Ready]);
    }

    async fn apply(&mut self, mut settings: Settings, requests: &mut Requests) {
        let changes = config::diff(&self.app.settings, &settings);
        if changes.is_empty() {
            tracing::info!("configuration read again: nothing changed");
        }
        for name in changes.meters.removed.iter().chain(&changes.meters.changed) {
            self.readers.stop(name).await;
        }
        for name in &changes.meters.removed {
            // For whoever still reads its topics: nobody says anything there any more.
            let meter = MeterId { name: name.as_str().into() };
            self.app.sink.link(&meter, false);
            self.app.feed.forget(&meter);
        }
        let leaving = |name: &str| {
            changes.brokers.removed.iter().chain(&changes.brokers.changed).any(|known| known == name)
        };
        self.brokers.stop(leaving, FAREWELL).await;
        let backups = changes.store || changes.backup;
        if backups {
            self.backups.stop().await;
        }
        if changes.store {
            self.exchange_store(&mut settings).await;
        }
        if backups {
            self.backups.start(&settings.backup, &settings.store.path);
            tracing::info!(on = settings.backup.folder.is_some(), "backups follow the new settings");
        }
        for broker in settings.mqtt.iter().filter(|broker| comes(&changes.brokers, &broker.name)) {
            match self.brokers.start(broker) {
                Ok(()) => tracing::info!(broker = broker.name, "broker started with its new settings"),
                Err(error) => tracing::error!(broker = broker.name, %error, "the broker cannot be started"),
            }
        }
        requests.unless_stopped(self.rewrite_books(&changes, &settings)).await;
        // A share that moves, comes or goes does not touch its meter, nor the other way round.
        self.app.shares.retire(&settings.meters).await;
        self.app.shares.start(&settings.meters);
        for meter in settings.meters.iter().filter(|meter| comes(&changes.meters, &meter.name)) {
            self.readers.start(meter);
            tracing::info!(meter = %meter.name, "meter started with its new settings");
        }
        if settings.log.level != self.app.settings.log.level {
            if let Some(level) = &self.app.level {
                level.set(settings.log.level);
            }
            tracing::info!(level = %settings.log.level, "log level changed");
        }
        if settings.log.format != self.app.settings.log.format || changes.watchdog {
            tracing::warn!("log.format and process.watchdog take effect at the next start");
        }
        self.app.settings = settings;
    }

    /// Opens the books of new meters, and makes those anew whose days, prices or record are others.
    async fn rewrite_books(&mut self, changes: &config::diff::Changes, settings: &Settings) {
        let App { books, sink, .. } = &self.app;
        books.retain(settings);
        if changes.store {
            books.moved(settings.store.path.clone());
            self.market.look_at(settings);
        }
        let all = changes.store || changes.prices;
        let touched = |meter: &&MeterSettings| all || comes(&changes.meters, &meter.name);
        let (known, new): (Vec<_>, Vec<_>) = settings
            .meters
            .iter()
            .filter(touched)
            .cloned()
            .partition(|meter| !changes.meters.added.contains(&meter.name));
        for meter in &new {
            books.open(meter, &settings.prices, None);
        }
        if !known.is_empty() {
            books.renew(sink.store(), known, settings.prices.clone()).await;
        }
    }

    /// Closes the record and opens it anew; readings wait meanwhile. When the new one cannot be opened the old one
    /// goes on, and its settings stay in force, so that the next reload tries again.
    async fn exchange_store(&mut self, settings: &mut Settings) {
        self.stop_opening().await;
        if let Some(store) = self.app.sink.detach()
            && let Err(error) = store.close().await
        {
            tracing::error!(%error, "the record could not be closed; the journal keeps what is not in a block");
        }
        let mut opened = open_beside(&self.app, settings).await;
        if let Err(error) = opened {
            tracing::error!(%error, "the new record cannot be opened; the old one stays");
            settings.store = self.app.settings.store.clone();
            settings.tail = self.app.settings.tail.clone();
            settings.retention = self.app.settings.retention;
            opened = open_beside(&self.app, settings).await;
        }
        match opened {
            Ok(store) => {
                self.app.sink.attach(Arc::new(store));
                self.app.store_counters.troubles.healed(StoreFault::Closed);
            }
            Err(error) if error.may_pass() => {
                self.app.opening = Some(Opening::after(&error, &self.app.store_counters, &self.app.clock));
            }
            Err(error) => {
                tracing::error!(%error, "the old record cannot be opened again");
                self.recordless = true;
            }
        }
    }
}

/// Opens a record while everything else goes on: a slow card takes its time.
fn open_beside(app: &App, settings: &Settings) -> impl Future<Output = Result<Store, OpenError>> + use<> {
    let (settings, disk) = (settings.clone(), app.disk.clone());
    let (counters, clock) = (Arc::clone(&app.store_counters), app.clock.clone());
    let path = settings.store.path.clone();
    let open = move || sink::open_store(&settings, disk.as_ref(), &counters, &clock);
    async move {
        let opened = tokio::task::spawn_blocking(open).await;
        opened.unwrap_or_else(|error| Err(OpenError::Io { path, error: error.into() }))
    }
}

/// Whether a thing of this name is to be started.
fn comes(named: &config::diff::Named, name: &str) -> bool {
    named.added.iter().chain(&named.changed).any(|known| known == name)
}
