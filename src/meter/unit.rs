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

impl Unit {
    /// The canonical unit of a unit as meters write it, in capitals or not, and the power of ten between
    /// them: `Wh` is kWh and −3. `None` for what is no unit of this table.
    #[inline(always)]
    pub fn from_wire(text: &[u8]) -> Option<(Self, i8)> {
        // As the Dutch standard writes them, first.
        Some(match text {
            b"kW" => (Self::KiloWatt, 0),
            b"kWh" => (Self::KiloWattHour, 0),
            b"V" => (Self::Volt, 0),
            b"A" => (Self::Ampere, 0),
            b"m3" => (Self::CubicMetre, 0),
            _ if text.len() > 5 => return None,
            _ => return Self::rare(&text.to_ascii_lowercase()),
        })
    }

    #[cold]
    fn rare(lower: &[u8]) -> Option<(Self, i8)> {
        Some(match lower {
            b"kwh" => (Self::KiloWattHour, 0),
            b"wh" => (Self::KiloWattHour, -3),
            b"mwh" => (Self::KiloWattHour, 3),
            b"varh" => (Self::KiloVarHour, -3),
            b"kvarh" => (Self::KiloVarHour, 0),
            b"mvarh" => (Self::KiloVarHour, 3),
            b"vah" => (Self::KiloVoltAmpereHour, -3),
            b"kvah" => (Self::KiloVoltAmpereHour, 0),
            b"mvah" => (Self::KiloVoltAmpereHour, 3),
            b"kw" => (Self::KiloWatt, 0),
            b"w" => (Self::KiloWatt, -3),
            b"mw" => (Self::KiloWatt, 3),
            b"var" => (Self::KiloVar, -3),
            b"kvar" => (Self::KiloVar, 0),
            b"mvar" => (Self::KiloVar, 3),
            b"va" => (Self::KiloVoltAmpere, -3),
            b"kva" => (Self::KiloVoltAmpere, 0),
            b"mva" => (Self::KiloVoltAmpere, 3),
            b"v" => (Self::Volt, 0),
            b"mv" => (Self::Volt, -3),
            b"kv" => (Self::Volt, 3),
            b"a" => (Self::Ampere, 0),
            b"ma" => (Self::Ampere, -3),
            b"ka" => (Self::Ampere, 3),
            b"hz" => (Self::Hertz, 0),
            b"khz" => (Self::Hertz, 3),
            b"m3" => (Self::CubicMetre, 0),
            b"s" => (Self::Second, 0),
            b"gj" => (Self::GigaJoule, 0),
            b"dm3" | b"l" => (Self::CubicMetre, -3),
            b"kj" => (Self::GigaJoule, -6),
            b"mj" => (Self::GigaJoule, -3),
            _ => return None,
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::p1::Decimal;

    /// Units as meters write them, with how many of them make the canonical one, as a power of ten.
    const WRITTEN: [(&str, Unit, i8); 30] = [
        ("Wh", Unit::KiloWattHour, -3),
        ("kWh", Unit::KiloWattHour, 0),
        ("MWh", Unit::KiloWattHour, 3),
        ("varh", Unit::KiloVarHour, -3),
        ("kVArh", Unit::KiloVarHour, 0),
        ("MVArh", Unit::KiloVarHour, 3),
        ("VAh", Unit::KiloVoltAmpereHour, -3),
        ("kVAh", Unit::KiloVoltAmpereHour, 0),
        ("MVAh", Unit::KiloVoltAmpereHour, 3),
        ("W", Unit::KiloWatt, -3),
        ("kW", Unit::KiloWatt, 0),
        ("MW", Unit::KiloWatt, 3),
        ("VAr", Unit::KiloVar, -3),
        ("kVAr", Unit::KiloVar, 0),
        ("MVAr", Unit::KiloVar, 3),
        ("VA", Unit::KiloVoltAmpere, -3),
        ("kVA", Unit::KiloVoltAmpere, 0),
        ("MVA", Unit::KiloVoltAmpere, 3),
        ("V", Unit::Volt, 0),
        ("kV", Unit::Volt, 3),
        ("mA", Unit::Ampere, -3),
        ("A", Unit::Ampere, 0),
        ("kA", Unit::Ampere, 3),
        ("Hz", Unit::Hertz, 0),
        ("kHz", Unit::Hertz, 3),
        ("m3", Unit::CubicMetre, 0),
        ("dm3", Unit::CubicMetre, -3),
        ("kJ", Unit::GigaJoule, -6),
        ("MJ", Unit::GigaJoule, -3),
        ("GJ", Unit::GigaJoule, 0),
    ];

    proptest! {
        /// Scaling moves the point and nothing else: as many of the small unit as the power of ten says make
        /// the same number, and the way back gives the number that the meter wrote.
        #[test]
        fn scaling_is_exact(
            magnitude in 0..1_000_000_000_000_000_u64,
            scale in 0..=7_u8,
            negative: bool,
            (text, unit, power) in prop::sample::select(&WRITTEN[..]),
        ) {
            let written = Decimal::from_parts(negative, magnitude, scale).expect("a scale in range");
            for text in [text.to_owned(), text.to_lowercase(), text.to_uppercase()] {
                // `mW` and `MW` are one when letters do not count; `mA` is nobody's mega.
                prop_assert_eq!(Unit::from_wire(text.as_bytes()), Some((unit, power)), "{}", text);
            }
            let scaled = written.shifted(power).expect("it fits");
            let ten = |power: i8| 10_i128.pow(power.unsigned_abs().into());
            let (digits, places) = (scaled.mantissa(), u32::from(scaled.scale()));
            // scaled × 10^scale × 10^-power = mantissa, in whole numbers.
            let left = digits * 10_i128.pow(u32::from(scale)) * if power < 0 { ten(power) } else { 1 };
            let right = written.mantissa() * 10_i128.pow(places) * if power > 0 { ten(power) } else { 1 };
            prop_assert_eq!(left, right);
            let back = scaled.shifted(-power).expect("it fitted before");
            prop_assert_eq!(back.cmp_value(written), std::cmp::Ordering::Equal);
        }
    }

    #[test]
    fn units_as_meters_write_them() {
        for (text, unit, exponent) in [
            ("kWh", Unit::KiloWattHour, 0),
            ("kwh", Unit::KiloWattHour, 0),
            ("Wh", Unit::KiloWattHour, -3),
            ("MWh", Unit::KiloWattHour, 3),
            ("kVArh", Unit::KiloVarHour, 0),
            ("kVarh", Unit::KiloVarHour, 0),
            ("mA", Unit::Ampere, -3),
            ("kHz", Unit::Hertz, 3),
            ("M3", Unit::CubicMetre, 0),
            ("MJ", Unit::GigaJoule, -3),
        ] {
            assert_eq!(Unit::from_wire(text.as_bytes()), Some((unit, exponent)), "{text}");
        }
        for text in ["", "kWhh", "degC", "m\u{13}", "kilowatt"] {
            assert_eq!(Unit::from_wire(text.as_bytes()), None, "{text}");
        }
        for unit in Unit::ALL.into_iter().filter(|&unit| unit != Unit::One) {
            assert_eq!(Unit::from_wire(unit.symbol().as_bytes()), Some((unit, 0)));
        }
    }
}
