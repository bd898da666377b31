//! Whose rules a meter follows: where two countries use one OBIS code differently, its country decides.

pub mod detect;

use std::fmt;
use std::str::FromStr;

pub use detect::{Certainty, Detection, detect};

/// A country whose P1 telegrams are known, by its code of ISO 3166-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the countries")]
pub enum Country {
    Netherlands,
    Belgium,
    Luxembourg,
    Austria,
    Sweden,
    Finland,
    Lithuania,
    Hungary,
    Switzerland,
    Israel,
    Poland,
    Slovenia,
    Denmark,
    Germany,
}

/// What a tariff's number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TariffName {
    /// The cheap hours: night and weekend.
    Low,
    /// The other hours: the day.
    Normal,
}

impl TariffName {
    /// Its name in topics and exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
        }
    }
}

/// What 1-0:31.4.0, 51.4.0 and 71.4.0 say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PhaseCurrent {
    /// The limit at which the meter or its fuse interrupts: of all phases (Belgium) or each its own (Hungary).
    Limit,
    /// The average of the running period (ESO, Lithuania).
    Average,
}

/// What a country decides.
struct Rules {
    country: Country,
    code: &'static str,
    name: &'static str,
    zone: &'static str,
    /// Of tariffs 1 and 2, where all meters of the country agree on them.
    tariffs: Option<[TariffName; 2]>,
    phase_current: PhaseCurrent,
}

/// The table. Relays need no column: 0-1:96.3.10 to 0-4:96.3.10 are relays wherever they are sent, never
/// sub-meters.
const TABLE: [Rules; 14] = {
    use PhaseCurrent::{Average, Limit};
    use TariffName::{Low, Normal};
    const fn row(
        country: Country,
        code: &'static str,
        name: &'static str,
        zone: &'static str,
        tariffs: Option<[TariffName; 2]>,
        phase_current: PhaseCurrent,
    ) -> Rules {
        Rules { country, code, name, zone, tariffs, phase_current }
    }
    [
        // DSMR P1 5.0.2, section 6.12: 1 is low. Belgium's e-MUCS-P1 has them the other way around.
        row(Country::Netherlands, "nl", "the Netherlands", "Europe/Amsterdam", Some([Low, Normal]), Limit),
        row(Country::Belgium, "be", "Belgium", "Europe/Brussels", Some([Normal, Low]), Limit),
        row(Country::Luxembourg, "lu", "Luxembourg", "Europe/Luxembourg", None, Limit),
        row(Country::Austria, "at", "Austria", "Europe/Vienna", None, Limit),
        row(Country::Sweden, "se", "Sweden", "Europe/Stockholm", None, Limit),
        row(Country::Finland, "fi", "Finland", "Europe/Helsinki", None, Limit),
        row(Country::Lithuania, "lt", "Lithuania", "Europe/Vilnius", None, Average),
        row(Country::Hungary, "hu", "Hungary", "Europe/Budapest", None, Limit),
        row(Country::Switzerland, "ch", "Switzerland", "Europe/Zurich", None, Limit),
        row(Country::Israel, "il", "Israel", "Asia/Jerusalem", None, Limit),
        row(Country::Poland, "pl", "Poland", "Europe/Warsaw", None, Limit),
        row(Country::Slovenia, "si", "Slovenia", "Europe/Ljubljana", None, Limit),
        row(Country::Denmark, "dk", "Denmark", "Europe/Copenhagen", None, Limit),
        row(Country::Germany, "de", "Germany", "Europe/Berlin", None, Limit),
    ]
};

impl Country {
    /// All of them.
    pub const ALL: [Self; 14] = {
        let mut all = [Self::Netherlands; 14];
        let mut row = 0;
        while row < all.len() {
            all[row] = TABLE[row].country;
            row += 1;
        }
        all
    };

    const fn rules(self) -> &'static Rules {
        const TABLE_REF: &[Rules; 14] = &TABLE;
        &TABLE_REF[self as usize]
    }

    /// Its code in lower case, as in the configuration.
    pub const fn code(self) -> &'static str {
        self.rules().code
    }

    /// Its name within an English sentence.
    pub const fn name(self) -> &'static str {
        self.rules().name
    }

    /// Its time zone in the IANA database.
    pub const fn zone_name(self) -> &'static str {
        self.rules().zone
    }

    /// What a tariff's number stands for; `None` where the country's meters do not agree on it.
    pub fn tariff_name(self, number: u32) -> Option<TariffName> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.rules().tariffs?.get(place).copied()
    }

    /// What 1-0:31.4.0, 51.4.0 and 71.4.0 say. Limits of both directions (Luxembourg, 1-1:31.4.0) have a code
    /// of their own.
    pub const fn phase_current(self) -> PhaseCurrent {
        self.rules().phase_current
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Country {
    type Err = ();

    fn from_str(code: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|country| country.code().eq_ignore_ascii_case(code)).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Zone;

    #[test]
    fn each_row_is_where_its_country_looks_for_it() {
        for (place, country) in Country::ALL.into_iter().enumerate() {
            assert_eq!(country as usize, place);
            assert_eq!(country.code().to_uppercase().parse(), Ok(country));
            assert!(Zone::new(country.zone_name()).is_ok(), "{}", country.zone_name());
        }
        assert_eq!("xx".parse::<Country>(), Err(()));
    }

    #[test]
    fn tariffs_have_names_where_a_country_agrees_on_them() {
        let name = |country: Country, number| country.tariff_name(number).map(TariffName::name);
        assert_eq!([1, 2].map(|n| name(Country::Netherlands, n)), [Some("low"), Some("normal")]);
        assert_eq!([1, 2].map(|n| name(Country::Belgium, n)), [Some("normal"), Some("low")]);
        assert_eq!([0, 3, u32::MAX].map(|n| name(Country::Belgium, n)), [None; 3]);
        assert_eq!(name(Country::Hungary, 1), None);
    }
}
