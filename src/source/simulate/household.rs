//! Who lives there: what a seed decides once, and what they do on one day.

use super::calendar::Day;
use super::random::Random;
use super::sun::{Sun, winter};

const HOUSE: u64 = 1;
const LIFE: u64 = 2;
const GAS: u64 = 3;
const WATER: u64 = 4;

const MINUTE: i32 = 60;
const HOUR: i32 = 3_600;
/// Seconds between two captures of the M-Bus meters (DSMR P1 5.0.2, section 6.9).
pub(super) const CAPTURE: i32 = 300;
/// The most captures a day can have: 25 hours of 12.
const CAPTURES: usize = 300;

/// What does not change from day to day.
#[derive(Clone, Debug)]
pub(super) struct Household {
    pub(super) seed: u64,
    /// What the panels give at their best, in W.
    pub(super) panels: i32,
    /// Whether the inverter feeds all phases; a small one feeds the second alone.
    pub(super) three_phase: bool,
    /// What is always on, in W by phase.
    standby: [i32; 3],
    fridge: i32,
    freezer: i32,
    works_at_home: bool,
    /// Of a thousand parts of gas that a house of average size burns.
    size: i32,
}

impl Household {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, HOUSE, 0);
        let panels = random.between(24, 52) * 100;
        Self {
            seed,
            panels,
            // More than 16 A do not go on one phase.
            three_phase: panels > 3_680,
            standby: [random.between(60, 110), random.between(35, 70), random.between(15, 50)],
            fridge: random.between(75, 110),
            freezer: random.between(60, 95),
            works_at_home: random.chance(600),
            size: random.between(700, 1_400),
        }
    }
}

/// A change of the load on one phase.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Seconds after the start of the day; even.
    pub(super) at: i32,
    phase: u8,
    watts: i32,
}

/// One day of the household.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) day: Day,
    pub(super) sun: Sun,
    /// Changes of the load, in time order.
    pub(super) steps: Vec<Step>,
    /// Gas burnt since the start of the day at each capture, in dm³.
    gas: [u32; CAPTURES + 1],
    /// Water drawn, as (seconds after the start of the day, dm³).
    water: Vec<(i32, u32)>,
}

impl Step {
    pub(super) fn apply(self, load: &mut [i32; 3]) {
        load[usize::from(self.phase)] += self.watts;
    }
}

impl Plan {
    pub(super) fn new(house: &Household, day: Day) -> Self {
        let mut plan = Self {
            sun: Sun::new(house.seed, &day),
            steps: Vec::with_capacity(512),
            gas: [0; CAPTURES + 1],
            water: Vec::with_capacity(48),
            day,
        };
        plan.live(house);
        plan.burn(house);
        plan.draw(house);
        // Steps of one moment may come in any order: the load is their sum.
        plan.steps.sort_unstable_by_key(|step| step.at);
        plan
    }

    /// Gas burnt from the start of the day to `elapsed`, as the last capture saw it, in dm³.
    pub(super) fn gas_until(&self, elapsed: i32) -> u64 {
        u64::from(self.gas[(elapsed / CAPTURE) as usize])
    }

    /// Water drawn from the start of the day to the last capture before `elapsed`, in dm³.
    pub(super) fn water_until(&self, elapsed: i32) -> u64 {
        let captured = elapsed / CAPTURE * CAPTURE;
        self.water.iter().filter(|(at, _)| *at < captured).map(|(_, litres)| u64::from(*litres)).sum()
    }

    /// The number of the tariff (1 low, 2 normal) `elapsed` seconds after the start of the day, and until when.
    pub(super) fn tariff(&self, elapsed: i32) -> (usize, i32) {
        let (morning, evening) = (self.day.at(7 * HOUR), self.day.at(23 * HOUR));
        match elapsed {
            _ if self.day.weekend => (1, self.day.length),
            t if t < morning => (1, morning),
            t if t < evening => (2, evening),
            _ => (1, self.day.length),
        }
    }

    /// Something on `phase` takes `watts` for `seconds`, from `from` seconds after the start of the day.
    fn run(&mut self, phase: u8, watts: i32, from: i32, seconds: i32) {
        // All moments are even: ripple cancels over two seconds, and no load may change between them.
        let even = |t: i32| t.clamp(0, self.day.length) & !1;
        let (on, off) = (even(from), even(from + seconds));
        if on < off {
            self.steps.push(Step { at: on, phase, watts });
            if off < self.day.length {
                self.steps.push(Step { at: off, phase, watts: -watts });
            }
        }
    }

    /// Like [`Plan::run`], off and on as a thermostat does.
    fn cycle(&mut self, phase: u8, watts: i32, span: (i32, i32), (on, off): (i32, i32), random: &mut Random) {
        let (mut at, end) = span;
        while at < end {
            let lasts = on + random.between(-on / 8, on / 8);
            self.run(phase, watts, at, lasts.min(end - at));
            at += lasts + off + random.between(-off / 8, off / 8);
        }
    }

    fn live(&mut self, house: &Household) {
        let day = self.day.clone();
        let random = &mut Random::new(house.seed, LIFE, day.number);
        let cold = winter(day.of_year);
        for (phase, watts) in (0..).zip(house.standby) {
            self.run(phase, watts, 0, day.length);
        }
        self.cycle(0, house.fridge, (random.between(0, 2_000), day.length), (960, 2_040), random);
        self.cycle(1, house.freezer, (random.between(0, 2_700), day.length), (1_200, 2_500), random);
        if cold > -300 {
            // The pump of the central heating.
            self.run(0, 45, day.at(6 * HOUR), 17 * HOUR);
        }

        let wakes = day.at(if day.weekend { 8 * HOUR } else { 6 * HOUR + 40 * MINUTE });
        let wakes = wakes + random.between(-15, 25) * MINUTE;
        self.run(
            0,
            random.between(1_900, 2_150),
            wakes + random.between(5, 12) * MINUTE,
            random.between(110, 210),
        );
        self.run(
            0,
            random.between(750, 950),
            wakes + random.between(10, 20) * MINUTE,
            random.between(100, 170),
        );
        self.run(2, random.between(60, 160), wakes, (45 + cold / 40) * MINUTE);
        if !day.weekend && house.works_at_home && random.chance(700) {
            self.run(0, random.between(70, 140), wakes + 90 * MINUTE, 8 * HOUR);
            self.run(0, 1_950, day.at(15 * HOUR) + random.between(-40, 40) * MINUTE, random.between(90, 150));
        }

        let noon = day.at(12 * HOUR) + random.between(5, 50) * MINUTE;
        if random.chance(if day.weekend { 750 } else { 350 }) {
            let hob = random.between(12, 20) * 100;
            self.cycle(1, hob, (noon, noon + random.between(12, 22) * MINUTE), (70, 40), random);
        }
        let dinner = day.at(17 * HOUR) + random.between(20, 85) * MINUTE;
        if random.chance(930) {
            let (left, right) = (random.between(14, 22) * 100, random.between(10, 18) * 100);
            self.run(0, 110, dinner, random.between(30, 50) * MINUTE);
            self.cycle(1, left, (dinner, dinner + random.between(25, 42) * MINUTE), (84, 46), random);
            self.cycle(
                2,
                right,
                (dinner + 6 * MINUTE, dinner + random.between(20, 38) * MINUTE),
                (60, 70),
                random,
            );
            if random.chance(280) {
                self.cycle(2, 2_350, (dinner + 4 * MINUTE, dinner + 52 * MINUTE), (300, 210), random);
            }
        }
        self.wash(random);
        if random.chance(600) {
            let start = day.at(19 * HOUR) + random.between(15, 100) * MINUTE;
            self.run(0, 1_880, start + 8 * MINUTE, random.between(12, 16) * MINUTE);
            self.run(0, 75, start, 85 * MINUTE);
            self.run(0, 1_880, start + 62 * MINUTE, random.between(7, 11) * MINUTE);
        }

        let bed = day.at(22 * HOUR + 20 * MINUTE) + random.between(0, 80) * MINUTE;
        let dusk = day.at(19 * HOUR + 10 * MINUTE - cold * 9);
        self.run(2, random.between(110, 260), dusk, bed - dusk);
        let watches = day.at(19 * HOUR) + random.between(10, 70) * MINUTE;
        self.run(2, random.between(90, 160), watches, bed - 10 * MINUTE - watches);
    }

    fn wash(&mut self, random: &mut Random) {
        if !random.chance(if self.day.weekend { 650 } else { 330 }) {
            return;
        }
        let start = self.day.at(9 * HOUR + 30 * MINUTE) + random.between(0, 270) * MINUTE;
        let heats = random.between(12, 19) * MINUTE;
        self.run(1, 2_050, start + 3 * MINUTE, heats);
        let drum = (start + 3 * MINUTE + heats, start + 3 * MINUTE + heats + 48 * MINUTE);
        self.cycle(1, random.between(160, 240), drum, (12, 8), random);
        self.run(1, random.between(380, 520), drum.1, 8 * MINUTE);
    }

    fn burn(&mut self, house: &Household) {
        let random = &mut Random::new(house.seed, GAS, self.day.number);
        // Degrees below the 16 that need no heating, in tenths; the mean of a year is 10.5 °C.
        let lacks = (55 + winter(self.day.of_year) * 75 / 1_000 + random.between(-35, 35)).max(0);
        let up = self.day.at(if self.day.weekend { 7 * HOUR } else { 6 * HOUR });
        let (day_time, evening, night) =
            (up + 3 * HOUR, self.day.at(17 * HOUR), self.day.at(22 * HOUR + 1_800));
        let shower = up + random.between(20, 70) * MINUTE;
        let dishes = evening + random.between(80, 130) * MINUTE;
        let mut total = 0;
        for capture in 0..(self.day.length / CAPTURE) as usize {
            let at = capture as i32 * CAPTURE;
            // The house is warmed up in the morning, kept warm by day, left alone at night.
            let effort = match at {
                t if t < up || t >= night => 2,
                t if t < day_time => 16,
                t if t < evening => 6,
                _ => 11,
            };
            // 14 degrees lacking, on a winter day, make about 7 m³ in a day.
            let mean = lacks * effort * house.size / 42_000;
            let mut burnt = mean + random.between(-mean / 3, mean / 3);
            // Hot water: a combi boiler burns about 50 dm³ a minute.
            for (from, lasts) in [(shower, 9 * MINUTE), (dishes, 3 * MINUTE)] {
                let overlap = (at + CAPTURE).min(from + lasts) - at.max(from);
                burnt += overlap.max(0) * 50 / 60;
            }
            total += burnt.max(0) as u32;
            self.gas[capture + 1] = total;
        }
    }

    fn draw(&mut self, house: &Household) {
        let random = &mut Random::new(house.seed, WATER, self.day.number);
        let up = self.day.at(if self.day.weekend { 7 * HOUR + 1_800 } else { 6 * HOUR + 1_800 });
        for _ in 0..random.between(1, 3) {
            let at = up + random.between(0, 80) * MINUTE;
            self.water.push((at, random.between(35, 85) as u32));
        }
        for _ in 0..random.between(9, 18) {
            let at = up + random.between(0, 15 * 60 + 30) * MINUTE;
            self.water.push((at.min(self.day.length - 1), random.between(1, 9) as u32));
        }
        if random.chance(400) {
            self.water.push((self.day.at(10 * HOUR), random.between(40, 60) as u32));
        }
        // Somebody gets up at night.
        if random.chance(300) {
            self.water.push((self.day.at(3 * HOUR) + random.between(0, 90) * MINUTE, 6));
        }
    }
}
