//! The meter in the cupboard: it adds up what the household does, second by second.

use super::calendar::Day;
use super::household::{CAPTURE, Household, Plan};
use super::random::{Random, drift};
use crate::p1::timestamp::LocalTime;

const RIPPLE: u64 = 0x61;
const GRID: u64 = 0x70;

/// The local day on which the meter was installed with all registers at zero: 2024-01-01.
pub(super) const INSTALLED: i64 = 19_723;
/// The last local day that a telegram can name: 2099-12-31.
pub(super) const LAST: i64 = 47_481;

/// What the meter shows at one second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) time: LocalTime,
    /// Energy imported (first) and exported by tariff 1 and 2, in Wh.
    pub(super) energy: [[u64; 2]; 2],
    /// 1 low, 2 normal.
    pub(super) tariff: usize,
    /// The power of each phase in W, exported below zero.
    pub(super) power: [i32; 3],
    /// In tenths of a volt.
    pub(super) voltage: [i32; 3],
    /// In ampere.
    pub(super) current: [i32; 3],
    /// When gas and water were last captured.
    pub(super) captured: LocalTime,
    /// In dm³.
    pub(super) gas: u64,
    /// In dm³.
    pub(super) water: u64,
    /// Days since the meter was installed.
    pub(super) age: i64,
}

/// The running meter. It is a function of the seed and the instant: one started later shows what this one
/// will have come to.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    pub(super) house: Household,
    plan: Plan,
    /// Seconds since the start of the day.
    elapsed: i32,
    next_step: usize,
    load: [i32; 3],
    /// The power of each phase until `steady_until`, ripple aside.
    net: [i32; 3],
    tariff: usize,
    steady_until: i32,
    /// Imported and exported, by tariff, in Ws, so that no watt-second is lost in rounding.
    energy: [[u64; 2]; 2],
    gas: u64,
    water: u64,
}

impl Meter {
    /// The meter at `utc` seconds since 1970-01-01 00:00 UTC; a time outside its life is taken as its nearest end.
    pub(super) fn new(seed: u64, utc: i64) -> Self {
        let end = Day::new(LAST);
        let utc = utc.clamp(Day::new(INSTALLED).start, end.start + i64::from(end.length) - 1);
        let house = Household::new(seed);
        let plan = Plan::new(&house, Day::new(INSTALLED));
        let mut meter = Self {
            house,
            plan,
            elapsed: 0,
            next_step: 0,
            load: [0; 3],
            net: [0; 3],
            tariff: 1,
            steady_until: 0,
            energy: [[0; 2]; 2],
            gas: 0,
            water: 0,
        };
        meter.settle();
        // Ripple cancels over two seconds: whole pairs are skipped, the odd second is lived through.
        while meter.utc() + 1 < utc {
            let left = (utc - meter.utc()).min(i64::from(meter.steady_until - meter.elapsed)) as i32 & !1;
            let total = meter.net.iter().sum();
            meter.count(total, left);
            meter.advance(left);
        }
        if meter.utc() < utc {
            meter.tick();
        }
        meter
    }

    /// The second that [`Meter::tick`] shows next, since 1970-01-01 00:00 UTC.
    pub(super) fn utc(&self) -> i64 {
        self.plan.day.start + i64::from(self.elapsed)
    }

    /// What the meter shows now; then a second passes.
    pub(super) fn tick(&mut self) -> Sample {
        let utc = self.utc();
        let power = self.rippled(utc);
        let voltage = [0, 1, 2].map(|phase: usize| {
            // A grid of 0.25 Ω: about a volt for every 920 W.
            drift(self.house.seed, GRID + phase as u64, utc, 240, 2_302, 2_366) - power[phase] / 92
        });
        let captured = self.elapsed / CAPTURE * CAPTURE;
        let sample = Sample {
            time: self.plan.day.local_time(self.elapsed),
            energy: self.energy.map(|tariffs| tariffs.map(|watt_seconds| watt_seconds / 3_600)),
            tariff: self.tariff,
            power,
            voltage,
            current: [0, 1, 2]
                .map(|phase: usize| (power[phase].abs() * 10 + voltage[phase] / 2) / voltage[phase]),
            captured: self.plan.day.local_time(captured),
            gas: self.gas + self.plan.gas_until(self.elapsed),
            water: self.water + self.plan.water_until(self.elapsed),
            age: self.plan.day.number - INSTALLED,
        };
        self.count(power.iter().sum(), 1);
        self.advance(1);
        sample
    }

    /// The power of this second: what one second shows too much the other of its pair shows too little.
    fn rippled(&self, utc: i64) -> [i32; 3] {
        let mut random = Random::new(self.house.seed, RIPPLE, utc.div_euclid(2));
        let sign = if self.elapsed & 1 == 0 { 1 } else { -1 };
        let ripple = self.net.map(|watts| {
            let most = 2 + watts.abs() / 150;
            sign * random.between(-most, most)
        });
        let (total, change) = (self.net.iter().sum::<i32>(), ripple.iter().sum::<i32>());
        // Between import and export the pair would not cancel: each goes to a register of its own.
        if total.abs() <= change.abs() {
            return self.net;
        }
        [0, 1, 2].map(|phase: usize| self.net[phase] + ripple[phase])
    }

    /// Adds `watts` over `seconds` to the register they belong to; the meter nets its phases.
    fn count(&mut self, watts: i32, seconds: i32) {
        let direction = usize::from(watts < 0);
        self.energy[direction][self.tariff - 1] +=
            u64::from(watts.unsigned_abs()) * seconds.unsigned_abs() as u64;
    }

    fn advance(&mut self, seconds: i32) {
        self.elapsed += seconds;
        if self.elapsed >= self.plan.day.length {
            self.gas += self.plan.gas_until(self.elapsed);
            self.water += self.plan.water_until(self.elapsed);
            self.plan = Plan::new(&self.house, Day::new(self.plan.day.number + 1));
            (self.elapsed, self.next_step, self.load) = (0, 0, [0; 3]);
            self.settle();
        } else if self.elapsed >= self.steady_until {
            self.settle();
        }
    }

    /// Finds what the power is from now on, and until when it stays so.
    fn settle(&mut self) {
        while let Some(step) = self.plan.steps.get(self.next_step).filter(|step| step.at <= self.elapsed) {
            step.apply(&mut self.load);
            self.next_step += 1;
        }
        let minute = self.elapsed / 60 * 60;
        let sun = self.plan.sun.watts(self.house.panels, minute);
        let share = if self.house.three_phase { [sun / 3; 3] } else { [0, sun, 0] };
        self.net = [0, 1, 2].map(|phase: usize| self.load[phase] - share[phase]);
        let (tariff, tariff_until) = self.plan.tariff(self.elapsed);
        self.tariff = tariff;
        let next = self.plan.steps.get(self.next_step).map_or(self.plan.day.length, |step| step.at);
        self.steady_until = next.min(minute + 60).min(tariff_until);
    }
}
