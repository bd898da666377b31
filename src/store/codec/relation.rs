//! What one column says about another: registers follow power, phases add up to the total.
//!
//! Nothing here must be true of a meter: a prediction that fails costs bits, never the value.

use crate::meter::Unit;

/// Powers that other columns follow from, by place in [`Facts`].
const POWERS: [&str; 8] = [
    "power_import",
    "power_export",
    "power_import_l1",
    "power_export_l1",
    "power_import_l2",
    "power_export_l2",
    "power_import_l3",
    "power_export_l3",
];

/// Watt seconds in a watt hour.
const STEP: i64 = 3_600;

/// What a column is to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing that is known.
    Plain,
    /// The power at this place of [`Facts`]: an even place imports, an odd one exports.
    Power(usize),
    /// A register in Wh that the power at this place fills.
    Register(usize),
}

impl Role {
    /// The role of a column of numbers.
    pub(crate) fn of(key: &str, unit: Unit, scale: u8) -> Self {
        if scale != 3 {
            return Self::Plain;
        }
        match unit {
            Unit::KiloWatt => POWERS.iter().position(|power| *power == key).map_or(Self::Plain, Self::Power),
            Unit::KiloWattHour if key.starts_with("energy_import_") => Self::Register(0),
            Unit::KiloWattHour if key.starts_with("energy_export_") => Self::Register(1),
            _ => Self::Plain,
        }
    }
}

/// The newest powers in W, those of this row where they were coded already.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    watts: [i64; 8],
    /// Seconds since the row before.
    pub(crate) elapsed: i64,
}

/// Powers above this are damage or no power: 1 GW.
const SANE: i128 = 1_000_000_000;

impl Facts {
    /// Takes note of a power.
    pub(crate) fn note(&mut self, place: usize, watts: i128) {
        self.watts[place] = watts.clamp(-SANE, SANE) as i64;
    }

    /// What a power should be for the phases to add up to the total.
    pub(crate) fn remainder(&self, place: usize) -> Option<i128> {
        let side = |place: usize| if place.is_multiple_of(2) { 1 } else { -1 };
        if place < 2 {
            return None;
        }
        let total = self.watts[0] - self.watts[1];
        let others: i64 =
            (2..8).filter(|other| *other != place).map(|other| side(other) * self.watts[other]).sum();
        Some(i128::from((side(place) * (total - others)).max(0)))
    }
}

/// How much energy a register has seen that it does not show yet, in Ws.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filling(i64);

impl Filling {
    /// Adds what came since the row before; tells by how much the register should rise, and a hint how sure
    /// that is, 1 to 5.
    pub(crate) fn expect(&mut self, facts: &Facts, place: usize) -> (i128, usize) {
        let seconds = facts.elapsed.clamp(0, 60);
        let seen = facts.watts[place] * seconds;
        // A power below zero, which no standard knows, must not turn the limits around.
        self.0 = (self.0 + seen).clamp(-STEP, (3 * STEP + seen).max(-STEP));
        let rest = self.0.rem_euclid(STEP);
        let hint = match self.0 {
            energy if energy > 2 * STEP && facts.watts[place] * seconds < STEP => 5,
            _ => 1 + (rest * 4 / STEP) as usize,
        };
        (i128::from(self.0.div_euclid(STEP).max(0)), hint)
    }

    /// The register rose by this much.
    pub(crate) fn rose(&mut self, by: i128) {
        let by = by.clamp(0, SANE) as i64;
        self.0 = (self.0 - by * STEP).max(-STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_below_zero_is_no_end() {
        let mut facts = Facts { elapsed: 60, ..Facts::default() };
        facts.note(0, -SANE);
        assert_eq!(Filling::default().expect(&facts, 0).0, 0);
        facts.note(0, 60);
        assert_eq!(Filling::default().expect(&facts, 0).0, 1);
    }
}
