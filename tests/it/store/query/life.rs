//! What meters say over some days: gaps, swaps, disorder, several meters, devices on the M-Bus; and a record of it
//! with crumbs and a tail.

use std::path::PathBuf;
use std::sync::Arc;

use dsmrd::meter::{Field, MbusDevice, MbusReading, MeterTime, Proof, Quantity, Reading, Unit};
use dsmrd::p1::timestamp::LocalTime;
use dsmrd::p1::{Decimal, Obis};
use proptest::prelude::*;

use crate::store::{Opened, START, meter, open, runtime};

/// A reading in short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Said {
    pub(in crate::store) meter: &'static str,
    /// Seconds since 1970-01-01 00:00 UTC.
    pub(in crate::store) time: i64,
    pub(in crate::store) id: &'static str,
    /// In W; told in kW with as many decimals.
    pub(in crate::store) power: Option<i64>,
    pub(in crate::store) decimals: u8,
    pub(in crate::store) t1: Option<i64>,
    pub(in crate::store) t2: Option<i64>,
    pub(in crate::store) tariff: Option<u8>,
    /// Channel, identifier, stamp and dm³ of gas meters.
    pub(in crate::store) gas: Vec<(u8, &'static str, i64, i64)>,
}

impl Said {
    pub(in crate::store) fn at(time: i64) -> Self {
        Self { meter: "home", time, id: "4B384547303034", decimals: 3, ..Self::default() }
    }

    pub(in crate::store) fn reading(&self) -> Arc<Reading> {
        let mut reading = Reading::new(self.time * 1_000 + 130, Proof::Verified);
        reading.time = Some(at(self.time));
        reading.set_text(Field::MeterId, self.id.as_bytes());
        let mut set = |field, number: Option<i64>, scale, unit| {
            if let Some(number) = number {
                let value = Decimal::new(number.into(), scale).unwrap();
                reading.set_number(field, Quantity { value, unit });
            }
        };
        set(Field::EnergyImportT1, self.t1, 3, Unit::KiloWattHour);
        set(Field::EnergyImportT2, self.t2, 3, Unit::KiloWattHour);
        set(Field::PowerImport, self.power, self.decimals, Unit::KiloWatt);
        if let Some(tariff) = self.tariff {
            reading.set_text(Field::Tariff, format!("000{tariff}").as_bytes());
        }
        for (channel, id, stamp, volume) in &self.gas {
            reading.mbus.push(MbusDevice {
                channel: *channel,
                device_type: Some(3),
                id: Some(id.as_bytes().into()),
                readings: vec![MbusReading {
                    obis: Obis::new(0, *channel, 24, 2, 1),
                    time: Some(at(*stamp)),
                    value: Some(Quantity {
                        value: Decimal::new((*volume).into(), 3).unwrap(),
                        unit: Unit::CubicMetre,
                    }),
                }],
                ..MbusDevice::default()
            });
        }
        Arc::new(reading)
    }
}

fn at(utc: i64) -> MeterTime {
    let time = jiff::Timestamp::from_second(utc).unwrap().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let local = LocalTime {
        year: time.year().try_into().unwrap(),
        month: time.month().try_into().unwrap(),
        day: time.day().try_into().unwrap(),
        hour: time.hour().try_into().unwrap(),
        minute: time.minute().try_into().unwrap(),
        second: time.second().try_into().unwrap(),
        dst: Some(false),
    };
    MeterTime { local, utc: Some(utc) }
}

/// Readings in the order in which they come.
#[derive(Clone, Debug)]
pub(in crate::store) struct Life {
    pub(in crate::store) said: Vec<Said>,
    /// After so many of them the record is flushed.
    pub(in crate::store) flushes: Vec<usize>,
}

/// A record while its writer has it open, or not.
pub(in crate::store) struct Kept {
    pub(in crate::store) path: PathBuf,
    _folder: tempfile::TempDir,
    _opened: Option<Opened>,
}

impl Life {
    pub(in crate::store) fn of(said: impl IntoIterator<Item = Said>) -> Self {
        let said = Vec::from_iter(said);
        Self { flushes: vec![said.len()], said }
    }

    /// The record, what came after the last flush in its journal.
    pub(in crate::store) fn database(&self) -> Kept {
        // Many lives: a disk would only be waited for.
        let folder = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| crate::support::scratch());
        let path = folder.path().join("dsmrd.sqlite");
        let opened = runtime().block_on(async {
            let opened = open(&path);
            for (place, said) in self.said.iter().enumerate() {
                if self.flushes.contains(&place) {
                    opened.store.flush().await.unwrap();
                }
                assert!(opened.store.put(&meter(said.meter), said.reading()).await);
            }
            if self.flushes.contains(&self.said.len()) {
                opened.store.flush().await.unwrap();
            }
            opened.journaled(self.said.len() as u64).await;
            opened
        });
        Kept { path, _folder: folder, _opened: Some(opened) }
    }

    /// Readings by time, those of one time as they came.
    pub(in crate::store) fn by_time(&self) -> Vec<&Said> {
        let mut said: Vec<&Said> = self.said.iter().collect();
        said.sort_by_key(|said| said.time);
        said
    }
}

/// How the next reading comes.
#[derive(Clone, Debug)]
enum Step {
    After(i64),
    Back(i64),
    Swap,
    Other,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..400i64).prop_map(Step::After),
        6 => Just(Step::After(10)),
        2 => (400..20_000i64).prop_map(Step::After),
        // On a boundary of minutes, quarter-hours, hours.
        1 => Just(Step::After(0)),
        1 => (1..90i64).prop_map(Step::Back),
        1 => Just(Step::Swap),
        2 => Just(Step::Other),
    ]
}

/// Lives around the end of summer time (2026-10-25 01:00 UTC), the turn of a year, or a plain day.
pub(in crate::store) fn lives(disorder: bool) -> impl Strategy<Value = Life> {
    let starts = prop_oneof![Just(1_792_886_400 - 40_000), Just(1_798_761_600 - 40_000), Just(START)];
    let steps = proptest::collection::vec((step(), 0..3_000i64, 0..40i64, any::<bool>()), 1..160);
    let flushes = proptest::collection::vec(any::<prop::sample::Index>(), 0..5);
    (starts, steps, flushes).prop_map(move |(start, steps, flushes)| {
        let (mut time, mut said) = (start, Vec::new());
        let (mut swapped, mut registers, mut gas) = (false, [1_000i64, 2_000], 500);
        for (step, power, rise, tariff) in steps {
            let mut name = "home";
            let mut shown = None;
            match step {
                Step::After(0) => time += 900 - time.rem_euclid(900),
                Step::After(seconds) => time += seconds,
                Step::Back(seconds) if disorder => shown = Some(time - seconds),
                Step::Back(seconds) => time += seconds,
                Step::Swap if !swapped => {
                    (swapped, registers, time) = (true, [3, 5], time + 30);
                }
                Step::Swap => time += 1,
                Step::Other => {
                    name = "shed";
                    time += 1;
                }
            }
            registers[usize::from(tariff)] += rise;
            gas += rise / 8;
            let hour = time.div_euclid(3_600) * 3_600;
            said.push(Said {
                meter: name,
                time: shown.unwrap_or(time),
                id: if name == "shed" {
                    "53"
                } else if swapped {
                    "4E4557"
                } else {
                    "4F4C44"
                },
                power: (power % 7 != 0).then_some(power - 1_000),
                decimals: if power % 11 == 0 { 2 } else { 3 },
                t1: Some(registers[0] + i64::from(name == "shed") * 70_000),
                t2: (name == "home").then_some(registers[1]),
                tariff: (power % 3 == 0).then_some(1 + u8::from(tariff)),
                gas: if name == "home" {
                    vec![(1, "4741", hour, gas / 4 + (hour - start) / 90)]
                } else {
                    Vec::new()
                },
            });
        }
        let flushes = flushes.into_iter().map(|index| index.index(said.len() + 1)).collect();
        Life { said, flushes }
    })
}
