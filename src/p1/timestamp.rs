//! The meter's clock as it stands in a telegram: `YYMMDDhhmmssX`, and the other shapes meters give it.

/// Local time of the meter, with the flag that makes it an instant (DSMR P1 5.0.2, section 6.4, `TST`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocalTime {
    /// Full year, 2000 to 2099.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// `S`: summer time holds (true); `W`: it does not (false); no flag (DSMR 2 and 3): `None`.
    pub dst: Option<bool>,
}

impl LocalTime {
    /// Seconds since 1970-01-01 00:00 of the same wall clock, as if it stood in UTC.
    pub const fn seconds_as_utc(self) -> i64 {
        // Days from civil: the year starts in March, so that the leap day is its last.
        let (y, m) = (self.year as i64, self.month as i64);
        let y = if m <= 2 { y - 1 } else { y };
        let era = y.div_euclid(400);
        let yoe = y.rem_euclid(400);
        let doy = (153 * ((m + 9) % 12) + 2) / 5 + self.day as i64 - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        let days = era * 146_097 + doe - 719_468;
        days * 86_400 + self.hour as i64 * 3_600 + self.minute as i64 * 60 + self.second as i64
    }

    /// The wall clock that stands `seconds` after 1970-01-01 00:00, as if it stood in UTC: the inverse of
    /// [`LocalTime::seconds_as_utc`]. `None` outside the years 1 to 9999.
    pub fn from_seconds_as_utc(seconds: i64, dst: Option<bool>) -> Option<Self> {
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Civil from days, in years that start in March.
        let days = days + 719_468;
        let (era, doe) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        (1..=9_999).contains(&year).then_some(Self {
            year: year as u16,
            month: month as u8,
            day: (doy - (153 * mp + 2) / 5 + 1) as u8,
            hour: (rest / 3_600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            dst,
        })
    }

    /// The instant in seconds since 1970-01-01 00:00 UTC, when the flag says which offset holds;
    /// `standard_offset_s` is the zone's offset in winter (3600 in the Netherlands, 7200 in Lithuania).
    pub const fn utc_seconds(self, standard_offset_s: i32) -> Option<i64> {
        match self.dst {
            Some(dst) => {
                let offset = standard_offset_s as i64 + if dst { 3_600 } else { 0 };
                Some(self.seconds_as_utc() - offset)
            }
            None => None,
        }
    }
}

/// What a telegram says where a time belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// A time.
    Valid(LocalTime),
    /// A date that says "never": the first day of 2000, or of 1970, which two digits make 2070.
    Never(LocalTime),
    /// A time of which every octet is `FF`, not specified (IEC 62056-6-2), as meters print it: `632525252525S`,
    /// `35255255255255255S`.
    Unset,
    /// Not a date.
    Invalid,
}

impl Stamp {
    /// The time, if it is one.
    pub fn valid(self) -> Option<LocalTime> {
        match self {
            Self::Valid(time) => Some(time),
            Self::Never(_) | Self::Unset | Self::Invalid => None,
        }
    }
}

/// Reads a time: `YYMMDDhhmmss` with `S`, `W` or nothing behind it (`TST`, DSMR P1 5.0.2 section 6.4), the
/// twelve octets of a COSEM date-time in hex (IEC 62056-6-2), or `YYYYMMDD hh:mm:ss`.
#[inline]
pub fn parse(text: &[u8]) -> Stamp {
    let time = match *text {
        [ref digits @ .., b'S'] if digits.len() == 12 => short(digits, Some(true)),
        [ref digits @ .., b'W'] if digits.len() == 12 => short(digits, Some(false)),
        _ if text.len() == 12 => short(text, None),
        _ if text.len() == 24 => cosem(text),
        _ if text.len() == 17 => long(text),
        _ => None,
    };
    match time {
        None if is_unset(text) => Stamp::Unset,
        None => Stamp::Invalid,
        Some(time) if matches!((time.year, time.month, time.day), (1970 | 2000 | 2070, 1, 1)) => {
            Stamp::Never(time)
        }
        Some(time) => Stamp::Valid(time),
    }
}

/// Whether a text that is no date stands for octets of `FF`.
#[cold]
fn is_unset(text: &[u8]) -> bool {
    let digits = text.strip_suffix(b"S").or_else(|| text.strip_suffix(b"W")).unwrap_or(text);
    let octets = text.len() == 24 && text.iter().all(u8::is_ascii_hexdigit);
    matches!(digits, b"632525252525" | b"35255255255255255")
        || octets && text[..14].eq_ignore_ascii_case(b"FFFFFFFFFFFFFF")
}

/// Two decimal digits.
#[inline(always)]
fn two(digits: &[u8], at: usize) -> Option<u8> {
    let (tens, ones) = (digits[at].wrapping_sub(b'0'), digits[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| tens * 10 + ones)
}

#[inline(always)]
fn short(digits: &[u8], dst: Option<bool>) -> Option<LocalTime> {
    checked(LocalTime {
        year: 2000 + u16::from(two(digits, 0)?),
        month: two(digits, 2)?,
        day: two(digits, 4)?,
        hour: two(digits, 6)?,
        minute: two(digits, 8)?,
        second: two(digits, 10)?,
        dst,
    })
}

fn long(text: &[u8]) -> Option<LocalTime> {
    if (text[8], text[11], text[14]) != (b' ', b':', b':') {
        return None;
    }
    checked(LocalTime {
        year: u16::from(two(text, 0)?) * 100 + u16::from(two(text, 2)?),
        month: two(text, 4)?,
        day: two(text, 6)?,
        hour: two(text, 9)?,
        minute: two(text, 12)?,
        second: two(text, 15)?,
        dst: None,
    })
}

/// Year (2 octets), month, day, weekday, hour, minute, second, hundredths, deviation (2), status. The sign of
/// the deviation differs between makers, so that summer time is taken from bit 7 of the status alone.
fn cosem(hex: &[u8]) -> Option<LocalTime> {
    let mut octets = [0u8; 12];
    for (octet, pair) in octets.iter_mut().zip(hex.chunks_exact(2)) {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        *octet = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    let status = octets[11];
    checked(LocalTime {
        year: u16::from_be_bytes([octets[0], octets[1]]),
        month: octets[2],
        day: octets[3],
        hour: octets[5],
        minute: octets[6],
        second: octets[7],
        dst: (status != 0xFF).then_some(status & 0x80 != 0),
    })
}

#[inline(always)]
fn checked(time: LocalTime) -> Option<LocalTime> {
    let leap =
        time.year.is_multiple_of(4) && (!time.year.is_multiple_of(100) || time.year.is_multiple_of(400));
    let days = match time.month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let date = (1_970..2_100).contains(&time.year) && (1..=days).contains(&time.day);
    (date && time.hour < 24 && time.minute < 60 && time.second < 60).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_decides_the_doubled_hour() {
        let summer =
            LocalTime { year: 2026, month: 10, day: 25, hour: 2, minute: 30, second: 0, dst: Some(true) };
        let winter = LocalTime { dst: Some(false), ..summer };
        assert_eq!(summer.utc_seconds(3_600), Some(1_792_888_200));
        assert_eq!(winter.utc_seconds(3_600), Some(1_792_888_200 + 3_600));
        assert_eq!(LocalTime { dst: None, ..summer }.utc_seconds(3_600), None);
    }

    #[test]
    fn the_shapes_of_a_time() {
        let time = |text: &[u8]| parse(text).valid();
        let noon =
            LocalTime { year: 2026, month: 8, day: 11, hour: 8, minute: 15, second: 19, dst: Some(true) };
        assert_eq!(time(b"260811081519S"), Some(noon));
        assert_eq!(time(b"260811081519W"), Some(LocalTime { dst: Some(false), ..noon }));
        assert_eq!(time(b"260811081519"), Some(LocalTime { dst: None, ..noon }));
        assert_eq!(time(b"20260811 08:15:19"), Some(LocalTime { dst: None, ..noon }));
        assert_eq!(time(b"07EA080B02083C1300007880"), None);
        assert_eq!(time(b"07EA080B02080F1300007880"), Some(noon));
        assert_eq!(time(b"07EA080B02080F130080007F"), Some(LocalTime { dst: Some(false), ..noon }));
        assert_eq!(time(b"07EA080B02080F13008000FF"), Some(LocalTime { dst: None, ..noon }));
    }

    #[test]
    fn never_and_no_date() {
        for never in [&b"000101000000W"[..], b"000101010000W", b"700101010000W", b"700101010000"] {
            assert!(matches!(parse(never), Stamp::Never(_)), "{}", never.escape_ascii());
        }
        for unset in [
            &b"632525252525S"[..],
            b"632525252525W",
            b"632525252525",
            b"35255255255255255S",
            b"FFFFFFFFFFFFFFFFFF8000FF",
        ] {
            assert_eq!(parse(unset), Stamp::Unset, "{}", unset.escape_ascii());
        }
        let invalid: [&[u8]; 12] = [
            b"",
            b"FFFFFFFFFFFFFFFFFFx800FF",
            b"000000000000W",
            b"991132235959W",
            b"990230120000W",
            b"991130235959s",
            b"991130235960W",
            b"99113023W",
            b"ABCDEF",
            b"260811081519X",
            b"xxxxxxxxxxxxx",
            b"20260811-08:15:19",
        ];
        for invalid in invalid {
            assert_eq!(parse(invalid), Stamp::Invalid, "{}", invalid.escape_ascii());
        }
        assert!(parse(b"240229000000W").valid().is_some());
        assert!(parse(b"250229000000W").valid().is_none());
    }

    #[test]
    fn seconds_and_back() {
        for seconds in (-100_000_000i64..4_200_000_000).step_by(9_999_937) {
            let time = LocalTime::from_seconds_as_utc(seconds, Some(true)).expect("in range");
            assert_eq!(time.seconds_as_utc(), seconds);
        }
        assert_eq!(LocalTime::from_seconds_as_utc(i64::from(u32::MAX) * 1_000, None), None);
    }
}
