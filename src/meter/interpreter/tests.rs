use super::*;
use crate::meter::Field;
use crate::meter::MeterTime;
use crate::p1::frame::{CrcPolicy, Event};
use crate::p1::timestamp::LocalTime;
use crate::p1::{Framer, FramerSettings};

mod clocks;
mod doubled_hour;

fn text(lines: &[&str]) -> String {
    format!("/ISk5\\2MT382-1004\r\n\r\n{}\r\n!\r\n", lines.join("\r\n"))
}

/// Reads a telegram of these lines that arrived in this second.
fn feed(interpreter: &mut Interpreter, arrived: i64, lines: &[&str]) -> Interpreted {
    let mut framer = Framer::new(FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() });
    let mut read = None;
    framer.push(text(lines).as_bytes(), &mut |event| {
        if let Event::Frame(frame) = event {
            read = Some(interpreter.read(&frame, arrived * 1_000));
        }
    });
    read.expect("a telegram")
}

/// What the wall clocks of Brussels and Amsterdam show in a second, without a flag.
fn wall(utc: i64) -> LocalTime {
    let zone = Zone::new("Europe/Brussels").expect("known");
    let instant = jiff::Timestamp::from_second(utc).expect("in range");
    let offset = zone.time_zone().to_offset(instant).seconds();
    LocalTime::from_seconds_as_utc(utc + i64::from(offset), None).expect("in range")
}

fn stamp(time: LocalTime) -> String {
    let LocalTime { year, month, day, hour, minute, second, .. } = time;
    format!("{:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}", year - 2_000)
}

fn of(country: Country) -> Interpreter {
    Interpreter::new(InterpreterSettings { country: Some(country), ..InterpreterSettings::default() })
}

const DUTCH: [&str; 4] = ["1-3:0.2.8(50)", "0-0:96.1.1(4531)", "0-0:96.14.0(0002)", "1-0:31.4.0(000.004*kA)"];
const LITHUANIAN: [&str; 4] =
    ["0-0:1.0.0(240214101855W)", "0-0:96.1.1(3830)", "1-0:16.24.0(-00.073*kW)", "1-0:31.4.0(000.004*kA)"];

#[test]
fn a_sure_country_stays_until_another_meter_tells_another() {
    let mut interpreter = Interpreter::new(InterpreterSettings::default());
    assert_eq!(interpreter.country(), None);
    let read = feed(&mut interpreter, 0, &LITHUANIAN);
    assert_eq!(read.reading.country, Some(Country::Lithuania));
    assert_eq!(read.reading.time.and_then(|time| time.utc), Some(1_707_898_735));
    assert!(read.reading.get(Field::CurrentAvgL1).is_some());
    assert_eq!(interpreter.zone().standard_offset(), 7_200);

    // Without the objects that told, and without an identifier.
    let read = feed(&mut interpreter, 0, &["1-0:31.4.0(000.004*kA)"]);
    assert_eq!(read.reading.country, Some(Country::Lithuania));
    assert!(read.reading.get(Field::CurrentLimitL1).is_none());
    // The same meter with objects of elsewhere is still the same meter.
    let read = feed(&mut interpreter, 0, &["1-3:0.2.8(50)", "0-0:96.1.1(3830)", "0-0:96.14.0(0002)"]);
    assert_eq!(read.reading.country, Some(Country::Lithuania));
    // Another one that does not tell.
    let read = feed(&mut interpreter, 0, &["0-0:96.1.1(3831)"]);
    assert_eq!(read.reading.country, Some(Country::Lithuania));

    let read = feed(&mut interpreter, 0, &DUTCH);
    assert_eq!(read.reading.country, Some(Country::Netherlands));
    assert!(read.reading.get(Field::CurrentLimitL1).is_some());
    assert_eq!(interpreter.zone().standard_offset(), 3_600);
    assert_eq!(interpreter.detection().certainty, Certainty::Sure);
}

#[test]
fn the_first_telegram_of_another_meter_is_read_by_its_own_rules() {
    let mut interpreter = Interpreter::new(InterpreterSettings::default());
    feed(&mut interpreter, 0, &DUTCH);
    let read = feed(&mut interpreter, 0, &LITHUANIAN);
    assert_eq!(read.reading.time.and_then(|time| time.utc), Some(1_707_898_735));
    assert!(read.reading.get(Field::CurrentAvgL1).is_some());
}

#[test]
fn settings_win_over_what_objects_tell() {
    let mut interpreter = of(Country::Netherlands);
    let read = feed(&mut interpreter, 0, &LITHUANIAN);
    assert_eq!(read.reading.country, Some(Country::Netherlands));
    assert_eq!(read.reading.time.and_then(|time| time.utc), Some(1_707_902_335));
    assert!(read.reading.get(Field::CurrentLimitL1).is_some());
    // What the objects told can be shown beside it.
    assert_eq!(interpreter.contradiction().and_then(|found| found.country), Some(Country::Lithuania));
    let mut agreed = of(Country::Lithuania);
    feed(&mut agreed, 0, &LITHUANIAN);
    assert_eq!((agreed.contradiction(), agreed.detection().certainty), (None, Certainty::Sure));

    let zone = Some(Zone::new("UTC").expect("known"));
    let mut interpreter = Interpreter::new(InterpreterSettings { zone, ..InterpreterSettings::default() });
    let read = feed(&mut interpreter, 0, &LITHUANIAN);
    assert_eq!(read.reading.country, Some(Country::Lithuania));
    assert_eq!(read.reading.time.and_then(|time| time.utc), Some(1_707_905_935));
}

#[test]
fn a_guess_gives_way_to_what_is_sure() {
    let mut interpreter = Interpreter::new(InterpreterSettings::default());
    let read = feed(&mut interpreter, 0, &["0-0:1.0.0(260405154953)", "0-0:96.14.0(0001)"]);
    assert_eq!(
        (read.reading.country, interpreter.detection().certainty),
        (Some(Country::Belgium), Certainty::Likely)
    );
    // A weaker sign of another country changes nothing, a sure one does.
    feed(&mut interpreter, 0, &["0-0:1.0.0(260405154953W)", "0-0:17.0.0(0)", "0-0:17.0.0(0)"]);
    assert_eq!(interpreter.country(), Some(Country::Belgium));
    feed(&mut interpreter, 0, &["1-1:31.4.0(100*A)(-063*A)"]);
    assert_eq!(interpreter.country(), Some(Country::Luxembourg));
}

#[test]
fn the_first_of_several_values_counts_and_the_others_are_counted() {
    let mut interpreter = Interpreter::new(InterpreterSettings::default());
    let read = feed(
        &mut interpreter,
        0,
        &[
            "0-0:1.0.0(260405154953W)",
            "0-0:1.0.0(260405154954W)",
            "0-0:17.0.0(x)",
            "0-0:17.0.0(16500)",
            "0-0:17.0.0(*kW)",
            "0-0:17.0.0(16501)",
            "0-0:96.13.0()",
            "0-0:96.13.0(41)",
            "1-0:1.7.0(00.417*kW)",
            // Gives way to the one above, as it must.
            "1-1:1.7.0(99.999*kW)",
            "1-1:2.7.0(oops)",
        ],
    );
    assert_eq!((read.duplicates, read.unreadable, read.unrecognised), (3, 2, 0));
    assert_eq!(
        read.reading.number(Field::LimiterThreshold).map(|limit| limit.to_string()).as_deref(),
        Some("16500")
    );
    assert_eq!(read.reading.text(Field::MessageText), Some(&b""[..]));
    assert_eq!(
        read.reading.number(Field::PowerImport).map(|power| power.to_string()).as_deref(),
        Some("0.417")
    );
    assert_eq!(read.reading.time.map(|time| time.local.second), Some(53));
}

#[test]
fn relays_are_no_sub_meters_in_any_country() {
    for country in Country::ALL {
        let read = feed(&mut of(country), 0, &["0-1:96.3.10(1)", "0-4:96.3.10(0)"]);
        assert!(read.reading.mbus.is_empty());
        assert_eq!(read.reading.text(Field::Relay1), Some(&b"1"[..]));
        assert_eq!(read.reading.text(Field::Relay4), Some(&b"0"[..]));
    }
}

#[test]
fn limits_of_the_current_by_country() {
    let lines = ["1-0:31.4.0(200.00*A)", "1-0:51.4.0(201.00*A)", "1-0:71.4.0(202.00*A)"];
    let fields = |country| {
        let read = feed(&mut of(country), 0, &lines);
        read.reading.cells().map(|(field, _)| field).collect::<Vec<_>>()
    };
    let limits = [Field::CurrentLimitL1, Field::CurrentLimitL2, Field::CurrentLimitL3];
    let averages = [Field::CurrentAvgL1, Field::CurrentAvgL2, Field::CurrentAvgL3];
    for country in Country::ALL {
        let wanted = if country == Country::Lithuania { averages } else { limits };
        assert_eq!(fields(country), wanted, "{country}");
    }
}
