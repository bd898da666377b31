use super::*;
use crate::p1::frame::{CrcPolicy, Event};
use crate::p1::{Framer, FramerSettings};

fn detected(ident: &str, lines: &[&str]) -> Detection {
    let text = format!("/{ident}\r\n\r\n{}\r\n!\r\n", lines.join("\r\n"));
    let mut framer = Framer::new(FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() });
    let mut found = None;
    let mut on = |event: Event<'_>| {
        if let Event::Frame(frame) = event {
            found = Some(detect(&Telegram::read(&frame)));
        }
    };
    framer.push(text.as_bytes(), &mut on);
    framer.finish(&mut on);
    found.expect("a telegram")
}

#[track_caller]
fn check(ident: &str, lines: &[&str], country: &str, certainty: Certainty) {
    let found = detected(ident, lines);
    assert_eq!((found.country, found.certainty), (country.parse().ok(), certainty), "{found}");
}

const DUTCH: [&str; 5] = [
    "1-3:0.2.8(50)",
    "0-0:1.0.0(261107174213W)",
    "1-0:1.8.1(000001.000*kWh)",
    "0-0:96.14.0(0002)",
    "0-0:96.7.21(00004)",
];

#[test]
fn one_identification_stands_for_several_countries() {
    let kaifa = "KFM5KAIFA-METER";
    check(kaifa, &DUTCH, "nl", Certainty::Sure);
    check(kaifa, &["1-3:0.2.8(50)", "1-0:1.8.11(007132.419*kWh)", "0-0:96.14.1(03)"], "il", Certainty::Sure);
    check(
        kaifa,
        &["0-0:1.0.0(261107174213W)", "0-0:17.0.0(00000)", "0-0:17.0.0(00000)", "0-0:17.0.0(00000)"],
        "pl",
        Certainty::Likely,
    );
    check(kaifa, &["0-0:1.0.0(261107174213W)", "0-0:94.98.31(00000)"], "pl", Certainty::Sure);
    check(kaifa, &["1-0:1.8.1(000671.578*kWh)"], "", Certainty::Open);

    let landis = "LGF5E360";
    let branch = [
        "0-0:1.0.0(261107174213W)",
        "1-0:1.8.0(00000896.020*kWh)",
        "1-0:3.8.0(00000518.309*kVArh)",
        "1-0:21.7.0(0000.000*kW)",
    ];
    check(landis, &branch, "", Certainty::Open);
    assert!(detected(landis, &branch).to_string().contains("set `country` to \"se\" or \"fi\""));
    check(landis, &["0-0:96.1.4(50221)", "0-0:1.0.0(261107174213W)"], "be", Certainty::Sure);
    check(landis, &DUTCH, "nl", Certainty::Sure);

    let iskra = "ISk5\\2M";
    check(iskra, &["0-0:96.14.0(0002)", "0-0:96.13.1()"], "nl", Certainty::Sure);
    check(iskra, &["0-0:1.0.0(260405154953)", "0-0:96.14.0(0001)", "0-1:96.1.1()"], "be", Certainty::Sure);
    check(iskra, &["0-0:1.0.0(260405154953)", "0-0:96.14.0(0001)"], "be", Certainty::Likely);
}

#[test]
fn objects_that_only_one_country_has() {
    check("X", &["1-3:0.2.8(42)", "0-0:42.0.0(53)", "1-0:1.8.0(1*kWh)"], "lu", Certainty::Sure);
    check("X", &["1-1:31.4.0(100*A)(-063*A)"], "lu", Certainty::Sure);
    check("X", &["1-3:0.2.8(50)", "1-0:3.8.1(000000000*varh)"], "at", Certainty::Sure);
    check("X", &["1-0:1.24.0(00.071*kW)", "1-0:32.24.0(00.220*kV)"], "lt", Certainty::Sure);
    check("X", &["0-0:96.50.68(ON)"], "hu", Certainty::Sure);
    check(
        "X",
        &["0-0:1.0.0(250824150730S)", "1-0:15.8.0(1*kWh)", "1-0:31.4.0(200*A)"],
        "hu",
        Certainty::Sure,
    );
    check("X", &["0-0:1.0.0(250824150730S)", "0-0:42.0.0(AUX1)"], "hu", Certainty::Sure);
    let swiss = ["0-0:96.1.4(50217)", "1-1:1.8.1(000417.044*kWh)", "1-1:1.6.0(251003181500S)(02.250*kW)"];
    check("X", &swiss, "ch", Certainty::Sure);
    check("X", &swiss[..2], "", Certainty::Open);
    check("GRE5", &swiss[..2], "ch", Certainty::Likely);
    check("X", &["0-0:96.1.4(50217)", "1-3:0.2.8(50)", "0-0:96.14.0(0001)"], "be", Certainty::Sure);
    check("X", &["0-0:96.1.4(50250)", "1-0:5.8.0(1*kvarh)"], "be", Certainty::Sure);
    check("X", &["0-1:24.2.3(250824150730S)(1*m3)", "0-1:96.1.1(37)"], "be", Certainty::Sure);
    // A temperature of a heat meter stands under the same code.
    check("X", &["0-1:24.2.3(250824150730S)(61*degC)", "0-1:96.1.1(37)"], "", Certainty::Open);
    check("X", &["1-0:0.9.1(222553)", "1-0:0.9.2(251002)"], "si", Certainty::Sure);
    check("X", &["0-0:1.0.0(20240111 09:35:00)"], "dk", Certainty::Sure);
    check("X", &["1-0:1.8.0*255(00052185.7825309*kWh)"], "de", Certainty::Sure);
    check("X", &["0-0:1.1.0(251214081530W)", "0-1:24.1.0(012)"], "nl", Certainty::Likely);
    check("X", &["1-3:0.2.8(50)", "0-0:1.1.0(251214081530W)", "0-1:24.1.0(012)"], "nl", Certainty::Likely);
}

#[test]
fn an_operators_flag_counts_behind_the_objects() {
    check("ESO5", &["1-0:31.4.0(000.004*kA)"], "lt", Certainty::Sure);
    check("ELL5\\253833635_A", &["0-0:1.0.0(261107174213W)"], "se", Certainty::Sure);
    check("EST5", &["0-0:1.0.0(261107174213W)"], "at", Certainty::Likely);
    check("ESO5", &DUTCH, "nl", Certainty::Sure);
    check("SIB5", &["0-0:1.0.0(260405154953)", "0-0:96.14.0(0001)"], "be", Certainty::Sure);
}
