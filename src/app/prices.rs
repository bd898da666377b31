//! Dynamic prices on their way: from a broker into the record, and from the record into the books.

use std::sync::Arc;

use super::books::Books;
use super::sink::Sink;
use crate::config::Settings;
use crate::mqtt::PricesHeard;
use crate::prices::import;
use crate::store::{PriceWatch, Store};

/// Takes tables that a broker publishes into the record. A table is taken as a whole or not at all.
pub fn listener(sink: Sink) -> PricesHeard {
    Arc::new(move |source, payload| {
        let topic = source.topic.clone();
        // Somebody took the table away; what the record has stays.
        if payload.is_empty() {
            return;
        }
        let slots = match import::read(payload, import::sniff(payload), source.kind, source.unit, None) {
            Ok(slots) => slots,
            Err(error) => {
                tracing::warn!(topic, %error, "this is no table of prices; the prices stay as they were");
                return;
            }
        };
        let Some(store) = sink.store() else {
            tracing::warn!(topic, "the record is being exchanged; the prices are lost, publish them again");
            return;
        };
        tokio::spawn(async move {
            match store.put_prices(slots).await {
                Ok(summary) if summary.added + summary.changed > 0 => {
                    let (added, changed) = (summary.added, summary.changed);
                    tracing::info!(topic, added, changed, "took over dynamic prices");
                }
                // A broker repeats what it keeps on every connection.
                Ok(_) => {}
                Err(error) => tracing::error!(topic, %error, "the prices could not be stored"),
            }
        });
    })
}

/// Looks whether the record has other prices than the books, whoever wrote them.
pub struct Market {
    watch: Option<PriceWatch>,
    failing: bool,
}

impl Market {
    /// Looks at the record of `settings`.
    pub fn new(settings: &Settings) -> Self {
        let mut market = Self { watch: None, failing: false };
        market.look_at(settings);
        market
    }

    /// Looks at the record of other settings from now on.
    pub fn look_at(&mut self, settings: &Settings) {
        self.watch = match PriceWatch::open(&settings.store.path) {
            Ok(watch) => Some(watch),
            Err(error) => {
                tracing::warn!(%error, "prices that change while dsmrd runs will not be noticed");
                None
            }
        };
    }

    /// Takes new prices over, where there are any; costs of the past are made anew when their prices changed.
    pub async fn poll(&mut self, books: &Books, store: Option<Arc<Store>>, settings: &Settings) {
        if !self.watch.as_mut().is_some_and(PriceWatch::changed) && !self.failing {
            return;
        }
        let (theirs, mine) = (books.clone(), settings.clone());
        let repriced = tokio::task::spawn_blocking(move || theirs.reprice(&mine)).await;
        self.failing = !matches!(repriced, Ok(Ok(_)));
        match repriced {
            Ok(Ok(past)) => {
                tracing::info!(past, "new prices are in force");
                if past {
                    books.renew(store, settings.meters.clone(), settings.prices.clone()).await;
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "the new prices cannot be read; they are tried again"),
            Err(error) => tracing::error!(%error, "the new prices cannot be read; they are tried again"),
        }
    }
}
