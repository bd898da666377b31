//! A household to tell the totals of, and a record as the store keeps it.

use std::collections::BTreeMap;
use std::sync::Arc;

use dsmrd::meter::{Field, MbusDevice, MbusReading, MeterTime, Proof, Quantity, Reading, Unit, Zone};
use dsmrd::p1::timestamp::LocalTime;
use dsmrd::p1::{Decimal, Obis};
use dsmrd::prices::{Contract, PriceBook, PriceTable};
use dsmrd::totals::{Entry, Ledger, LedgerSettings, Settled, Tally, Totals};
use jiff::civil::{Date, DateTime};

pub(super) fn amsterdam() -> Zone {
    Zone::new("Europe/Amsterdam").expect("known")
}

/// A local time as seconds since 1970-01-01 00:00 UTC.
pub(super) fn local(time: DateTime) -> i64 {
    time.to_zoned(amsterdam().time_zone().clone()).expect("a time").timestamp().as_second()
}

pub(super) fn local_date(utc: i64) -> Date {
    let instant = jiff::Timestamp::from_second(utc).expect("an instant");
    amsterdam().time_zone().to_datetime(instant).date()
}

pub(super) fn decimal(text: &str) -> Decimal {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mantissa = format!("{whole}{fraction}").parse().expect("digits");
    Decimal::new(mantissa, fraction.len() as u8).expect("fits")
}

/// A contract that has no price yet.
pub(super) fn contract(start: Date, end: Option<Date>) -> Contract {
    Contract {
        name: format!("from {start}"),
        meter: None,
        start,
        end,
        import: None,
        import_tariffs: [None; 4],
        export: None,
        export_tariffs: [None; 4],
        devices: Vec::new(),
        fixed: Decimal::ZERO,
        feed_in: Decimal::ZERO,
        capacity: None,
        capacity_minimum: Decimal::ZERO,
        dynamic: None,
    }
}

pub(super) fn settings(contracts: Vec<Contract>) -> LedgerSettings {
    settings_with(contracts, PriceTable::default())
}

pub(super) fn settings_with(contracts: Vec<Contract>, table: PriceTable) -> LedgerSettings {
    let prices = PriceBook::new("EUR", contracts, Arc::new(table), amsterdam());
    LedgerSettings { zone: amsterdam(), prices: Arc::new(prices) }
}

/// A house with two tariffs each way, and gas. Registers in Wh and dm³.
#[derive(Clone, Debug)]
pub(super) struct House {
    pub(super) meter: &'static str,
    pub(super) taken: [i128; 2],
    pub(super) given: [i128; 2],
    pub(super) power_w: i128,
    pub(super) tariff: usize,
    pub(super) gas: Option<(&'static str, i64, i128)>,
}

impl House {
    pub(super) fn new() -> Self {
        Self {
            meter: "E0001",
            taken: [1_000_000, 2_000_000],
            given: [300_000, 400_000],
            power_w: 0,
            tariff: 1,
            gas: None,
        }
    }

    /// What the meter sends at an instant.
    pub(super) fn reading(&self, utc: i64) -> Reading {
        let mut reading = Reading::new(utc * 1_000, Proof::Absent);
        reading.time = Some(time(utc));
        reading.set_text(Field::MeterId, self.meter.as_bytes());
        let fields = [
            (Field::EnergyImportT1, self.taken[0]),
            (Field::EnergyImportT2, self.taken[1]),
            (Field::EnergyExportT1, self.given[0]),
            (Field::EnergyExportT2, self.given[1]),
        ];
        for (field, wh) in fields {
            set(&mut reading, field, wh, Unit::KiloWattHour);
        }
        reading.set_text(Field::Tariff, [&b"0001"[..], b"0002"][self.tariff - 1]);
        set(&mut reading, Field::PowerImport, self.power_w.max(0), Unit::KiloWatt);
        set(&mut reading, Field::PowerExport, (-self.power_w).max(0), Unit::KiloWatt);
        if let Some((id, stamp, dm3)) = self.gas {
            let value = Quantity { value: Decimal::new(dm3, 3).expect("fits"), unit: Unit::CubicMetre };
            reading.mbus.push(MbusDevice {
                channel: 1,
                device_type: Some(3),
                id: Some(id.as_bytes().into()),
                readings: vec![MbusReading {
                    obis: Obis::new(0, 1, 24, 2, 1),
                    time: Some(time(stamp)),
                    value: Some(value),
                }],
                ..MbusDevice::default()
            });
        }
        reading
    }
}

/// Sets a number of three decimals.
pub(super) fn set(reading: &mut Reading, field: Field, thousandths: i128, unit: Unit) {
    let value = Decimal::new(thousandths, 3).expect("fits");
    assert!(reading.set_number(field, Quantity { value, unit }), "{field:?} twice");
}

/// A time of the meter. What its clock shows does not matter here.
pub(super) fn time(utc: i64) -> MeterTime {
    let shown = LocalTime { year: 2026, month: 1, day: 1, hour: 0, minute: 0, second: 0, dst: None };
    MeterTime { local: shown, utc: Some(utc) }
}

/// Counters and positions as the store keeps them.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) tally: Tally,
    pub(super) rows: BTreeMap<(i64, usize), Settled>,
}

impl Record {
    pub(super) fn take(&mut self, reading: &Reading) {
        let mut entries = Vec::new();
        self.tally.take(reading, &mut entries);
        for entry in entries {
            match entry {
                Entry::Settled(settled) => {
                    self.rows.insert((settled.boundary, settled.counter), settled);
                }
                Entry::Void { counter, after } => {
                    self.rows.retain(|(boundary, of), _| *of != counter || *boundary <= after);
                }
            }
        }
    }

    /// A ledger as one is seeded at a start.
    pub(super) fn ledger(&self, settings: &LedgerSettings) -> Ledger {
        let mut ledger = Ledger::new(settings.clone(), self.tally.counters().to_vec());
        let from = ledger.needs_from();
        let before = |counter| {
            let mut rows = self.rows.values().filter(|row| row.counter == counter && row.boundary <= from);
            rows.next_back()
        };
        (0..self.tally.counters().len()).filter_map(before).for_each(|row| ledger.recall(row));
        self.rows.values().filter(|row| row.boundary > from).for_each(|row| ledger.recall(row));
        ledger
    }
}

/// A ledger and the record beside it.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) settings: LedgerSettings,
    pub(super) ledger: Ledger,
    pub(super) record: Record,
}

impl Pair {
    pub(super) fn new(settings: LedgerSettings) -> Self {
        let ledger = Ledger::new(settings.clone(), Vec::new());
        Self { settings, ledger, record: Record::default() }
    }

    pub(super) fn take(&mut self, reading: &Reading) -> Totals {
        self.record.take(reading);
        self.ledger.take(reading)
    }

    /// Another ledger in place of this one, from the record.
    pub(super) fn restart(&mut self) {
        self.ledger = self.record.ledger(&self.settings);
    }
}
