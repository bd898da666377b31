//! Made-up lives of a meter, and what their readings say of each register: the truth to compare with.

use std::collections::BTreeMap;

use dsmrd::meter::{Field, MbusClass, MbusDevice, MbusReading, MeterTime, Proof, Quantity, Reading, Unit};
use dsmrd::p1::timestamp::LocalTime;
use dsmrd::p1::{Decimal, Obis};
use dsmrd::totals::Register;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

pub(in crate::totals) const DAY: i64 = 86_400;
const FIELDS: [Field; 4] =
    [Field::EnergyImportT1, Field::EnergyImportT2, Field::EnergyImportTotal, Field::EnergyExportT1];

/// Something that happens.
#[derive(Clone, Debug)]
pub(in crate::totals) enum Step {
    /// Readings, so many seconds apart; each tells the registers of a mask, using so many Wh in between.
    Readings { count: u8, every: i64, use_wh: i64, mask: u8 },
    /// Readings without an identifier.
    Anonymous { count: u8 },
    /// Nothing is heard for so many seconds.
    Silence(i64),
    /// Readings over the next change to or from summer time, five minutes apart.
    ClockChange,
    /// The electricity meter is replaced.
    Swap,
    /// The meter before speaks once more, in turns with this one.
    Turns { count: u8 },
    /// The gas meter is replaced.
    SwapGas,
    /// The gas meter's readings arrive so many seconds late from now on.
    GasLate(i64),
    /// One register shows something else in one reading.
    Stray { register: u8, value: u32 },
    /// All registers start anew, after more than a day of silence.
    Anew,
    /// The program starts again.
    Restart,
    /// The meter's clock is off by so many seconds for a number of readings, so many seconds apart.
    WrongClock { off: i64, count: u8, every: i64 },
}

/// What happens in order, but for wrong clocks.
pub(in crate::totals) fn orderly() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..40_u8, prop_oneof![1..=10_i64, 10..=900_i64, Just(900_i64), Just(3_600_i64)], 0..500_i64, any::<u8>())
            .prop_map(|(count, every, use_wh, mask)| Step::Readings { count, every, use_wh, mask }),
        1 => (1..4_u8).prop_map(|count| Step::Anonymous { count }),
        2 => prop_oneof![1..=7_200_i64, 0..=60 * DAY].prop_map(Step::Silence),
        2 => Just(Step::ClockChange),
        1 => Just(Step::Swap),
        1 => (1..10_u8).prop_map(|count| Step::Turns { count }),
        1 => Just(Step::SwapGas),
        1 => (0..20_000_i64).prop_map(Step::GasLate),
        1 => (any::<u8>(), any::<u32>()).prop_map(|(register, value)| Step::Stray { register, value }),
        1 => Just(Step::Anew),
        2 => Just(Step::Restart),
    ]
}

/// Wrong clocks among what happens.
pub(in crate::totals) fn disorderly() -> impl Strategy<Value = Step> {
    let off = prop_oneof![
        -200..200_i64,
        prop::sample::select(vec![3_600, -3_600, 7_200, -DAY, DAY]),
        -3 * DAY..3 * DAY,
        prop::sample::select(vec![-9_000 * DAY, 30_000 * DAY]),
    ];
    let wrong = (off, 1..60_u8, prop_oneof![1..=60_i64, Just(900_i64)]);
    let readings = (1..40_u8, 1..=900_i64, 0..500_i64, any::<u8>());
    prop_oneof![
        3 => wrong.prop_map(|(off, count, every)| Step::WrongClock { off, count, every }),
        3 => readings.prop_map(|(count, every, use_wh, mask)| Step::Readings { count, every, use_wh, mask }),
        1 => prop_oneof![1..=7_200_i64, 0..=60 * DAY].prop_map(Step::Silence),
        1 => Just(Step::ClockChange),
        1 => Just(Step::Restart),
    ]
}

/// A register of a piece of equipment and a generation of it.
pub(in crate::totals) type Of = (String, Register, u32);

/// A meter's life.
pub(in crate::totals) struct History {
    /// Its readings; `None` where the program starts again.
    pub(in crate::totals) readings: Vec<Option<Reading>>,
    /// The positions that count, by time: value in thousandths.
    pub(in crate::totals) truth: BTreeMap<Of, Vec<(i64, i64)>>,
    now: i64,
    /// How far the meter's clock is off.
    off: i64,
    meters: Vec<[i64; 4]>,
    gas: i64,
    gas_meters: u32,
    /// What the gas meter showed at its stamps.
    stamps: Vec<(i64, i64)>,
    late: i64,
    period: i64,
    /// How often the registers of each meter started anew, and when they did last.
    anew: Vec<(u32, i64)>,
}

impl History {
    /// A life that begins at an instant; the gas meter reads every so many seconds, and is
    /// heard so many later.
    pub(in crate::totals) fn of(start: i64, (period, late): (i64, i64), steps: &[Step]) -> Self {
        let mut history = Self {
            readings: Vec::new(),
            truth: BTreeMap::new(),
            now: start,
            off: 0,
            meters: vec![[1_234_567, 20_000, 9_876_543, 0]],
            gas: 500_000,
            gas_meters: 1,
            stamps: vec![(start - start.rem_euclid(period), 500_000)],
            late,
            period,
            anew: vec![(0, 0)],
        };
        let steady = [Step::Readings { count: 10, every: 60, use_wh: 10, mask: 255 }];
        for step in steady.iter().chain(steps).chain(&steady) {
            history.go(step);
        }
        history
    }

    /// What the registers show at the end.
    pub(in crate::totals) fn registers(&self) -> [i64; 4] {
        self.meters[self.meters.len() - 1]
    }

    /// The highest position that the gas meter told.
    pub(in crate::totals) fn gas_told(&self) -> i64 {
        let gas = self.truth.iter().find(|(of, _)| matches!(of.1, Register::Device { .. }));
        gas.and_then(|(_, told)| told.last()).expect("it told one").1
    }

    fn go(&mut self, step: &Step) {
        match *step {
            Step::Readings { count, every, use_wh, mask } => {
                for n in 0..count {
                    self.pass(every, use_wh);
                    self.tell(mask.rotate_left(n.into()) | 1 << (n % 4), true, 0);
                }
            }
            Step::Anonymous { count } => {
                for _ in 0..count {
                    self.pass(10, 5);
                    self.tell(255, false, 0);
                }
            }
            Step::Silence(seconds) => self.pass(seconds, 1_000),
            Step::ClockChange => self.clock_change(),
            Step::Swap => {
                self.pass(3_600, 0);
                self.meters.push([0, 0, 3, 0]);
                self.anew.push((0, 0));
                self.tell(255, true, 0);
            }
            Step::Turns { count } => {
                for n in 0..count * u8::from(self.meters.len() > 1) {
                    self.pass(7, 3);
                    self.tell(255, true, usize::from(n % 2 == 0));
                }
                self.pass(7, 3);
                self.tell(255, true, 0);
            }
            Step::SwapGas => {
                self.pass(2 * self.period, 0);
                (self.gas, self.gas_meters) = (17, self.gas_meters + 1);
                self.stamps = vec![(self.now - self.now.rem_euclid(self.period), 17)];
            }
            Step::GasLate(seconds) => self.late = seconds,
            Step::Stray { register, value } => {
                self.pass(10, 0);
                self.stray(usize::from(register % 4), i64::from(value));
            }
            Step::Anew => {
                self.tell(255, true, 0);
                self.pass(DAY + 1, 0);
                let meter = self.meters.last_mut().expect("there is one");
                // All were above a kilowatt-hour, or there would be nothing to notice.
                if meter.iter().any(|value| *value < 1_000) {
                    return;
                }
                *meter = [0; 4];
                let anew = self.anew.last_mut().expect("there is one");
                *anew = (anew.0 + 1, self.now);
                self.tell(255, true, 0);
                self.go(&Step::Readings { count: 10, every: 10, use_wh: 2, mask: 255 });
            }
            Step::Restart => self.readings.push(None),
            Step::WrongClock { off, count, every } => {
                self.off = off;
                for _ in 0..count {
                    self.pass(every, 20);
                    self.tell(255, true, 0);
                }
                self.off = 0;
            }
        }
    }

    /// Time passes, and every register goes on by as many Wh and litres.
    fn pass(&mut self, seconds: i64, use_wh: i64) {
        let before = self.now;
        self.now += seconds;
        let meter = self.meters.last_mut().expect("there is one");
        for (place, register) in meter.iter_mut().enumerate() {
            *register += use_wh * (place as i64 + 1);
        }
        // Gas goes on evenly, so that late stamps show which interval it was used in.
        let stamp = |instant: i64| instant - instant.rem_euclid(self.period);
        if stamp(self.now) > before {
            self.gas += use_wh;
            self.stamps.push((stamp(self.now), self.gas));
        }
    }

    fn told_gas(&self) -> (i64, i64) {
        let arrived = self.stamps.iter().rev().find(|(stamp, _)| stamp + self.late <= self.now);
        *arrived.unwrap_or(&self.stamps[0])
    }

    /// A reading of the registers in a mask, of this meter or of an earlier one, and what it adds to the truth.
    fn tell(&mut self, mask: u8, id: bool, back: usize) {
        let meter = self.meters.len() - 1 - back;
        let mut reading = self.reading(id.then_some(meter));
        for (place, field) in FIELDS.into_iter().enumerate().filter(|(place, _)| mask & 1 << place != 0) {
            let value = self.meters[meter][place];
            reading.set_number(field, quantity(value, Unit::KiloWattHour));
            // Between the first position of a generation and a minute later none counts.
            let (generation, since) = self.anew[meter];
            if generation == 0 || !(1..60).contains(&(self.now - since)) {
                let of = (format!("M{meter}"), Register::Energy(field), generation);
                self.truth.entry(of).or_default().push((self.now, value));
            }
        }
        self.readings.push(Some(reading));
        let (stamp, value) = self.told_gas();
        let register = Register::Device { class: MbusClass::Gas, channel: None };
        let gas = self.truth.entry((format!("G{}", self.gas_meters), register, 0)).or_default();
        if gas.last().is_none_or(|last| last.0 < stamp) {
            gas.push((stamp, value));
        }
    }

    fn stray(&mut self, register: usize, value: i64) {
        let meter = self.meters.len() - 1;
        let right = self.meters[meter][register];
        // Neither what may be right, nor the beginning of the next generation.
        let trial = self.now - self.anew[meter].1 < 2 * DAY;
        if trial || (right..=right + 30_000_000_000).contains(&value) {
            return;
        }
        let mut reading = self.reading(Some(meter));
        reading.set_number(FIELDS[register], quantity(value, Unit::KiloWattHour));
        reading.mbus.clear();
        self.readings.push(Some(reading));
        self.pass(1, 0);
        self.tell(255, true, 0);
    }

    fn reading(&self, meter: Option<usize>) -> Reading {
        let mut reading = Reading::new(self.now * 1_000 + 250, Proof::Verified);
        reading.time = Some(meter_time(self.now + self.off));
        if let Some(meter) = meter {
            reading.set_text(Field::MeterId, format!("M{meter}").as_bytes());
        }
        let (stamp, value) = self.told_gas();
        let value = Some(quantity(value, Unit::CubicMetre));
        let newest =
            MbusReading { obis: Obis::new(0, 1, 24, 2, 1), time: Some(meter_time(stamp + self.off)), value };
        reading.mbus.push(MbusDevice {
            channel: 1,
            device_type: Some(3),
            id: Some(format!("G{}", self.gas_meters).into_bytes().into()),
            readings: vec![newest],
            ..MbusDevice::default()
        });
        reading
    }

    /// Goes on to an hour before the next change, and over it.
    fn clock_change(&mut self) {
        let zone = amsterdam();
        let now = Timestamp::from_second(self.now).expect("a time");
        let Some(change) = zone.following(now).next() else { return };
        let before = change.timestamp() - 1.hour();
        self.pass((before.as_second() - self.now).max(1), 3_000);
        self.go(&Step::Readings { count: 30, every: 300, use_wh: 40, mask: 255 });
    }
}

pub(in crate::totals) fn amsterdam() -> TimeZone {
    TimeZone::get("Europe/Amsterdam").expect("it is compiled in")
}

fn quantity(thousandths: i64, unit: Unit) -> Quantity {
    Quantity { value: Decimal::new(thousandths.into(), 3).expect("fits"), unit }
}

fn meter_time(utc: i64) -> MeterTime {
    let local = LocalTime::from_seconds_as_utc(utc, Some(false)).expect("a year of four digits");
    MeterTime { local, utc: Some(utc) }
}
