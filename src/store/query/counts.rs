//! Which registers count for which field.

use super::fields::Source;
use super::rise::{Risen, Scope};
use super::track::{Rise, Track};
use crate::meter::{Field, Quantity, Unit, energy};
use crate::totals::Register;

/// Adds a rise to a sum.
pub(super) fn add(sum: &mut Option<Quantity>, by: Quantity) {
    *sum = Some(match *sum {
        Some(sum) if sum.unit == by.unit => {
            Quantity { value: sum.value.checked_add(by.value).unwrap_or(sum.value), unit: sum.unit }
        }
        _ => by,
    });
}

/// Whether what rose counts for a source.
pub(super) fn is_of(source: &Source, rise: &Rise) -> bool {
    counts_for(source, rise.register, rise.in_total, rise.channel)
}

fn counts_for(source: &Source, register: Register, in_total: bool, channel: Option<u8>) -> bool {
    match (source, register) {
        (Source::Field(Field::EnergyImportTotal), Register::Energy(field)) => {
            in_total && (field == Field::EnergyImportTotal || energy::IMPORT_TARIFFS.contains(&field))
        }
        (Source::Field(Field::EnergyExportTotal), Register::Energy(field)) => {
            in_total && (field == Field::EnergyExportTotal || energy::EXPORT_TARIFFS.contains(&field))
        }
        (Source::Field(wanted), Register::Energy(field)) => *wanted == field,
        (Source::Class(wanted), Register::Device { class, .. }) => *wanted == class,
        (Source::Channel(wanted), Register::Device { .. }) => channel == Some(*wanted),
        _ => false,
    }
}

/// A span with a reading, in which a register that is known did not rise, tells zero.
pub(super) fn zeros(deltas: &mut [Option<Quantity>], sources: &[Source], track: &Track) {
    for (delta, source) in deltas.iter_mut().zip(sources).filter(|(delta, _)| delta.is_none()) {
        let known = track.counters().find(|(counter, in_total, channel)| {
            counter.counts() && counts_for(source, counter.key.register, *in_total, *channel)
        });
        if let Some((counter, ..)) = known {
            let value = counter.last.value;
            let value = value.checked_sub(value).unwrap_or_default();
            *delta = Some(Quantity { value, unit: counter.unit });
        }
    }
}

/// What a period tells of a source.
pub(super) fn of_period(source: &Source, scope: &Scope, risen: &Risen) -> Option<Quantity> {
    match (source, scope) {
        (Source::Field(field), Scope::Meter(_)) => {
            let of = |(other, value): &(Field, _)| {
                (other == field).then_some(Quantity { value: *value, unit: Unit::KiloWattHour })
            };
            risen.energy.iter().find_map(of)
        }
        (Source::Class(class), Scope::Meter(_)) => {
            risen.devices.iter().find(|(of, _)| of == class).map(|(_, quantity)| *quantity)
        }
        (Source::Channel(channel), Scope::Channel(of)) if channel == of => {
            risen.devices.first().map(|(_, quantity)| *quantity)
        }
        _ => None,
    }
}
