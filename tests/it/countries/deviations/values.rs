//! Deviations within a telegram: codes, numbers, units, identifiers, sub-meters.

use super::super::fixture;
use super::{Row, hold_all, old, telegram};

#[test]
fn codes() {
    hold_all(vec![
        Row {
            deviation: "code that nobody knows",
            bytes: telegram(&["0-0:94.98.31(00000)", "9-9:9.9.9(who knows)", "1-0:1.7.0(00.417*kW)"]),
            rejected: &[],
            telegrams: &["objects=5; unrecognised=0; unreadable=0; power_import=0.417 kW"],
        },
        Row {
            deviation: "number above 255 in a code",
            bytes: telegram(&["1-0:256.7.0(00.031*kW)", "1-0:1.7.0(00.417*kW)"]),
            rejected: &[],
            telegrams: &["unrecognised=1; power_import=0.417 kW"],
        },
        Row {
            deviation: "code with F",
            bytes: telegram(&["1-0:1.7.0.255(00.417*kW)", "1-0:2.7.0*255(00.031*kW)"]),
            rejected: &[],
            telegrams: &["unrecognised=0; power_import=0.417 kW; power_export=0.031 kW"],
        },
        Row {
            deviation: "code with a slip of the pen",
            bytes: telegram(&[
                "1-0:72:32.0(00002)",
                "1-0:99:97.0(2)(0:96.7.19)(000104180320W)(0000237126*s)",
                "(1-0:96.7.19)",
                "1-0:1.7.0(00.417*kW)",
            ]),
            rejected: &[],
            telegrams: &["unrecognised=3; power_import=0.417 kW; power_failure_log=-"],
        },
        Row {
            deviation: "object sent twice: the first valid one counts",
            bytes: telegram(&[
                "1-0:1.7.0()",
                "1-0:1.7.0(00.417*kW)",
                "1-0:1.7.0(00.031*kW)",
                "0-0:96.13.0(4D6F69656E)",
                "0-0:96.13.0(48616C6C6F)",
            ]),
            rejected: &[],
            telegrams: &["objects=7; duplicates=2; power_import=0.417 kW; message_text=Moien"],
        },
        Row {
            deviation: "limiter three times, without a unit",
            bytes: fixture("pl-kaifa-objects-repeated.txt"),
            rejected: &[],
            telegrams: &["objects=18; duplicates=3; limiter_threshold=0 kW; message_text=Moien"],
        },
        Row {
            deviation: "electricity under channel 1",
            bytes: telegram(&["1-1:1.8.0(001204.417*kWh)", "1-1:1.7.0(01.812*kW)"]),
            rejected: &[],
            telegrams: &["energy_import_total=1204.417 kWh; power_import=1.812 kW"],
        },
        Row {
            deviation: "electricity under channel 1 and channel 0: the latter counts",
            bytes: telegram(&["1-1:1.7.0(01.812*kW)", "1-0:1.7.0(00.417*kW)"]),
            rejected: &[],
            telegrams: &["power_import=0.417 kW"],
        },
    ]);
}

#[test]
fn units() {
    hold_all(vec![
        Row {
            deviation: "units in whatever case",
            bytes: telegram(&[
                "1-0:1.8.1(123456.789*kwh)",
                "1-0:3.8.0(000031.204*kVarh)",
                "1-0:4.8.0(000031.205*kVArh)",
                "1-0:1.7.0(00.417*KW)",
            ]),
            rejected: &[],
            telegrams: &["energy_import_t1=123456.789 kWh; reactive_energy_import_total=31.204 kvarh; \
                 reactive_energy_export_total=31.205 kvarh; power_import=0.417 kW"],
        },
        Row {
            deviation: "unit without a star",
            bytes: telegram(&["1-0:1.7.0(0000.716kW)", "1-0:32.7.0(230.1V)"]),
            rejected: &[],
            telegrams: &["power_import=0.716 kW; voltage_l1=230.1 V"],
        },
        Row {
            deviation: "no unit: that of the register only where it is zero",
            bytes: telegram(&["1-0:1.7.0(00.000)", "1-0:2.7.0(00.417)", "0-0:17.0.0(16500)"]),
            rejected: &[],
            telegrams: &["power_import=0.000 kW; power_export=0.417; limiter_threshold=16500; unreadable=0"],
        },
        Row {
            deviation: "units of every size",
            bytes: telegram(&[
                "1-0:1.8.0(006545766*Wh)",
                "1-0:2.8.0(00004417.225*MWh)",
                "1-0:1.7.0(000000286*W)",
                "1-0:3.7.0(000000166*var)",
                "1-0:31.7.0(1204*mA)",
                "1-0:51.7.0(000.003*kA)",
                "1-0:32.7.0(00.231*kV)",
                "1-0:14.7.0(0000.049*kHz)",
                "0-1:24.2.1(260212081000W)(41770.2*dm3)",
                "0-2:24.2.1(260212081000W)(2750.5*MJ)",
            ]),
            rejected: &[],
            telegrams: &[
                "energy_import_total=6545.766 kWh; energy_export_total=4417225 kWh; power_import=0.286 kW; \
                 reactive_power_import=0.166 kvar; current_l1=1.204 A; current_l2=3 A; voltage_l1=231 V; \
                 frequency=49 Hz; mbus1.value=41.7702 m3; mbus2.value=2.7505 GJ; mbus2.class=heat",
            ],
        },
        Row {
            deviation: "unit of two stars",
            bytes: telegram(&["1-0:1.7.0(7*kW*h)", "1-0:2.7.0(00.417*kW)"]),
            rejected: &[],
            telegrams: &["power_import=-; power_export=0.417 kW; unreadable=1; objects=4; unrecognised=0"],
        },
    ]);
}

#[test]
fn numbers() {
    hold_all(vec![
        Row {
            deviation: "negative values, and zero below zero",
            bytes: telegram(&[
                "1-0:13.7.0(-0.910)",
                "1-0:33.7.0(-0.000)",
                "1-1:31.4.0(100*A)(-063*A)",
                "1-0:1.7.0(-03.618*kW)",
            ]),
            rejected: &[],
            telegrams: &["power_factor=-0.910; power_factor_l1=0.000; current_limits=100*A)(-063*A; \
                 power_import=-3.618 kW; unreadable=0"],
        },
        Row {
            deviation: "empty values are absent, neither zero nor an error",
            bytes: telegram(&[
                "1-0:1.8.1()",
                "1-0:31.7.0(*mA)",
                "0-1:24.1.0()",
                "0-1:24.2.1(251214081000W)(*m3)",
                "0-2:24.2.1()",
                "1-0:1.7.0(00.417*kW)",
            ]),
            rejected: &[],
            telegrams: &[
                "energy_import_t1=-; current_l1=-; mbus1.present=yes; mbus1.value=-; mbus2.present=yes; \
                 mbus2.value=-; power_import=0.417 kW; unreadable=0; unrecognised=0",
            ],
        },
        Row {
            deviation: "digits in any number",
            bytes: telegram(&[
                "1-0:32.7.0(00234.6*V)",
                "1-0:52.7.0(0041160.00*V)",
                "1-0:72.7.0(230*V)",
                "1-0:1.8.0(00052185.7825309*kWh)",
                "1-0:31.7.0(01.43*A)",
            ]),
            rejected: &[],
            telegrams: &["voltage_l1=234.6 V; voltage_l2=41160.00 V; voltage_l3=230 V; current_l1=1.43 A; \
                 energy_import_total=52185.7825309 kWh"],
        },
        Row {
            deviation: "import and export at once: phases are not netted",
            bytes: telegram(&[
                "1-0:1.7.0(0000.298*kW)",
                "1-0:2.7.0(0000.031*kW)",
                "1-0:21.7.0(0000.000*kW)",
                "1-0:22.7.0(0000.318*kW)",
                "1-0:41.7.0(0000.585*kW)",
            ]),
            rejected: &[],
            telegrams: &["power_import=0.298 kW; power_export=0.031 kW; power_export_l1=0.318 kW; \
                 power_import_l2=0.585 kW"],
        },
        Row {
            deviation: "brackets within brackets, and signs where a number belongs",
            bytes: telegram(&[
                "0-0:96.13.0((ER11))",
                "1-0:52.7.0((231.0*V))",
                "1-0:32.7.0(!@#$)",
                "1-0:1.7.0(00.417*kW)",
            ]),
            rejected: &[],
            telegrams: &[
                "unrecognised=2; unreadable=1; voltage_l1=-; voltage_l2=-; message_text=-; power_import=0.417 kW",
            ],
        },
        Row {
            deviation: "value broken over lines",
            bytes: telegram(&["1-0:1.8.1(004417.", "031*kWh)", "1-0:1.7.0(00.417*kW)"]),
            rejected: &[],
            telegrams: &["energy_import_t1=4417.031 kWh; power_import=0.417 kW; unrecognised=0"],
        },
        Row {
            deviation: "plain text with slashes, and a reading on the next line",
            bytes: old(&[
                "0-0:96.13.0(test-/-test)",
                "0-1:24.1.0(3)",
                "0-1:24.3.0(140115170000)(00)(60)(1)(0-1:24.2.1)(m3)",
                "(00733.261)",
            ]),
            rejected: &[],
            telegrams: &["message_text=test-/-test; mbus1.value=733.261 m3; unrecognised=0"],
        },
    ]);
}

#[test]
fn identifiers() {
    hold_all(vec![
        Row {
            deviation: "masked identifiers",
            bytes: telegram(&["0-0:96.1.1(3134<redacted>)", "0-1:96.1.0(****)", "0-2:96.1.0(xxx)"]),
            rejected: &[],
            telegrams: &["equipment_id=3134<redacted>; mbus1.id=****; mbus2.id=xxx; unreadable=0"],
        },
        Row {
            deviation: "hex of odd length, in small letters, of no text; plain text",
            bytes: telegram(&[
                "0-0:96.1.1(45303030333)",
                "0-1:96.1.0(4a4b)",
                "0-2:96.1.0(4aff)",
                "0-3:96.1.0(K50322)",
                "0-4:96.1.0()",
            ]),
            rejected: &[],
            telegrams: &[
                "equipment_id=45303030333; mbus1.id=JK; mbus2.id=4aff; mbus3.id=K50322; mbus4.id=; unreadable=0",
            ],
        },
        Row {
            deviation: "identifier with a space in front",
            bytes: old(&["0-0:96.1.1(205A414246303031353430303137373133)"]),
            rejected: &[],
            telegrams: &["equipment_id=ZABF001540017713"],
        },
        Row {
            deviation: "identifier of spaces: the next form counts",
            bytes: old(&["0-0:96.1.1(2020)", "0-0:96.1.0( 44170417 )", "0-1:96.1.0(44170418  )"]),
            rejected: &[],
            telegrams: &["equipment_id=44170417; mbus1.id=44170418"],
        },
    ]);
}

#[test]
fn sub_meters() {
    hold_all(vec![
        Row {
            deviation: "device type of one, two and three digits, empty, or zero",
            bytes: telegram(&[
                "0-1:24.1.0(3)",
                "0-2:24.1.0(07)",
                "0-3:24.1.0(003)",
                "0-4:24.1.0()",
                "0-5:24.1.0(000)",
            ]),
            rejected: &[],
            telegrams: &[
                "mbus1.class=gas; mbus2.class=water; mbus3.class=gas; mbus4.class=-; mbus4.present=yes; \
                 mbus5.class=-; mbus5.present=yes; unreadable=0",
            ],
        },
        Row {
            deviation: "a time that is none: the reading is absent",
            bytes: telegram(&[
                "0-1:24.2.1(632525252525S)(00000.000)",
                "0-2:24.2.1(700101010000W)(00000000)",
                "0-3:24.2.1(000101000000W)(00000000.0000)",
                "0-4:24.2.1(0)",
            ]),
            rejected: &[],
            telegrams: &[
                "mbus1.value=-; mbus1.time=-; mbus2.value=-; mbus3.value=-; mbus4.value=-; unreadable=0",
            ],
        },
        Row {
            deviation: "a time that says never: the reading is absent whatever the value",
            bytes: telegram(&[
                "0-1:24.2.1(632525252525S)(00441.703*m3)",
                "0-2:24.2.1(000101000001W)(00441.703*m3)",
                "0-3:24.2.1(35255255255255255S)(00441.703*m3)",
                "0-4:24.3.0(700101010000)(08)(60)(1)(0-4:24.2.1)(m3)(00441.703)",
            ]),
            rejected: &[],
            telegrams: &["mbus1.present=yes; mbus1.value=-; mbus2.value=-; mbus3.value=-; mbus4.value=-; \
                 unreadable=0"],
        },
        Row {
            deviation: "a damaged time costs no value, save zero",
            bytes: telegram(&[
                "0-1:24.2.1(260212081000s)(00441.703*m3)",
                "0-2:24.2.1(260212081000s)(00000.000*m3)",
            ]),
            rejected: &[],
            telegrams: &["mbus1.value=441.703 m3; mbus1.time=-; mbus2.value=-"],
        },
        Row {
            deviation: "two devices on one channel: the first counts, and nothing of the second is taken for it",
            bytes: telegram(&[
                "0-1:24.1.0(003)",
                "0-1:96.1.0(4730303431)",
                "0-1:24.2.1(260212081000W)(00441.703*m3)",
                "0-1:24.1.0(007)",
                "0-1:96.1.0(4730303432)",
                "0-1:24.2.1(260212081500W)(00031.440*m3)",
                "0-1:24.4.0(1)",
            ]),
            rejected: &[],
            telegrams: &[
                "mbus1.class=gas; mbus1.id=G0041; mbus1.value=441.703 m3; mbus1.valve=-; duplicates=3",
            ],
        },
        Row {
            deviation: "a device named twice is one",
            bytes: telegram(&[
                "0-1:96.1.0()",
                "0-1:96.1.0(4730303431)",
                "0-1:96.1.1(4730303432)",
                "0-1:96.1.0(4730303431)",
                "0-1:24.2.1(260212081000W)(00441.703*m3)",
            ]),
            rejected: &[],
            telegrams: &["mbus1.id=G0041; mbus1.value=441.703 m3; duplicates=0"],
        },
        Row {
            deviation: "a replaced meter keeps its channel",
            bytes: fixture("nl-5.0-replaced-gas-meter.txt"),
            rejected: &[],
            telegrams: &["mbus1.class=gas; mbus1.value=-; mbus2.class=gas; mbus2.value=418.702 m3"],
        },
        Row {
            deviation: "cubic metres without a device type stay unknown, joules are heat",
            bytes: telegram(&[
                "0-1:24.2.1(260212081000W)(00441.703*m3)",
                "0-2:24.2.1(260212081000W)(0044.17*GJ)",
            ]),
            rejected: &[],
            telegrams: &["mbus1.class=-; mbus1.value=441.703 m3; mbus2.class=heat"],
        },
    ]);
}
