//! Dynamic prices on their way: from a broker into the record, and from the record into the books.

use std::sync::Arc;

use super::books::Books;
use super::sink::Sink;
use crate::config::Settings;
use crate::mqtt::PricesHeard;
use crate::prices::import::{self, ImportError};
use crate::prices::{PriceKind, PriceUnit};
use crate::store::{FlushError, ImportSummary, PriceWatch, Store};
use crate::telemetry::StoreCounters;

/// Why a table was not taken over; the prices are as they were.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// It is none.
    #[error("this is no table of prices: {0}")]
    Table(#[from] ImportError),
    /// There is no record at this moment: it is being exchanged, or cannot be opened.
    #[error("there is no record at this moment; send the prices again")]
    Exchanged,
    /// The record does not take it.
    #[error("the prices could not be stored: {0}")]
    Store(#[from] FlushError),
}

/// Takes a table over into the record, as a whole or not at all, whatever way it came. Prices without a kind of their own
/// have `kind`; `unit` is what they are of, `None` takes it of the table. Times without an offset are those of the meters,
/// where all have one zone.
///
/// # Errors
/// It is no table, or the record cannot take it now.
pub async fn take(
    sink: &Sink,
    bytes: &[u8],
    kind: PriceKind,
    unit: Option<PriceUnit>,
) -> Result<ImportSummary, TakeError> {
    let zone = sink.books().zone();
    let slots = import::read(bytes, import::sniff(bytes), kind, unit, zone.as_ref())?;
    let store = sink.store().ok_or(TakeError::Exchanged)?;
    Ok(store.put_prices(slots).await?)
}

/// Takes tables that a broker publishes into the record.
pub fn listener(sink: Sink) -> PricesHeard {
    Arc::new(move |source, payload| {
        // Somebody took the table away; what the record has stays.
        if payload.is_empty() {
            return;
        }
        let (source, payload, sink) = (source.clone(), payload.to_vec(), sink.clone());
        // Tasks of a runtime with one thread begin in their order, and so a later table comes after an earlier one.
        tokio::spawn(async move {
            let topic = source.topic;
            match take(&sink, &payload, source.kind, source.unit).await {
                Ok(summary) if summary.added + summary.changed > 0 => {
                    let (added, changed) = (summary.added, summary.changed);
                    tracing::info!(topic, added, changed, "took over dynamic prices");
                }
                // A broker repeats what it keeps on every connection.
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(topic, %error, "prices were not taken over; they stay as they were")
                }
            }
        });
    })
}

/// Looks whether the record has other prices than the books, whoever wrote them.
pub struct Market {
    watch: Option<PriceWatch>,
    failing: bool,
    /// How often the record had been let go of.
    let_go: u64,
}

impl Market {
    /// Looks at the record of `settings`.
    pub fn new(settings: &Settings) -> Self {
        let mut market = Self::closed();
        market.look_at(settings);
        market
    }

    /// Looks at nothing until [`Market::look_at`].
    pub fn closed() -> Self {
        Self { watch: None, failing: false, let_go: 0 }
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

    /// Lets go of a record that its writer let go of, and looks at the one that it has again: the files may be others, and
    /// as long as they are open here the medium cannot be unmounted.
    pub fn follow(&mut self, counters: &StoreCounters, settings: &Settings) {
        let (let_go, had_again) = (counters.let_go.get(), counters.had_again.get());
        if let_go > had_again {
            self.watch = None;
        } else if let_go != self.let_go {
            self.let_go = let_go;
            self.look_at(settings);
        }
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
