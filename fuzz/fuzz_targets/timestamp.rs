//! Any bytes as a time: what is read as one is a date that exists, and survives the way to seconds and back.

#![no_main]

use std::sync::LazyLock;

use dsmrd::meter::Zone;
use dsmrd::p1::timestamp::{LocalTime, Stamp, parse};
use libfuzzer_sys::fuzz_target;

static ZONES: LazyLock<Vec<Zone>> = LazyLock::new(|| {
    let names = ["Europe/Amsterdam", "Europe/Vilnius", "Asia/Jerusalem", "UTC"];
    names.iter().map(|name| Zone::new(name).expect("a zone of the database")).collect()
});

/// `YYMMDDhhmmssX`, which says the same.
fn written(time: LocalTime) -> String {
    let LocalTime { year, month, day, hour, minute, second, dst } = time;
    let flag = match dst {
        Some(true) => "S",
        Some(false) => "W",
        None => "",
    };
    format!("{:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}{flag}", year % 100)
}

fuzz_target!(|text: &[u8]| {
    let stamp = parse(text);
    let (Stamp::Valid(time) | Stamp::Never(time)) = stamp else { return };
    assert!((1_970..2_100).contains(&time.year));
    let seconds = time.seconds_as_utc();
    assert_eq!(LocalTime::from_seconds_as_utc(seconds, time.dst), Some(time));

    // The same time in the standard's own form is the same time.
    if time.year >= 2_000 {
        assert_eq!(parse(written(time).as_bytes()), stamp);
    }

    // A time is at most a day away from the instant it stands for, and the flag settles the instant.
    for zone in ZONES.iter() {
        let said = zone.meter_time(time);
        assert_eq!(said.local, time);
        assert!(time.dst.is_none() || said.utc.is_some());
        if let Some(utc) = said.utc {
            assert!((seconds - utc).abs() <= 86_400);
            assert_eq!(LocalTime::from_seconds_as_utc(utc + (seconds - utc), time.dst), Some(time));
        }
    }
});
