//! A record of two days to be damaged, and what must hold of one that was.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dsmrd::meter::{Field, MeterTime, Proof, Quantity, Reading, Unit};
use dsmrd::p1::Decimal;
use dsmrd::p1::timestamp::LocalTime;
use dsmrd::prices::{PriceKind, Slot};
use dsmrd::store::{Archive, Range};

use super::super::{START, meter, open, runtime};

const HOURS: i64 = 40;
const STEP: i64 = 600;
/// The number of the reading that is stored after the damage.
const NEW: i64 = HOURS * 3_600 / STEP + 100;

/// Numbers that are the same in each run.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 16) % end.max(1) as u64) as usize
    }
}

/// A folder in memory where there is one: a thousand records are synced, which no card has to wait for here.
pub(super) fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir()
        && let Ok(folder) = tempfile::Builder::new().prefix("dsmrd-test-").tempdir_in(memory)
    {
        return folder;
    }
    crate::support::scratch()
}

/// The reading with a number. Some carry a text that cannot be packed, so that blocks go on over several pages.
pub(in crate::store) fn reading(n: i64) -> Arc<Reading> {
    let time = START + n * STEP;
    let mut reading = Reading::new(time * 1_000 + 120, Proof::Verified);
    let at = jiff::Timestamp::from_second(time).unwrap().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let local = LocalTime {
        year: at.year().try_into().unwrap(),
        month: at.month().try_into().unwrap(),
        day: at.day().try_into().unwrap(),
        hour: at.hour().try_into().unwrap(),
        minute: at.minute().try_into().unwrap(),
        second: at.second().try_into().unwrap(),
        dst: Some(false),
    };
    reading.time = Some(MeterTime { local, utc: Some(time) });
    reading.set_text(Field::MeterId, b"4B384547303034");
    let kwh = |n: i64| Quantity { value: Decimal::new(n.into(), 3).unwrap(), unit: Unit::KiloWattHour };
    reading.set_number(Field::EnergyImportT1, kwh(1_000_000 + n * 11));
    reading.set_number(Field::EnergyImportT2, kwh(2_000_000 + n * 5));
    reading.set_number(Field::EnergyExportT1, kwh(n / 3));
    // Every third hour goes on over several pages; a page has few of the others.
    let text = match (n * STEP / 3_600 % 3, n % 6) {
        (0, 0 | 2 | 4) => 1_500,
        (_, 0) => 500,
        _ => 0,
    };
    if text > 0 {
        let mut random = Random(n as u64 + 1);
        let text: Vec<u8> = (0..text).map(|_| (random.next() >> 20) as u8).collect();
        reading.set_text(Field::MessageText, &text);
    }
    Arc::new(reading)
}

fn prices() -> Vec<Slot> {
    (0..HOURS)
        .map(|hour| {
            let start = START + hour * 3_600;
            let price = Decimal::new((200 + hour * 3).into(), 3).unwrap();
            Slot { kind: PriceKind::Electricity, start, end: start + 3_600, price }
        })
        .collect()
}

/// The files of a record, and what is in it.
pub(in crate::store) struct Original {
    pub(in crate::store) files: Vec<(String, Vec<u8>)>,
    pub(in crate::store) readings: HashMap<i64, Arc<Reading>>,
    pub(super) positions: usize,
}

impl Original {
    /// Closed as it should be.
    pub(in crate::store) fn clean() -> Self {
        Self::made(|_, _| ())
    }

    /// As a killed process leaves it: with a log, and readings in the journal alone.
    pub(super) fn killed() -> Self {
        let mut files = Vec::new();
        let mut original = Self::made(|folder, _| files = read(folder));
        original.files = files;
        original
    }

    fn made(before_the_end: impl FnOnce(&Path, &Path)) -> Self {
        let folder = crate::support::scratch();
        let path = folder.path().join("dsmrd.sqlite");
        let count = HOURS * 3_600 / STEP;
        runtime().block_on(async {
            let opened = open(&path);
            for n in 0..count {
                assert!(opened.store.put(&meter("home"), reading(n)).await);
                if n % 6 == 5 && n + 6 < count {
                    opened.store.flush().await.unwrap();
                }
            }
            opened.store.put_prices(prices()).await.unwrap();
            crate::support::until(std::time::Duration::from_secs(20), "all are journaled", || {
                opened.counters.stored.get() == opened.counters.offered.get()
            })
            .await;
            before_the_end(folder.path(), &path);
            opened.store.close().await.unwrap();
        });
        let archive = Archive::open(&path).unwrap();
        let mut positions = 0;
        archive.settled("home", i64::MIN, |_| positions += 1).unwrap();
        let readings = (0..count).map(|n| (START + n * STEP, reading(n))).collect();
        Self { files: read(folder.path()), readings, positions }
    }

    /// The bytes of its database.
    pub(in crate::store) fn database(&self) -> &[u8] {
        &self.files.iter().find(|(name, _)| name == "dsmrd.sqlite").unwrap().1
    }

    /// Writes the files into a folder; the path of the database.
    pub(super) fn write(&self, folder: &Path) -> PathBuf {
        for (name, bytes) in &self.files {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        folder.join("dsmrd.sqlite")
    }
}

fn read(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .filter(|entry| !entry.file_name().to_string_lossy().ends_with("-shm"))
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// Names in the folder of a record that say that it was set aside.
pub(super) fn set_aside(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.to_string_lossy().contains("dsmrd.sqlite.corrupt-"));
    found.sort();
    found
}

/// Opens a damaged record, stores a reading, and looks at all that come back: each as it was, none twice, the new one
/// among them. The share of the readings that are there.
pub(super) fn check(original: &Original, path: &Path, what: &str) -> f64 {
    runtime().block_on(async {
        let opened = open(path);
        opened.store.put(&meter("home"), reading(NEW)).await;
        if let Err(error) = opened.store.close().await {
            panic!("{what}: {error}");
        }
    });
    let archive = Archive::open(path).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut seen: HashMap<i64, u32> = HashMap::new();
    for stored in archive.readings(Range::default()).unwrap() {
        let Ok(stored) = stored else { continue };
        let time = stored.reading.utc_seconds();
        assert_eq!(&*stored.meter, "home", "{what}");
        assert_eq!(stored.equipment_id.as_deref(), Some("K8EG004"), "{what}");
        match original.readings.get(&time) {
            Some(reading) => assert_eq!(stored.reading, **reading, "{what}: a reading changed"),
            None => assert_eq!(stored.reading, *reading(NEW), "{what}: a reading from nowhere"),
        }
        *seen.entry(time).or_default() += 1;
    }
    assert!(seen.values().all(|count| *count == 1), "{what}: a reading is there twice");
    assert_eq!(seen.remove(&reading(NEW).utc_seconds()), Some(1), "{what}: the new reading is not there");
    seen.len() as f64 / original.readings.len() as f64
}
