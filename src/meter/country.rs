//! Whose rules a meter follows: where two countries use one OBIS code differently, its country decides.

use std::fmt;
use std::str::FromStr;

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

impl Country {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Netherlands,
        Self::Belgium,
        Self::Luxembourg,
        Self::Austria,
        Self::Sweden,
        Self::Finland,
        Self::Lithuania,
        Self::Hungary,
        Self::Switzerland,
        Self::Israel,
        Self::Poland,
        Self::Slovenia,
        Self::Denmark,
        Self::Germany,
    ];

    /// Its code in lower case, as in the configuration.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Netherlands => "nl",
            Self::Belgium => "be",
            Self::Luxembourg => "lu",
            Self::Austria => "at",
            Self::Sweden => "se",
            Self::Finland => "fi",
            Self::Lithuania => "lt",
            Self::Hungary => "hu",
            Self::Switzerland => "ch",
            Self::Israel => "il",
            Self::Poland => "pl",
            Self::Slovenia => "si",
            Self::Denmark => "dk",
            Self::Germany => "de",
        }
    }

    /// Its time zone in the IANA database.
    pub const fn zone_name(self) -> &'static str {
        match self {
            Self::Netherlands => "Europe/Amsterdam",
            Self::Belgium => "Europe/Brussels",
            Self::Luxembourg => "Europe/Luxembourg",
            Self::Austria => "Europe/Vienna",
            Self::Sweden => "Europe/Stockholm",
            Self::Finland => "Europe/Helsinki",
            Self::Lithuania => "Europe/Vilnius",
            Self::Hungary => "Europe/Budapest",
            Self::Switzerland => "Europe/Zurich",
            Self::Israel => "Asia/Jerusalem",
            Self::Poland => "Europe/Warsaw",
            Self::Slovenia => "Europe/Ljubljana",
            Self::Denmark => "Europe/Copenhagen",
            Self::Germany => "Europe/Berlin",
        }
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
