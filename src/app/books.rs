//! The books: what each meter's readings come to over time, kept beside the record and made from it.
//!
//! A ledger lives as long as its meter and its prices. When either changes it is made anew from the record, while
//! readings go on; those that come meanwhile are entered before the new one takes its place.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::{MeterSettings, PriceSettings, Settings};
use crate::feed::MeterId;
use crate::meter::{Reading, Zone};
use crate::prices::{PriceBook, PriceTable};
use crate::store::{Archive, OpenError, ReadError, Store};
use crate::totals::{Ledger, LedgerSettings, Totals};

/// How many readings wait while a ledger is made anew; of more the oldest go, which costs nothing but the second in
/// which a quarter-hour ended, since positions add up whatever is left out.
const WAITING: usize = 4_096;

/// Why a ledger could not be made from the record. Totals begin with the next reading then.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The record cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The record cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// One meter's ledger.
#[derive(Debug)]
struct Book {
    ledger: Ledger,
    /// The zone of its days, by its IANA name.
    zone: String,
    /// Whether the zone is a guess until the telegrams tell their country.
    guessed: bool,
    /// Readings since a new ledger is being made.
    waiting: Option<VecDeque<Arc<Reading>>>,
    /// The zone that the telegrams ask for.
    wanted: Option<&'static str>,
}

#[derive(Debug, Default)]
struct Inner {
    books: HashMap<Arc<str>, Book>,
    table: Arc<PriceTable>,
}

impl Inner {
    /// A ledger that knows nothing of the past.
    fn blank(&self, plan: &Plan) -> Made {
        let table = Arc::clone(&self.table);
        Made { ledger: Ledger::new(plan.settings(Arc::clone(&table)), Vec::new()), table }
    }
}

/// The ledgers of all meters; clones are the same.
#[derive(Clone, Debug)]
pub struct Books {
    inner: Arc<Mutex<Inner>>,
    record: Arc<Mutex<PathBuf>>,
}

impl Books {
    /// Books without a meter, of the record at `record`.
    pub fn new(record: PathBuf) -> Self {
        Self { inner: Arc::default(), record: Arc::new(Mutex::new(record)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self) -> PathBuf {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens a meter's book: from the record, where that can be read.
    pub fn open(&self, meter: &MeterSettings, prices: &PriceSettings, last: Option<&Reading>) {
        let (plan, guessed) = Self::plan(meter, prices, last);
        let made = make(&self.record(), &plan);
        self.enter(plan, guessed, made);
    }

    /// Opens the book of a meter whose record nobody can look into yet: it begins with the next reading, until it is
    /// [made anew](Self::renew).
    pub fn begin(&self, meter: &MeterSettings, prices: &PriceSettings) {
        let (plan, guessed) = Self::plan(meter, prices, None);
        let made = self.lock().blank(&plan);
        self.enter(plan, guessed, Ok(made));
    }

    fn plan(meter: &MeterSettings, prices: &PriceSettings, last: Option<&Reading>) -> (Plan, bool) {
        let told = last.and_then(|reading| reading.country).map(|country| country.zone_name());
        let guessed = meter.source.timezone.is_none() && meter.source.country.is_none();
        let zone = told.filter(|_| guessed).unwrap_or_else(|| meter.source.zone_name()).to_owned();
        (Plan { meter: meter.name.as_str().into(), zone, prices: prices.clone() }, guessed)
    }

    fn enter(&self, plan: Plan, guessed: bool, made: Result<Made, BookError>) {
        let mut inner = self.lock();
        let Made { mut ledger, table } = match (made, inner.books.get_mut(&plan.meter)) {
            (Ok(made), _) => made,
            (Err(error), Some(book)) => {
                tracing::error!(meter = %plan.meter, %error, "the record cannot be read; the totals go on as they were");
                book.waiting = None;
                book.wanted = None;
                // Not asked for again with every telegram.
                book.guessed = false;
                return;
            }
            (Err(error), None) => {
                tracing::error!(
                    meter = %plan.meter, %error,
                    "the totals cannot be taken from the record; they begin with the next reading"
                );
                inner.blank(&plan)
            }
        };
        inner.table = table;
        let waiting = inner.books.remove(&plan.meter).and_then(|book| book.waiting).unwrap_or_default();
        for reading in waiting {
            ledger.take(&reading);
        }
        let Plan { meter, zone, .. } = plan;
        inner.books.insert(meter, Book { ledger, zone, guessed, waiting: None, wanted: None });
    }

    /// Enters a reading and tells what it comes to; none for a meter without a book.
    pub fn take(&self, meter: &MeterId, reading: &Arc<Reading>) -> Option<Arc<Totals>> {
        let mut inner = self.lock();
        let book = inner.books.get_mut(&meter.name)?;
        if let Some(waiting) = &mut book.waiting {
            if waiting.len() >= WAITING {
                waiting.pop_front();
            }
            waiting.push_back(Arc::clone(reading));
        }
        if book.guessed
            && let Some(country) = reading.country
            && country.zone_name() != book.zone
        {
            book.wanted = Some(country.zone_name());
        }
        Some(Arc::new(book.ledger.take(reading)))
    }

    /// Closes the books of meters that are not in the configuration any more.
    pub fn retain(&self, settings: &Settings) {
        let known = |name: &str| settings.meters.iter().any(|meter| meter.name == name);
        self.lock().books.retain(|name, _| known(name));
    }

    /// The zone of the meters' days, where all have one.
    pub fn zone(&self) -> Option<Zone> {
        let inner = self.lock();
        let mut zones = inner.books.values().map(|book| book.zone.as_str());
        let first = zones.next()?;
        zones.all(|zone| zone == first).then(|| Zone::new(first).ok()).flatten()
    }

    /// The record lies elsewhere from now on.
    pub fn moved(&self, record: PathBuf) {
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = record;
    }

    /// The meters whose telegrams say that their days are those of another zone.
    pub fn displaced(&self) -> Vec<Arc<str>> {
        let inner = self.lock();
        let displaced =
            inner.books.iter().filter(|(_, book)| book.wanted.is_some() && book.waiting.is_none());
        displaced.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// Makes the books of some meters anew from the record, whose unwritten readings `store` writes first.
    pub async fn renew(&self, store: Option<Arc<Store>>, meters: Vec<MeterSettings>, prices: PriceSettings) {
        {
            let mut inner = self.lock();
            for meter in &meters {
                if let Some(book) = inner.books.get_mut(meter.name.as_str()) {
                    book.waiting = Some(VecDeque::new());
                }
            }
        }
        if let Some(store) = store
            && let Err(error) = store.flush().await
        {
            tracing::warn!(%error, "the totals are made anew without the readings that could not be stored");
        }
        for meter in meters {
            let (plan, guessed) = {
                let inner = self.lock();
                let book = inner.books.get(meter.name.as_str());
                let wanted = book.and_then(|book| Some(book.wanted?.to_owned()));
                let guessed = meter.source.timezone.is_none() && meter.source.country.is_none();
                let kept = book.filter(|_| guessed).map(|book| book.zone.clone());
                let zone = wanted
                    .filter(|_| guessed)
                    .or(kept)
                    .unwrap_or_else(|| meter.source.zone_name().to_owned());
                (Plan { meter: meter.name.as_str().into(), zone, prices: prices.clone() }, guessed)
            };
            let record = self.record();
            let work = tokio::task::spawn_blocking(move || {
                let made = make(&record, &plan);
                (plan, made)
            });
            match work.await {
                Ok((plan, made)) => self.enter(plan, guessed, made),
                Err(error) => {
                    tracing::error!(meter = meter.name, %error, "the totals could not be made anew");
                }
            }
        }
        tracing::info!("the totals were made anew");
    }

    /// Takes the prices of the record over. True when prices of the past changed, so that costs have to be made anew.
    ///
    /// # Errors
    /// When the record cannot be read; the prices stay as they were.
    pub fn reprice(&self, settings: &Settings) -> Result<bool, BookError> {
        let archive = Archive::open(&self.record())?;
        let from = self.lock().books.values().map(|book| book.ledger.needs_from()).min().unwrap_or(0);
        // Readings do not wait for the record.
        let table = Arc::new(archive.prices(from)?);
        let mut inner = self.lock();
        let changed = inner.table.differs_from(&table);
        inner.table = Arc::clone(&table);
        let mut past = false;
        for (name, book) in &mut inner.books {
            let plan =
                Plan { meter: Arc::clone(name), zone: book.zone.clone(), prices: settings.prices.clone() };
            past |= changed.is_some_and(|instant| instant < book.ledger.booked_until());
            book.ledger.set_prices(plan.settings(Arc::clone(&table)).prices);
        }
        Ok(past)
    }
}

/// The ledger of a meter as the record has it, its days those of `zone`, and the dynamic prices that it knows.
///
/// # Errors
/// When the record cannot be read.
pub fn ledger(
    archive: &Archive,
    meter: &str,
    zone: &Zone,
    prices: &PriceSettings,
) -> Result<(Ledger, Arc<PriceTable>), ReadError> {
    let counters = archive.counters(meter)?;
    let from = Ledger::new(settings(meter, zone, prices, Arc::default()), counters.clone()).needs_from();
    let table = Arc::new(archive.prices(from)?);
    let mut ledger = Ledger::new(settings(meter, zone, prices, Arc::clone(&table)), counters);
    archive.settled(meter, from, |settled| ledger.recall(&settled))?;
    Ok((ledger, table))
}

fn settings(meter: &str, zone: &Zone, prices: &PriceSettings, table: Arc<PriceTable>) -> LedgerSettings {
    let contracts = prices.contracts.iter().filter(|contract| contract.is_for(meter)).cloned();
    let book = PriceBook::new(prices.currency.as_str(), contracts.collect(), table, zone.clone());
    LedgerSettings { zone: zone.clone(), prices: Arc::new(book) }
}

/// What a ledger is made by.
struct Plan {
    meter: Arc<str>,
    zone: String,
    prices: PriceSettings,
}

impl Plan {
    fn settings(&self, table: Arc<PriceTable>) -> LedgerSettings {
        settings(&self.meter, &self.zone(), &self.prices, table)
    }

    fn zone(&self) -> Zone {
        Zone::new(&self.zone).expect("zones are checked with the configuration, or are a country's")
    }
}

struct Made {
    ledger: Ledger,
    table: Arc<PriceTable>,
}

/// Makes a ledger from the record.
fn make(record: &std::path::Path, plan: &Plan) -> Result<Made, BookError> {
    let archive = Archive::open(record)?;
    let (ledger, table) = ledger(&archive, &plan.meter, &plan.zone(), &plan.prices)?;
    Ok(Made { ledger, table })
}
