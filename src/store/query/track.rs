//! By how much registers rose over shorter spans: from the readings, as the totals take them.

use super::Archive;
use super::rise::{Scope, tally_from};
use crate::meter::{Reading, Unit};
use crate::p1::Decimal;
use crate::store::error::ReadError;
use crate::totals::{CounterState, Register, Tally, in_total};

/// What one register rose at an instant.
#[derive(Debug)]
pub(super) struct Rise {
    /// When the new position was known, in seconds since 1970-01-01 00:00 UTC.
    pub(super) time: i64,
    pub(super) register: Register,
    /// Whether the total is made of it.
    pub(super) in_total: bool,
    /// The channel of the device, where it is asked for.
    pub(super) channel: Option<u8>,
    pub(super) unit: Unit,
    pub(super) by: Decimal,
}

/// Follows the registers of one meter reading by reading, as the totals do.
#[derive(Debug)]
pub(super) struct Track {
    tally: Tally,
    equipment: Option<String>,
    /// Of each of its counters the position to which its rises were told.
    told: Vec<Decimal>,
    /// The counters of the record, whether each is in the total, and its channel where that is asked for.
    known: Vec<(CounterState, bool, Option<u8>)>,
    entries: Vec<crate::totals::Entry>,
}

impl Track {
    pub(super) fn new(
        archive: &Archive,
        meter: &str,
        equipment: Option<String>,
        from: Option<i64>,
        channels: &[u8],
    ) -> Result<Self, ReadError> {
        let counters = archive.counters(meter)?;
        let tally = match from {
            Some(from) => tally_from(&counters, &archive.positions_at(meter, from)?),
            None => Tally::default(),
        };
        let mut of_channel = vec![None; counters.len()];
        for channel in channels {
            for place in archive.in_scope(meter, &Scope::Channel(*channel))? {
                of_channel[place] = Some(*channel);
            }
        }
        let totals = in_total(&counters);
        let known = counters
            .into_iter()
            .zip(totals)
            .zip(of_channel)
            .map(|((state, total), channel)| (state, total, channel));
        let told = tally.counters().iter().map(|counter| counter.last.value).collect();
        Ok(Self { tally, equipment, told, known: known.collect(), entries: Vec::new() })
    }

    /// Takes a reading; `each` is told what rose by it.
    pub(super) fn take(&mut self, reading: &Reading, mut each: impl FnMut(Rise)) {
        self.tally.take(reading, &mut self.entries);
        self.entries.clear();
        for (place, counter) in self.tally.counters().iter().enumerate() {
            let start = counter.first.value;
            if self.told.len() <= place {
                self.told.push(start);
            }
            if !counter.counts() {
                self.told[place] = start;
                continue;
            }
            let by = counter.last.value.checked_sub(self.told[place]).unwrap_or_default();
            if by.is_zero() {
                continue;
            }
            self.told[place] = counter.last.value;
            let other = matches!(counter.key.register, Register::Energy(_))
                && self.equipment.as_deref().is_some_and(|id| *counter.key.equipment != *id);
            if other {
                continue;
            }
            let known = self.known.iter().find(|(known, ..)| known.key == counter.key);
            each(Rise {
                time: counter.last.time,
                register: counter.key.register,
                in_total: known.is_some_and(|(_, total, _)| *total),
                channel: known.and_then(|(.., channel)| *channel),
                unit: counter.unit,
                by,
            });
        }
    }

    /// The counters that are known by now, whether each is in the total, and its channel where that is asked for.
    pub(super) fn counters(&self) -> impl Iterator<Item = (&CounterState, bool, Option<u8>)> {
        self.tally.counters().iter().map(|counter| {
            let known = self.known.iter().find(|(known, ..)| known.key == counter.key);
            (counter, known.is_some_and(|(_, total, _)| *total), known.and_then(|(.., channel)| *channel))
        })
    }
}
