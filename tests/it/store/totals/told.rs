//! `kill -9` through a long life of a meter: what is told after a start is what is told without one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dsmrd::app::Books;
use dsmrd::config::{self, Settings};
use dsmrd::meter::{Field, MbusDevice, MbusReading, Proof, Reading, Unit};
use dsmrd::p1::Obis;

use super::{at, quantity};
use crate::store::{meter, open_with, runtime};

const DAY: i64 = 86_400;
/// 2026-10-24 15:00 UTC, ten hours before summer time ends.
const BEGIN: i64 = 1_792_854_000;

/// Numbers that look random, always the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// A life of half a year over both changes of the clocks and a new year: gaps, another electricity meter at midnight,
/// another gas meter, gas that arrives late. With `leaps` the clock is wrong now and then, and once it is set back.
fn life(seed: u64, leaps: bool) -> Vec<Arc<Reading>> {
    let mut random = Random(seed);
    let (mut now, mut registers, mut gas, mut late) = (BEGIN, [1_000_000_i64, 2_000_000, 0], 70_000, 300);
    let (mut swapped, mut stamps, mut readings) = (false, vec![(BEGIN - 3_600, 70_000)], Vec::new());
    let mut wrong = (0, 0_i64);
    while now < BEGIN + 180 * DAY {
        let before = now;
        now += match random.below(100) {
            0..40 => 1 + random.below(60),
            40..70 => 60 + random.below(840),
            70..85 => 900 - now.rem_euclid(900),
            85..97 => 900 + random.below(9_000),
            _ => random.below(9 * DAY),
        };
        // Local midnight of 1 December, and no reading of the old meter after that.
        let exchange = 1_796_079_600;
        if !swapped && now >= exchange {
            (now, swapped, registers) = (exchange, true, [3, 0, 0]);
        }
        for (place, register) in registers.iter_mut().enumerate() {
            *register += random.below(1 + (now - before).min(600) / 2) * i64::from(place < 2 || now % 3 == 0);
        }
        if now.div_euclid(3_600) > before.div_euclid(3_600) {
            gas += random.below(900);
            stamps.push((now - now.rem_euclid(3_600), gas));
        }
        if random.below(40) == 0 {
            late = random.below(20_000);
        }
        let steady = now > BEGIN + 178 * DAY;
        if leaps && !steady && wrong.1 == 0 && random.below(60) == 0 {
            let off = [-20 * DAY, 400 * DAY, -7_200, 3_600, 45, -9_000 * DAY][random.below(6) as usize];
            wrong = (off, 1 + random.below(30));
        }
        wrong.1 = (wrong.1 - 1).max(0);
        let off = if wrong.1 > 0 && !steady { wrong.0 } else { 0 };
        let mut reading = Reading::new(now * 1_000 + 400, Proof::Verified);
        reading.time = Some(at(now + off));
        reading.set_text(Field::MeterId, if swapped { b"45303032" } else { b"45303031" });
        let fields = [Field::EnergyImportT1, Field::EnergyImportT2, Field::EnergyExportT1];
        for (field, register) in fields.into_iter().zip(registers) {
            reading.set_number(field, quantity(register, Unit::KiloWattHour));
        }
        reading.set_number(Field::PowerImport, quantity(random.below(5_000), Unit::KiloWatt));
        let (stamp, value) =
            *stamps.iter().rev().find(|(stamp, _)| stamp + late <= now).unwrap_or(&stamps[0]);
        let id: &[u8] = if stamp < BEGIN + 60 * DAY { b"47303031" } else { b"47303032" };
        reading.mbus.push(MbusDevice {
            channel: 1,
            device_type: Some(3),
            id: Some(id.into()),
            readings: vec![MbusReading {
                obis: Obis::new(0, 1, 24, 2, 1),
                time: Some(at(stamp + off)),
                value: Some(quantity(value, Unit::CubicMetre)),
            }],
            ..MbusDevice::default()
        });
        readings.push(Arc::new(reading));
    }
    readings
}

fn settings(folder: &Path) -> Settings {
    let config = folder.join("dsmrd.toml");
    let toml = "[[meter]]\nname = \"home\"\nsource = \"simulate:\"\ntimezone = \"Europe/Amsterdam\"\n\
                [store]\npath = \"dsmrd.sqlite\"\n[[contract]]\nname = \"one\"\nstart = 2026-01-01\n\
                import_t1 = 0.25117\nimport_t2 = 0.31009\nexport = 0.07\nfeed_in = 0.0115\ngas = 1.23456\nfixed = 0.71\n\
                capacity = 51.3\ncapacity_minimum = 1\n";
    std::fs::write(&config, toml).unwrap();
    config::load(&config).unwrap().settings
}

/// Every file of a record as it lies there, as a killed process leaves it.
fn copied(from: &Path, to: &Path) -> PathBuf {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    to.join("dsmrd.sqlite")
}

/// Feeds a life, killed at random moments, beside one that nothing ends; `told` sees what both tell.
fn feed(
    seed: u64,
    leaps: bool,
    mut told: impl FnMut(usize, &Reading, [Arc<dsmrd::totals::Totals>; 2]),
) -> usize {
    let folder = crate::support::scratch();
    let settings = settings(folder.path());
    let home = meter("home");
    let unbroken = Books::new(folder.path().join("none").join("dsmrd.sqlite"));
    std::fs::create_dir_all(folder.path().join("none")).unwrap();
    runtime().block_on(async {
        // A record without a reading.
        open_with(&folder.path().join("none/dsmrd.sqlite"), Duration::ZERO)
            .unwrap()
            .store
            .close()
            .await
            .unwrap();
        unbroken.open(&settings.meters[0], &settings.prices, None);
        let mut random = Random(seed ^ 0x5eed);
        let mut place = folder.path().join("0");
        std::fs::create_dir_all(&place).unwrap();
        let sync = Duration::from_secs(600);
        let mut opened = open_with(&place.join("dsmrd.sqlite"), sync).unwrap();
        let mut books = Books::new(place.join("dsmrd.sqlite"));
        books.open(&settings.meters[0], &settings.prices, None);
        let mut kills = 0;
        for (n, reading) in life(seed, leaps).iter().enumerate() {
            let both = [&unbroken, &books].map(|books| books.take(&home, reading).unwrap());
            told(n, reading, both);
            assert!(opened.store.put(&home, Arc::clone(reading)).await);
            match random.below(60) {
                0 => opened.store.flush().await.unwrap(),
                1 => {
                    opened.journaled(opened.counters.offered.get()).await;
                    kills += 1;
                    let next = folder.path().join(kills.to_string());
                    let path = copied(&place, &next);
                    // It goes on for itself, where nobody looks any more.
                    opened.store.close().await.unwrap();
                    std::fs::remove_dir_all(&place).unwrap();
                    (place, opened) = (next, open_with(&path, sync).unwrap());
                    books = Books::new(path);
                    let last = opened.store.latest("home");
                    books.open(&settings.meters[0], &settings.prices, last.as_ref());
                }
                _ => {}
            }
        }
        opened.store.close().await.unwrap();
        kills
    })
}

#[test]
fn a_kill_at_any_moment_changes_nothing_that_is_told() {
    for seed in 1..=3 {
        let kills = feed(seed, false, |n, reading, [unbroken, killed]| {
            assert_eq!(killed, unbroken, "seed {seed}, reading {n} at {}", reading.utc_seconds());
        });
        assert!(kills > 10, "only {kills}: nothing was tried");
    }
}

/// A leap that is held is forgotten by a kill; what was used meanwhile is not.
#[test]
fn a_kill_while_a_clock_leaps_loses_nothing() {
    for seed in 1..=3 {
        let mut last = None;
        let kills = feed(seed, true, |_, _, both| last = Some(both));
        assert!(kills > 10, "only {kills}: nothing was tried");
        let [unbroken, killed] = last.unwrap();
        assert_eq!((&killed.today, &killed.hour), (&unbroken.today, &unbroken.hour), "seed {seed}");
        assert_eq!(killed.year.usage, unbroken.year.usage, "seed {seed}");
    }
}
