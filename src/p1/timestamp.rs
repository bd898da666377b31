//! The meter's clock as it stands in a telegram: `YYMMDDhhmmssX`.

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
}
