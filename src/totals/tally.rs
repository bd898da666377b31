//! From readings to positions at the boundaries of quarter-hours.
//!
//! In reading order: [`mod@clock`], at which instant a reading counts; [`line`](mod@line), a register through its
//! generations, where a position joins or does not; [`device`], the stamps of what hangs on the M-Bus.
//!
//! *Rows and the last position.* A counter has a row for the first boundary at or after each of its positions, once
//! a later position lies beyond that boundary. A position at a boundary is the position at that boundary and closes the
//! interval before it: so does the stamp of a gas meter of DSMR 4. Its row waits for the next position, since one
//! more may come with the same stamp. Past the last row a counter's `last` tells, also that of a counter that
//! ended. The differences of all of these add up to `last` less `first`, whatever was lost in between.
//!
//! *Restarts.* What a position does depends on the [`CounterState`]s alone, so that a tally restored from them goes on
//! as the one before; a register on trial is one of them for that reason. Only what is known of clocks is lost: whether
//! ours ran well, and for how many readings a leap has been held. That can bring later or another instant for the
//! readings around a leap of more than a day or a step back. It costs no energy, since nothing is taken while a leap is
//! held and the next reading that is taken holds all that was used.
//!
//! *Identifiers.* A reading without an identifier is of the equipment heard last, as it is in the record. After a
//! restart that is the equipment with the latest position of energy.

mod clock;
mod device;
mod line;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::sync::Arc;

use self::clock::{Clock, Instant, Told};
use self::line::{Book, Line};
use super::counter::{CounterState, Position, Register};
use crate::meter::reading::readable;
use crate::meter::{Field, Reading, energy};
use crate::p1::Decimal;

/// The length of a quarter-hour, in seconds. Boundaries are its multiples in UTC, since the offset of every zone
/// with P1 ports is a multiple of it.
pub const QUARTER: i64 = 900;

/// The most counters of one meter: fourteen meters with every register there is, one after the other. A meter whose
/// identifier is noise must not take ever more.
pub const MAX_COUNTERS: usize = 256;

/// A position at a boundary. It is final: the next position of the counter came after the boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The counter, by its place in [`Tally::counters`].
    pub counter: usize,
    /// The boundary: a multiple of [`QUARTER`], the first that is not before the position's time.
    pub boundary: i64,
    /// The last position known at it.
    pub position: Position,
}

/// What a reading changes in the record of positions, to be applied in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A position at a boundary is known. It takes the place of one that was known for the same boundary.
    Settled(Settled),
    /// The clock was set back: what was settled for boundaries after an instant is void.
    Void {
        /// The counter, by its place in [`Tally::counters`].
        counter: usize,
        /// Boundaries after this.
        after: i64,
    },
}

/// A piece of equipment: the electricity meter or a device.
#[derive(Clone, Debug)]
struct Equipment {
    /// Readable; empty for one that told none.
    id: Arc<str>,
    /// As it stood in the telegram last, so that it need not be made readable each second.
    raw: Option<Vec<u8>>,
    lines: Vec<Line>,
}

/// The counters of one meter.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    book: Book,
    equipment: Vec<Equipment>,
    /// The electricity meter heard last, by its place in `equipment`.
    heard: Option<usize>,
    clock: Clock,
    /// The instant of the last reading that counted, for a meter without registers of energy.
    time: Option<i64>,
}

impl Tally {
    /// A tally that goes on from what the record has.
    pub fn restore(counters: Vec<CounterState>) -> Self {
        let mut tally = Self::default();
        for (place, counter) in counters.iter().enumerate() {
            let equipment = tally.known(&counter.key.equipment).unwrap_or_else(|| {
                tally.equipment.push(Equipment::new(Arc::clone(&counter.key.equipment)));
                tally.equipment.len() - 1
            });
            tally.equipment[equipment].line(counter.key.register).adopt(place);
        }
        let energy = counters.iter().filter(|counter| matches!(counter.key.register, Register::Energy(_)));
        let latest = energy.max_by_key(|counter| counter.last.time);
        tally.heard = latest.and_then(|counter| tally.known(&counter.key.equipment));
        tally.book = Book::new(counters);
        tally
    }

    /// Every counter that was ever seen, in the order in which they came; places never change.
    pub fn counters(&self) -> &[CounterState] {
        self.book.counters()
    }

    /// How many positions were ignored since the start because there is no room for another counter.
    pub fn ignored(&self) -> u64 {
        self.book.ignored()
    }

    /// The instant at which the last reading counted; `None` after a start until one counts.
    pub fn time(&self) -> Option<i64> {
        self.time
    }

    /// Takes a reading and appends what became final by it.
    pub fn take(&mut self, reading: &Reading, out: &mut Vec<Entry>) {
        let Some(meter) = self.meter_of(reading) else {
            self.book.ignore();
            return;
        };
        let told = Told::of(reading);
        let instant = match self.reached(meter).or_else(|| self.time.filter(|_| self.is_without_energy())) {
            Some(last) => {
                let mut clock = std::mem::take(&mut self.clock);
                let instant = clock.judge(told, last, || self.order(meter, reading));
                self.clock = clock;
                instant
            }
            // Its first reading: no clock is known to go by.
            None => Instant::At(told.first(self.heard.and_then(|heard| self.reached(heard)))),
        };
        self.heard = Some(meter);
        let time = match instant {
            Instant::Held => return,
            Instant::At(time) => time,
            Instant::Back(time) => {
                self.step_back(meter, time, out);
                time
            }
        };
        self.time = Some(time);
        for field in energy::registers() {
            let Some(value) = reading.number(field).filter(|value| !value.is_negative()) else { continue };
            let register = Register::Energy(field);
            let line = self.equipment[meter].line(register);
            line.offer(Position { time, value }, field.unit(), &mut self.book, out);
        }
        self.take_devices(reading, time, out);
    }

    /// The electricity meter a reading is of; `None` when there is no room for another.
    fn meter_of(&mut self, reading: &Reading) -> Option<usize> {
        match (reading.equipment_id_raw(), self.heard) {
            (None, Some(heard)) => Some(heard),
            (raw, _) => self.equipment_of(raw.unwrap_or_default()),
        }
    }

    /// The place of the equipment of an identifier as it stood in a telegram, added when it was not there; `None`
    /// when there is no room.
    fn equipment_of(&mut self, raw: &[u8]) -> Option<usize> {
        if let Some(place) = self.equipment.iter().position(|known| known.raw.as_deref() == Some(raw)) {
            return Some(place);
        }
        let id = readable(raw);
        let place = self.known(&id).or_else(|| {
            (self.equipment.len() < MAX_COUNTERS).then(|| self.equipment.push(Equipment::new(id.into())))?;
            Some(self.equipment.len() - 1)
        })?;
        self.equipment[place].raw = Some(raw.to_vec());
        Some(place)
    }

    fn known(&self, id: &str) -> Option<usize> {
        self.equipment.iter().position(|known| &*known.id == id)
    }

    /// The latest instant that the registers of a meter reached.
    fn reached(&self, meter: usize) -> Option<i64> {
        let energy = self.equipment[meter].lines.iter().filter(|line| line.is_energy());
        energy.flat_map(Line::places).map(|place| self.counters()[place].last.time).max()
    }

    fn is_without_energy(&self) -> bool {
        !self.equipment.iter().any(|equipment| equipment.lines.iter().any(Line::is_energy))
    }

    /// Whether a reading is later than what is known, by its positions: they only rise. `Less` when one is lower,
    /// `Greater` when one is higher and none lower.
    fn order(&self, meter: usize, reading: &Reading) -> Ordering {
        let counters = self.book.counters();
        let compare = |equipment: usize, register: Register, value: Decimal| {
            let line = self.equipment[equipment].lines.iter().find(|line| line.register() == register)?;
            Some(value.cmp_value(counters[line.current(counters)?].last.value))
        };
        let energy = |field: Field| compare(meter, Register::Energy(field), reading.number(field)?);
        let mut orders: Vec<Ordering> = energy::registers().filter_map(energy).collect();
        if orders.is_empty() {
            // A telegram of devices alone.
            let device = |device| {
                let (id, register, newest) = device::key(reading, device)?;
                compare(self.known(&readable(id))?, register, newest.value?.value)
            };
            orders.extend(reading.mbus.iter().filter_map(device));
        }
        match (orders.iter().min(), orders.iter().max()) {
            (Some(Ordering::Less), _) => Ordering::Less,
            (_, Some(Ordering::Greater)) => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }

    /// Takes up again at an instant before the last: registers of the meter and all devices, whose stamps it makes.
    fn step_back(&mut self, meter: usize, time: i64, out: &mut Vec<Entry>) {
        for (place, equipment) in self.equipment.iter().enumerate() {
            for line in &equipment.lines {
                if place == meter || !line.is_energy() {
                    line.step_back(time, &mut self.book, out);
                }
            }
        }
    }
}

impl Equipment {
    fn new(id: Arc<str>) -> Self {
        Self { raw: None, id, lines: Vec::new() }
    }

    /// The line of a register, added when it was not there.
    fn line(&mut self, register: Register) -> &mut Line {
        let place = self.lines.iter().position(|line| line.register() == register).unwrap_or_else(|| {
            self.lines.push(Line::new(Arc::clone(&self.id), register));
            self.lines.len() - 1
        });
        &mut self.lines[place]
    }
}
