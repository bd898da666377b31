//! Sun and clouds over the household's panels, in whole numbers.

use super::calendar::Day;
use super::random::{Random, drift};

/// The sine of whole degrees from 0 to 90, times 10,000.
const SINES: [i64; 91] = [
    0, 175, 349, 523, 698, 872, 1_045, 1_219, 1_392, 1_564, 1_736, 1_908, 2_079, //
    2_250, 2_419, 2_588, 2_756, 2_924, 3_090, 3_256, 3_420, 3_584, 3_746, 3_907, 4_067, 4_226, //
    4_384, 4_540, 4_695, 4_848, 5_000, 5_150, 5_299, 5_446, 5_592, 5_736, 5_878, 6_018, 6_157, //
    6_293, 6_428, 6_561, 6_691, 6_820, 6_947, 7_071, 7_193, 7_314, 7_431, 7_547, 7_660, 7_771, //
    7_880, 7_986, 8_090, 8_192, 8_290, 8_387, 8_480, 8_572, 8_660, 8_746, 8_829, 8_910, 8_988, //
    9_063, 9_135, 9_205, 9_272, 9_336, 9_397, 9_455, 9_511, 9_563, 9_613, 9_659, 9_703, 9_744, //
    9_781, 9_816, 9_848, 9_877, 9_903, 9_925, 9_945, 9_962, 9_976, 9_986, 9_994, 9_998, 10_000,
];

const ONE: i64 = 10_000;
/// Latitude of Utrecht, 52.1° north: its sine and cosine.
const LATITUDE: (i64, i64) = (7_891, 6_143);
/// Seconds by which the sun passes Utrecht (5.1° east) before it passes Greenwich.
const AHEAD: i64 = 1_224;

/// The sine of an angle in hundredths of a degree, times 10,000.
fn sine(angle: i64) -> i64 {
    let angle = angle.rem_euclid(36_000);
    let (sign, angle) = if angle >= 18_000 { (-1, angle - 18_000) } else { (1, angle) };
    let angle = if angle > 9_000 { 18_000 - angle } else { angle };
    let (degree, rest) = ((angle / 100) as usize, angle % 100);
    let next = SINES[(degree + 1).min(90)];
    sign * (SINES[degree] + (next - SINES[degree]) * rest / 100)
}

fn cosine(angle: i64) -> i64 {
    sine(angle + 9_000)
}

/// How far into the year a day is as seen from the cold: 1,000 in midwinter, −1,000 in midsummer.
pub(super) fn winter(of_year: i32) -> i32 {
    (cosine((i64::from(of_year) + 10) * 36_000 / 365) / 10) as i32
}

#[derive(Clone, Copy, Debug)]
enum Weather {
    Clear,
    Mixed,
    Overcast,
}

/// The sun of one day.
#[derive(Clone, Debug)]
pub(super) struct Sun {
    seed: u64,
    start: i64,
    weather: Weather,
    /// The sine of the sun's height is `level + swing × cos(hour angle)`.
    level: i64,
    swing: i64,
}

const CLOUDS: u64 = 0x51;
const FLICKER: u64 = 0x52;
const SKY: u64 = 0x53;

impl Sun {
    pub(super) fn new(seed: u64, day: &Day) -> Self {
        // The axis of the earth leans 23.44°.
        let declination = i64::from(winter(day.of_year)) * -2_344 / 1_000;
        let mut random = Random::new(seed, SKY, day.number);
        let overcast = 300 + winter(day.of_year) / 10;
        let weather = match random.between(1, 1_000) {
            n if n <= overcast => Weather::Overcast,
            n if n <= overcast + 430 => Weather::Mixed,
            _ => Weather::Clear,
        };
        Self {
            seed,
            start: day.start,
            weather,
            level: LATITUDE.0 * sine(declination) / ONE,
            swing: LATITUDE.1 * cosine(declination) / ONE,
        }
    }

    /// What panels that give `peak` watts at their best give in the minute that starts `elapsed` seconds after
    /// the start of the day.
    pub(super) fn watts(&self, peak: i32, elapsed: i32) -> i32 {
        let utc = self.start + i64::from(elapsed);
        let hour_angle = (utc.rem_euclid(86_400) - 43_200 + AHEAD) * 100 / 240;
        let height = self.level + self.swing * cosine(hour_angle) / ONE;
        if height <= 0 {
            return 0;
        }
        // Panels on a slope do a little better than panels that lie flat, and no better than their best.
        let watts = i64::from(peak) * (height * 115 / 100).min(ONE) / ONE;
        let watts = watts * i64::from(self.clear(utc.div_euclid(60))) / 1_000;
        // An inverter needs some light to start.
        if watts < 25 { 0 } else { watts as i32 }
    }

    /// How much of the light passes, in thousandths.
    fn clear(&self, minute: i64) -> i32 {
        let (period, low, high) = match self.weather {
            Weather::Clear => (45, 930, 1_000),
            Weather::Mixed => (9, 180, 1_000),
            Weather::Overcast => (25, 60, 330),
        };
        let clouds = drift(self.seed, CLOUDS, minute, period, low, high);
        let flicker = Random::new(self.seed, FLICKER, minute).between(-15, 15);
        clouds + clouds * flicker / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_are_right_in_every_quarter() {
        assert_eq!(sine(0), 0);
        assert_eq!(sine(3_000), 5_000);
        assert_eq!(sine(9_000), 10_000);
        assert_eq!(sine(15_000), 5_000);
        assert_eq!(sine(-9_000), -10_000);
        assert_eq!(cosine(6_000), 5_000);
        assert_eq!(cosine(18_000), -10_000);
    }

    #[test]
    fn summer_days_are_long_and_nights_are_dark() {
        let light = |number: i64| {
            let day = Day::new(number);
            let sun = Sun::new(3, &day);
            let minutes: Vec<i32> = (0..day.length).step_by(60).map(|at| sun.watts(4_000, at)).collect();
            assert!(minutes.iter().all(|&watts| (0..=4_100).contains(&watts)));
            assert!(minutes[..180].iter().all(|&watts| watts == 0), "light before three on {number}");
            minutes.iter().filter(|&&watts| watts > 0).count() / 60
        };
        // 2026-06-21 and 2026-12-21.
        assert!((14..=17).contains(&light(20_625)));
        assert!((4..=8).contains(&light(20_808)));
    }
}
