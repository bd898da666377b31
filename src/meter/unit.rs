//! Units, in the form a reading holds them: the meter's unit scaled to the canonical one of its kind.

use std::fmt;

/// The canonical unit of a value. Telegrams in Wh, W, MWh, mA, kV, dm³ and so on are scaled to these, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the units")]
pub enum Unit {
    /// A number without a unit: counters, ratios, power factors.
    One = 0,
    KiloWattHour = 1,
    KiloVarHour = 2,
    KiloVoltAmpereHour = 3,
    KiloWatt = 4,
    KiloVar = 5,
    KiloVoltAmpere = 6,
    Volt = 7,
    Ampere = 8,
    Hertz = 9,
    CubicMetre = 10,
    GigaJoule = 11,
    Second = 12,
}

impl Unit {
    /// Every unit, in the order of its number.
    pub const ALL: [Self; 13] = [
        Self::One,
        Self::KiloWattHour,
        Self::KiloVarHour,
        Self::KiloVoltAmpereHour,
        Self::KiloWatt,
        Self::KiloVar,
        Self::KiloVoltAmpere,
        Self::Volt,
        Self::Ampere,
        Self::Hertz,
        Self::CubicMetre,
        Self::GigaJoule,
        Self::Second,
    ];

    /// The unit's symbol in ASCII, `m3` for cubic metres; empty for [`Unit::One`].
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::One => "",
            Self::KiloWattHour => "kWh",
            Self::KiloVarHour => "kvarh",
            Self::KiloVoltAmpereHour => "kVAh",
            Self::KiloWatt => "kW",
            Self::KiloVar => "kvar",
            Self::KiloVoltAmpere => "kVA",
            Self::Volt => "V",
            Self::Ampere => "A",
            Self::Hertz => "Hz",
            Self::CubicMetre => "m3",
            Self::GigaJoule => "GJ",
            Self::Second => "s",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}
