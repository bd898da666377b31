//! Which country a telegram speaks of, from the objects in it.
//!
//! The identification line alone does not tell: one maker's meters stand in several countries under the same
//! line. Only a grid operator's own flag in it counts, behind what the objects say.

use std::fmt;

use super::Country;
use crate::p1::telegram::Object;
use crate::p1::{Obis, Telegram};

/// How much a detection is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// Nothing tells, or several countries are left.
    Open,
    /// No other country is known for it, but the signs are weak.
    Likely,
    /// Only this country's meters do so.
    Sure,
}

/// What a telegram's objects tell of its country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    /// The country; `None` while it is open.
    pub country: Option<Country>,
    /// What that is worth.
    pub certainty: Certainty,
    /// What it was told by, in words.
    pub evidence: &'static str,
}

impl Detection {
    /// Nothing is known yet.
    pub const NOTHING: Self =
        Self { country: None, certainty: Certainty::Open, evidence: "nothing in it that tells a country" };
}

impl fmt::Display for Detection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.country, self.certainty) {
            (Some(country), Certainty::Sure) => write!(f, "{}: {}", country.name(), self.evidence),
            (Some(country), _) => write!(f, "probably {}: {}", country.name(), self.evidence),
            (None, _) => write!(f, "not known: {}", self.evidence),
        }
    }
}

/// A sign that an object is. The names tell their codes where these are not plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// 1-3:0.2.8.
    Version,
    /// 0-0:96.1.4, which Switzerland's meters send too.
    VersionOfEmucs,
    /// 0-0:1.0.0.
    Clock,
    /// 0-0:1.0.0 of twelve digits without a flag.
    ClockWithoutFlag,
    /// 0-0:1.0.0 with the year in four digits and blanks.
    ClockInWords,
    /// 0-0:1.1.0.
    GatewayClock,
    /// 1-0:0.9.1 or 1-0:0.9.2.
    SplitClock,
    /// 1-0:1.8.x.
    Energy,
    EnergyTotal,
    EnergyOfTariff,
    /// 1-0:1.8.11 to 13, or the tariff under 0-0:96.14.1.
    IsraelsTariffs,
    /// 1-1:1.8.x and 1-1:2.8.x.
    EnergyOnSecondChannel,
    /// 1-1:1.6.0 and 1-1:2.6.0.
    PeakOnSecondChannel,
    /// 1-0:1.6.0.
    MonthlyPeak,
    GridConfiguration,
    ReactiveTotal,
    /// 1-0:3.8.1 and on.
    ReactiveOfTariff,
    /// 1-0:15.8.0.
    AbsoluteEnergy,
    /// Averages over the period of 1-0:0.8.2.
    Averages,
    /// 0-0:42.0.0.
    DeviceName,
    EquipmentId,
    Tariff,
    /// 0-0:96.13.1.
    MessageCode,
    /// 1-1:31.4.0.
    LimitsOfBothDirections,
    /// 0-0:96.50.68.
    BreakerState,
    /// 0-n:24.1.0.
    Mbus,
    /// 0-n:24.3.x.
    ProfileOfDsmr2,
    /// 0-n:96.1.1.
    MbusIdOfEmucs,
    /// 0-n:24.2.3 in cubic metres.
    UncorrectedGas,
    /// 1-0:0.0.0.
    Address,
    /// 0-0:94.98.x.
    PolandsStatus,
    /// 0-0:17.0.0 more than once.
    SeveralLimits,
    /// Codes written with `*255`.
    StarredCodes,
}

/// The signs in a telegram.
#[derive(Clone, Copy, Debug, Default)]
struct Signs(u64);

impl Signs {
    fn add(&mut self, sign: Sign) {
        self.0 |= 1 << sign as u64;
    }

    fn has(self, sign: Sign) -> bool {
        self.0 & 1 << sign as u64 != 0
    }

    fn of(telegram: &Telegram<'_>) -> Self {
        let mut signs = Self::default();
        let mut limits = 0;
        for object in telegram.objects() {
            signs.look(&object);
            limits += usize::from(object.obis() == Obis::new(0, 0, 17, 0, 0));
        }
        if limits > 1 {
            signs.add(Sign::SeveralLimits);
        }
        signs
    }

    fn look(&mut self, object: &Object<'_>) {
        let Obis { a, b, c, d, e } = object.obis();
        if object.code().ends_with(b"*255") {
            self.add(Sign::StarredCodes);
        }
        let sign = match (a, b, c, d, e) {
            (1, 3, 0, 2, 8) => Sign::Version,
            (0, 0, 96, 1, 4) => Sign::VersionOfEmucs,
            (0, 0, 1, 0, 0) => {
                match object.first() {
                    digits if digits.len() == 12 && digits.iter().all(u8::is_ascii_digit) => {
                        self.add(Sign::ClockWithoutFlag);
                    }
                    text if text.len() == 17 && text[8] == b' ' => self.add(Sign::ClockInWords),
                    _ => {}
                }
                Sign::Clock
            }
            (0, 0, 1, 1, 0) => Sign::GatewayClock,
            (1, 0, 0, 9, 1 | 2) => Sign::SplitClock,
            (0, 0, 96, 14, 1) | (1, 0, 1 | 2, 8, 11..=13) => Sign::IsraelsTariffs,
            (1, 0, 1, 8, _) => {
                self.add(Sign::Energy);
                if e == 0 { Sign::EnergyTotal } else { Sign::EnergyOfTariff }
            }
            (1, 1, 1 | 2, 8, _) => Sign::EnergyOnSecondChannel,
            (1, 1, 1 | 2, 6, 0) => Sign::PeakOnSecondChannel,
            (1, 0, 1, 6, 0) => Sign::MonthlyPeak,
            (1, 0, 94, 32, 1) => Sign::GridConfiguration,
            (1, 0, 3 | 4, 8, 0) => Sign::ReactiveTotal,
            (1, 0, 3 | 4, 8, _) => Sign::ReactiveOfTariff,
            (1, 0, 15, 8, 0) => Sign::AbsoluteEnergy,
            (1, 0, 15 | 16 | 32 | 52 | 72, 24, 0) => Sign::Averages,
            (0, 0, 42, 0, 0) => Sign::DeviceName,
            (0, 0, 96, 1, 0 | 1) => Sign::EquipmentId,
            (0, 0, 96, 14, 0) => Sign::Tariff,
            (0, 0, 96, 13, 1) => Sign::MessageCode,
            (1, 1, 31, 4, 0) => Sign::LimitsOfBothDirections,
            (0, 0, 96, 50, 68) => Sign::BreakerState,
            (0, 1..=9, 24, 1, 0) => Sign::Mbus,
            (0, 1..=9, 24, 3, _) => Sign::ProfileOfDsmr2,
            (0, 1..=9, 96, 1, 1) => Sign::MbusIdOfEmucs,
            (0, 1..=9, 24, 2, 3) if object.groups().nth(1).is_some_and(|text| text.ends_with(b"*m3")) => {
                Sign::UncorrectedGas
            }
            (1, 0, 0, 0, 0) => Sign::Address,
            (0, 0, 94, 98, _) => Sign::PolandsStatus,
            _ => return,
        };
        self.add(sign);
    }
}

/// One way to tell a country.
struct Rule {
    country: Option<Country>,
    certainty: Certainty,
    evidence: &'static str,
    /// Signs that must all be there.
    with: &'static [Sign],
    /// Signs of which none may be there.
    without: &'static [Sign],
}

const fn sure(country: Country, with: &'static [Sign], without: &'static [Sign], why: &'static str) -> Rule {
    Rule { country: Some(country), certainty: Certainty::Sure, evidence: why, with, without }
}

const fn likely(
    country: Country,
    with: &'static [Sign],
    without: &'static [Sign],
    why: &'static str,
) -> Rule {
    Rule { country: Some(country), certainty: Certainty::Likely, evidence: why, with, without }
}

/// What several countries are left for.
const fn open(with: &'static [Sign], why: &'static str) -> Rule {
    Rule { country: None, certainty: Certainty::Open, evidence: why, with, without: &[] }
}

/// What objects tell, in this order.
const RULES: &[Rule] = {
    use Country::*;
    use Sign::*;
    &[
        sure(Israel, &[IsraelsTariffs], &[], "tariffs 11 to 13, or the tariff under 0-0:96.14.1"),
        sure(Lithuania, &[Averages], &[], "averages over the period of 1-0:0.8.2"),
        sure(Hungary, &[BreakerState], &[], "the breaker's state under 0-0:96.50.68"),
        sure(Hungary, &[AbsoluteEnergy], &[], "combined energy under 1-0:15.8.0"),
        sure(Poland, &[PolandsStatus], &[Version], "status words under 0-0:94.98.x"),
        sure(
            Switzerland,
            &[VersionOfEmucs, PeakOnSecondChannel],
            &[],
            "a version under 0-0:96.1.4, and the month's highest demand on channel 1",
        ),
        open(
            &[VersionOfEmucs, EnergyOnSecondChannel],
            "a version of e-MUCS-P1, but energy on channel 1, as meters of Switzerland and sub-meters elsewhere \
             have it; set `country`",
        ),
        sure(Belgium, &[VersionOfEmucs], &[], "a version of e-MUCS-P1 under 0-0:96.1.4"),
        sure(Belgium, &[MonthlyPeak], &[Version], "the month's highest demand under 1-0:1.6.0"),
        sure(Belgium, &[GridConfiguration], &[Version], "the grid's voltage under 1-0:94.32.1"),
        sure(
            Belgium,
            &[UncorrectedGas, MbusIdOfEmucs],
            &[Version],
            "gas under 24.2.3 with its id under 96.1.1",
        ),
        sure(
            Belgium,
            &[ClockWithoutFlag, MbusIdOfEmucs],
            &[Version],
            "a clock without S and W, and a sub-meter's id under 96.1.1, as in Wallonia",
        ),
        sure(
            Belgium,
            &[ClockWithoutFlag, Address, Tariff],
            &[Version],
            "a clock without S and W, and an address under 1-0:0.0.0, as in Wallonia",
        ),
        likely(Belgium, &[ClockWithoutFlag, Tariff], &[Version], "a clock without S and W, as in Wallonia"),
        sure(Luxembourg, &[LimitsOfBothDirections], &[], "limits of both directions under 1-1:31.4.0"),
        sure(Austria, &[Version, ReactiveOfTariff], &[], "a version, and reactive energy by tariff"),
        sure(
            Luxembourg,
            &[Version, DeviceName],
            &[EnergyOfTariff],
            "a version, and a device name under 0-0:42.0.0",
        ),
        sure(
            Austria,
            &[Version, EnergyTotal, EnergyOfTariff],
            &[],
            "a version, and energy in total and by tariff",
        ),
        likely(Austria, &[Version, ReactiveTotal], &[], "a version, and reactive energy"),
        sure(Netherlands, &[Version, Tariff], &[], "a DSMR version, and the tariff under 0-0:96.14.0"),
        likely(
            Netherlands,
            &[Version, Mbus],
            &[Energy],
            "a DSMR version, and sub-meters without electricity, as gateways of heat send them",
        ),
        likely(
            Netherlands,
            &[GatewayClock, Mbus],
            &[Energy],
            "a clock under 0-0:1.1.0 and sub-meters without electricity, as gateways of heat send them",
        ),
        likely(
            Netherlands,
            &[Version, EnergyOfTariff],
            &[EnergyTotal],
            "a DSMR version, and energy by tariff",
        ),
        sure(
            Netherlands,
            &[Tariff, MessageCode],
            &[Clock, SplitClock],
            "a tariff and a message code without a clock, as in DSMR 2 and 3",
        ),
        likely(
            Netherlands,
            &[ProfileOfDsmr2],
            &[Clock],
            "a sub-meter's profile under 24.3.0, as in DSMR 2 and 3",
        ),
        sure(Hungary, &[DeviceName], &[Version], "a device name under 0-0:42.0.0 without a version"),
        likely(Poland, &[SeveralLimits], &[Version], "several power limits under 0-0:17.0.0"),
        sure(Slovenia, &[SplitClock], &[Clock], "time and date apart, under 1-0:0.9.1 and 1-0:0.9.2"),
        sure(Denmark, &[ClockInWords], &[], "a clock with the year in four digits"),
        Rule {
            without: &[Version, Tariff, EquipmentId],
            ..open(
                &[Clock, EnergyTotal, ReactiveTotal],
                "the objects of the branch standard H1, which are the same in Sweden and Finland; \
                 set `country` to \"se\" or \"fi\"",
            )
        },
        sure(Germany, &[StarredCodes], &[Clock], "codes with *255 without a clock, as D0 meters write them"),
    ]
};

/// Operators, and makers for one of them, by their flag in the identification line.
const FLAGS: &[(&[u8], Rule)] = {
    use Country::*;
    &[
        (b"FLU", sure(Belgium, &[], &[], "Fluvius's flag in the identification")),
        (b"SIB", sure(Belgium, &[], &[], "Sibelga's flag in the identification")),
        (b"ESO", sure(Lithuania, &[], &[], "ESO's flag in the identification")),
        (b"ELL", sure(Sweden, &[], &[], "Ellevio's flag in the identification")),
        (b"Lux", sure(Luxembourg, &[], &[], "Luxmetering's flag in the identification")),
        (b"EST", likely(Austria, &[], &[], "the flag EST in the identification")),
        (b"GRE", likely(Switzerland, &[], &[], "the flag GRE in the identification")),
        (b"NES", likely(Denmark, &[], &[], "the flag NES in the identification")),
        (b"ESY", likely(Germany, &[], &[], "EasyMeter's flag in the identification")),
        (b"NWA", likely(Netherlands, &[], &[], "the flag NWA in the identification")),
    ]
};

/// What a telegram tells of its country.
pub fn detect(telegram: &Telegram<'_>) -> Detection {
    let signs = Signs::of(telegram);
    let holds = |rule: &&Rule| {
        rule.with.iter().all(|&sign| signs.has(sign)) && !rule.without.iter().any(|&sign| signs.has(sign))
    };
    let flag = telegram.identification().flag;
    let by_flag = FLAGS.iter().find(|(known, _)| *known == flag).map(|(_, rule)| rule);
    let by_objects = RULES.iter().find(holds);
    // The surer of the two, and of two alike the objects: the last of equals is taken.
    let rule = [by_flag, by_objects].into_iter().flatten().max_by_key(|rule| rule.certainty);
    rule.map_or(Detection::NOTHING, |rule| Detection {
        country: rule.country,
        certainty: rule.certainty,
        evidence: rule.evidence,
    })
}

#[cfg(test)]
mod tests;
