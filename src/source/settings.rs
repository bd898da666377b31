//! What a meter's source is, resolved and checked.

use std::path::PathBuf;
use std::time::Duration;

use crate::meter::{Country, InterpreterSettings, Zone};
use crate::p1::cipher::Keys;

/// Where the bytes of a meter come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceUrl {
    /// A serial port or pseudo-terminal.
    Serial(PathBuf),
    /// A TCP server that sends what the P1 port says (ser2net, a network P1 reader).
    Tcp {
        /// A name or an address; IPv6 without brackets.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
    /// A recording.
    File(PathBuf),
    /// A recording on standard input.
    Stdin,
    /// The simulated meter.
    Simulate {
        /// Equal seeds give equal telegrams.
        seed: u64,
    },
}

impl SourceUrl {
    /// Whether what it says is of now; a recording is of another day.
    pub fn is_live(&self) -> bool {
        !matches!(self, Self::File(_) | Self::Stdin)
    }
}

/// Parity of a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parity {
    /// No parity bit, eight data bits.
    None,
    /// Even parity.
    Even,
}

/// A fixed setting of a serial line; always one stop bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LineSettings {
    /// Bits a second: 9600 or 115200.
    pub baud: u32,
    /// 7 or 8.
    pub data_bits: u8,
    /// The parity bit.
    pub parity: Parity,
}

impl LineSettings {
    /// DSMR 4 and 5 and most of Europe.
    pub const M115200_8N1: Self = Self { baud: 115_200, data_bits: 8, parity: Parity::None };
    /// DSMR 2.2 and 3.0.
    pub const M9600_7E1: Self = Self { baud: 9_600, data_bits: 7, parity: Parity::Even };
    /// Slovenia.
    pub const M115200_7E1: Self = Self { baud: 115_200, data_bits: 7, parity: Parity::Even };
    /// Denmark.
    pub const M115200_8E1: Self = Self { baud: 115_200, data_bits: 8, parity: Parity::Even };
    /// Every setting a P1 port is known to use, in the order `auto` tries them.
    pub const ALL: [Self; 4] = [Self::M115200_8N1, Self::M9600_7E1, Self::M115200_7E1, Self::M115200_8E1];
}

/// How a serial line is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Line {
    /// Each of [`LineSettings::ALL`] in turn until telegrams verify.
    Auto,
    /// One setting.
    Fixed(LineSettings),
}

/// A meter's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// Where the bytes come from.
    pub url: SourceUrl,
    /// Of a serial port.
    pub line: Line,
    /// The largest telegram accepted, in bytes; 8192 by default.
    pub max_telegram: usize,
    /// The shortest silence that means trouble; 20 s by default. Three learned intervals when that is longer.
    pub silence: Duration,
    /// Whose rules the meter follows; by default what its objects tell.
    pub country: Option<Country>,
    /// The meter's time zone as an IANA name: it gives the meaning of the S and W flags. By default that of its
    /// country.
    pub timezone: Option<String>,
    /// What opens its telegrams, when they are encrypted.
    pub keys: Option<Keys>,
    /// How far the meter's clock may be from ours before ours counts; `None`: the meter's is believed.
    pub clock_tolerance: Option<Duration>,
}

impl SourceSettings {
    /// The name of the zone in which the meter's days begin, as far as the settings tell: Dutch when nothing
    /// is set.
    pub fn zone_name(&self) -> &str {
        let country = self.country.unwrap_or(Country::Netherlands);
        self.timezone.as_deref().unwrap_or(country.zone_name())
    }

    /// What is known beforehand to whoever reads the telegrams. (A zone that is none was refused with the
    /// configuration; here it counts as not given.)
    pub fn interpreter(&self) -> InterpreterSettings {
        let seconds = |tolerance: Duration| u32::try_from(tolerance.as_secs()).unwrap_or(u32::MAX);
        InterpreterSettings {
            country: self.country,
            zone: self.timezone.as_deref().and_then(|name| Zone::new(name).ok()),
            clock_tolerance_s: self.clock_tolerance.map(seconds),
        }
    }
}

/// What a share sends of an encrypted telegram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShareEncrypted {
    /// The telegram within, for readers that have no key.
    Decrypted,
    /// The frame as received.
    Untouched,
}

/// A meter's telegrams for other readers, over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareSettings {
    /// `host:port` to listen at.
    pub listen: String,
    /// What is sent of an encrypted telegram.
    pub encrypted: ShareEncrypted,
}
