//! Deviations of the clock.

use dsmrd::meter::interpreter::InterpreterSettings;
use dsmrd::meter::{Country, Zone};
use dsmrd::p1::frame::FramerSettings;

use super::super::{ARRIVAL, Said, fixture, hold, plainly, read, read_at};
use super::{Row, hold_all, sealed};

/// A telegram with this clock.
fn at(clock: &str) -> Vec<u8> {
    sealed(format!("/ISK5\\2M550T-1012\r\n\r\n0-0:1.0.0({clock})\r\n1-0:1.7.0(00.417*kW)\r\n"))
}

#[test]
fn shapes_of_the_clock() {
    hold_all(vec![
        Row {
            deviation: "COSEM date and time in hex",
            bytes: at("07EA080B02080F1300007880"),
            rejected: &[],
            telegrams: &["time=2026-08-11T06:15:19Z"],
        },
        Row {
            deviation: "year of four digits, no flag",
            bytes: at("20240619 09:35:20"),
            rejected: &[],
            telegrams: &["time=2024-06-19T07:35:20Z"],
        },
        Row {
            deviation: "no flag, where the zone tells the offset",
            bytes: [at("260212081500"), at("260712081500")].concat(),
            rejected: &[],
            telegrams: &["time=2026-02-12T07:15:00Z", "time=2026-07-12T06:15:00Z"],
        },
        Row {
            deviation: "time and date apart",
            bytes: fixture("si-iskra-am550.txt"),
            rejected: &[],
            telegrams: &["time=2025-07-15T06:30:15Z"],
        },
        Row {
            deviation: "clock of heat gateways",
            bytes: sealed("/NWA-WARMTELINK\r\n\r\n0-0:1.1.0(251214081530W)\r\n"),
            rejected: &[],
            telegrams: &["time=2025-12-14T07:15:30Z"],
        },
        Row {
            deviation: "dates that are none: the telegram counts, and the time it came",
            bytes: [
                at("213112235959W"),
                at("632525252525S"),
                at("35255255255255255S"),
                at("xxx"),
                at("000101000000W"),
                at("700101010000W"),
                at(""),
            ]
            .concat(),
            rejected: &[],
            telegrams: &["time=-; power_import=0.417 kW; utc_seconds=1770880502"; 7],
        },
    ]);
    assert_eq!(ARRIVAL / 1_000, 1_770_880_502);
}

/// The meter's clock is believed whatever it says, unless a tolerance is set: then the time of arrival counts.
#[test]
fn a_clock_in_the_future() {
    let bytes = fixture("streams/clock-jumps-ahead.txt");
    let times = |said: &Said| -> Vec<String> {
        said.telegrams.iter().map(|facts| facts["utc_seconds"].clone()).collect()
    };
    assert_eq!(times(&plainly(&bytes)), ["1770880500", "2177449200", "1770880501"]);
    let settings = InterpreterSettings { clock_tolerance_s: Some(300), ..InterpreterSettings::default() };
    let said = read(&bytes, FramerSettings::default(), settings);
    assert_eq!(times(&said), ["1770880500", "1770880502", "1770880501"]);
    hold("out of tolerance", &said.telegrams[1], "time=2039-01-01T00:00:00; power_import=0.417 kW");
}

/// Without a flag the order of the telegrams tells the doubled hour, and where nothing does it is marked.
#[test]
fn the_doubled_hour_without_a_flag() {
    // 2025-10-25 23:59:50 UTC and what follows.
    const FIRST: i64 = 1_761_436_790_000;
    let after_s = [0, 10, 3_609, 3_610, 5_410, 7_209, 7_210];
    let said = read_at(
        &fixture("streams/autumn-hour-without-flag.txt"),
        FramerSettings::default(),
        InterpreterSettings::default(),
        |telegram| FIRST + after_s[telegram] * 1_000,
    );
    let times: Vec<&str> = said.telegrams.iter().map(|facts| facts["time"].as_str()).collect();
    assert_eq!(
        times,
        [
            "2025-10-25T23:59:50Z",
            "2025-10-26T00:00:00Z",
            "2025-10-26T00:59:59Z",
            "2025-10-26T01:00:00Z",
            "2025-10-26T01:30:00Z",
            "2025-10-26T01:59:59Z",
            "2025-10-26T02:00:00Z",
        ]
    );
    // Alone, and long after: a recording that begins within the hour.
    let alone = plainly(&at("251026023000"));
    hold("alone", &alone.telegrams[0], "time=2025-10-26T02:30:00; utc_seconds=1770880502");
}

/// The autumn hour comes twice. With a flag each is told; the flag decides.
#[test]
fn the_doubled_hour_with_a_flag() {
    let said = plainly(&fixture("streams/autumn-hour-with-flag.txt"));
    let times: Vec<&str> = said.telegrams.iter().map(|facts| facts["time"].as_str()).collect();
    assert_eq!(
        times,
        [
            "2026-10-24T23:59:59Z",
            "2026-10-25T00:00:00Z",
            "2026-10-25T00:59:59Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:59:59Z",
            "2026-10-25T02:00:00Z",
        ]
    );
}

/// The country sets the zone where the telegram does not tell.
#[test]
fn the_same_clock_in_another_country() {
    let bytes = fixture("fi-h1-landis-summer-time.txt");
    let finnish = InterpreterSettings { country: Some(Country::Finland), ..InterpreterSettings::default() };
    let said = read(&bytes, FramerSettings::default(), finnish);
    hold("as Finland's", &said.telegrams[0], "time=2025-07-14T06:15:40Z");
    let zone = Zone::new("Europe/Lisbon").expect("known");
    let placed = InterpreterSettings { zone: Some(zone), ..InterpreterSettings::default() };
    let said = read(&bytes, FramerSettings::default(), placed);
    hold("in a zone of one's own", &said.telegrams[0], "time=2025-07-14T08:15:40Z");
}
