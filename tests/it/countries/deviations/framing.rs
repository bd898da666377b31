//! Deviations around a telegram: its identification, line ends, end mark, CRC, and the line it comes by.

use dsmrd::meter::interpreter::InterpreterSettings;
use dsmrd::p1::crc::crc16;
use dsmrd::p1::frame::{CrcPolicy, FramerSettings};

use super::super::{fixture, read};
use super::{HEAD, Row, hold_all, hold_all_with, old, sealed, telegram};

const GOOD: &str = "proof=verified; power_import=0.417 kW";

fn good() -> Vec<u8> {
    telegram(&["1-0:1.7.0(00.417*kW)"])
}

#[test]
fn the_crc_and_the_end_mark() {
    let good_text = String::from_utf8(good()).expect("ASCII");
    let crc = &good_text[good_text.len() - 6..];
    let lower = good_text.replace(crc, &crc.to_lowercase());
    assert_ne!(lower, good_text, "the CRC has letters");
    hold_all(vec![
        Row {
            deviation: "CRC in small letters",
            bytes: lower.into_bytes(),
            rejected: &[],
            telegrams: &[GOOD],
        },
        Row {
            deviation: "CRC in both cases",
            bytes: fixture("nl-4.2-kaifa-crc-in-both-cases.txt"),
            rejected: &[],
            telegrams: &[GOOD],
        },
        Row {
            deviation: "leading zero of the CRC dropped",
            bytes: fixture("nl-heat-crc-of-three-digits.txt"),
            rejected: &[],
            telegrams: &["proof=verified; mbus1.value=1.000 GJ"],
        },
        Row {
            deviation: "CRC of letters that are no digits",
            bytes: good_text.replace(crc, "ZZZZ\r\n").into_bytes(),
            rejected: &["CrcUnreadable"],
            telegrams: &[],
        },
        Row {
            deviation: "empty CRC where there should be one",
            bytes: good_text.replace(crc, "\r\n").into_bytes(),
            rejected: &[],
            telegrams: &["proof=absent"],
        },
        Row {
            deviation: "no end mark, of a kind without a CRC",
            bytes: [
                old(&["1-0:1.7.0(0000.44*kW)"]).strip_suffix(b"!\r\n").expect("a mark"),
                &old(&["1-0:1.7.0(0000.45*kW)"]),
            ]
            .concat(),
            rejected: &[],
            telegrams: &["proof=absent; power_import=0.44 kW", "proof=absent; power_import=0.45 kW"],
        },
        Row {
            deviation: "no end mark, of a kind with a CRC",
            bytes: [HEAD.as_bytes(), b"1-0:1.7.0(00.417*kW)\r\n", &good()].concat(),
            rejected: &["Truncated"],
            telegrams: &[GOOD],
        },
        Row {
            deviation: "end mark on the last object's line",
            bytes: sealed(format!("{HEAD}1-0:1.7.0(00.417*kW)")),
            rejected: &[],
            telegrams: &[GOOD],
        },
        Row {
            deviation: "text behind the CRC",
            bytes: [good().trim_ascii_end(), b" received at 08:15\r\n", &good()].concat(),
            rejected: &[],
            telegrams: &[GOOD, GOOD],
        },
    ]);
}

#[test]
fn line_ends_and_blank_lines() {
    let line_feeds = HEAD.replace("\r\n", "\n") + "1-0:1.7.0(00.417*kW)\n";
    let mixed = HEAD.to_owned() + "1-0:1.7.0(00.417*kW)\n1-0:2.7.0(00.000*kW)\r\n";
    let saved: Vec<u8> = good().into_iter().filter(|&byte| byte != b'\r').collect();
    hold_all(vec![
        Row {
            deviation: "no blank line behind the identification",
            bytes: sealed(HEAD.replace("\r\n\r\n", "\r\n") + "1-0:1.7.0(00.417*kW)\r\n"),
            rejected: &[],
            telegrams: &[GOOD],
        },
        Row {
            deviation: "sent with line feeds alone",
            bytes: sealed(line_feeds),
            rejected: &[],
            telegrams: &[GOOD],
        },
        Row {
            deviation: "sent with both kinds of line end",
            bytes: sealed(mixed),
            rejected: &[],
            telegrams: &[GOOD],
        },
        Row {
            deviation: "saved with line feeds alone: the CRC is over what was sent",
            bytes: saved,
            rejected: &["Crc"],
            telegrams: &[],
        },
    ]);
}

#[test]
fn cut_lost_and_added_bytes() {
    let lost = [&good()[..70], &good()[74..]].concat();
    let prefixed = [&good()[..63], b"[18:40:01][D][data:264]: ", &good()[63..]].concat();
    hold_all(vec![
        Row {
            deviation: "cut within a line, then the next",
            bytes: [&good()[..50], b"\r\n", &good()].concat(),
            rejected: &["Truncated"],
            telegrams: &[GOOD],
        },
        Row {
            deviation: "cut within a line, and the next right behind",
            bytes: [&good()[..50], &good(), &good()].concat(),
            rejected: &["Truncated"],
            telegrams: &[GOOD, GOOD],
        },
        Row {
            deviation: "bytes lost on the way",
            bytes: [lost, good()].concat(),
            rejected: &["Crc"],
            telegrams: &[GOOD],
        },
        Row {
            deviation: "a logger's prefix within",
            bytes: [prefixed, good()].concat(),
            rejected: &["Crc"],
            telegrams: &[GOOD],
        },
        Row {
            deviation: "garbage before, between and behind",
            bytes: [
                &[0; 9][..],
                b"\xFF\xFE guard\r\n",
                &good(),
                &[0xFF; 9],
                b"\xFF\xFD\x18",
                &good(),
                b"\xFF\xF1",
                &good(),
                &[0; 30],
            ]
            .concat(),
            rejected: &[],
            telegrams: &[GOOD, GOOD, GOOD],
        },
    ]);
}

#[test]
fn bytes_that_are_no_ascii() {
    let ident = |byte: u8| {
        let name = [b"/FLU5", &[byte][..], b"769484_A\r\n\r\n0-0:96.1.4(50217)\r\n1-0:1.7.0(00.417*kW)\r\n"];
        sealed(name.concat())
    };
    hold_all(vec![
        Row {
            deviation: "0xAB in the identification",
            bytes: ident(0xAB),
            rejected: &[],
            telegrams: &["proof=verified; power_import=0.417 kW; ident=/FLU5\\xab769484_A"],
        },
        Row {
            deviation: "0x02 in the identification",
            bytes: ident(0x02),
            rejected: &[],
            telegrams: &["proof=verified; power_import=0.417 kW; ident=/FLU5\\x02769484_A"],
        },
        Row {
            deviation: "a text of 0xFF",
            bytes: fixture("hu-aux-message-of-0xff.txt"),
            rejected: &[],
            telegrams: &["proof=verified; unreadable=0; message_text=-; energy_import_total=1044.170 kWh"],
        },
        Row {
            deviation: "slash and exclamation mark in name and text",
            bytes: sealed(format!(
                "{}0-0:96.13.0(Save! 10% /day)\r\n1-0:1.7.0(00.417*kW)\r\n",
                HEAD.replace("2M550T", "D5!45/METER")
            )),
            rejected: &[],
            telegrams: &["proof=verified; message_text=Save! 10% /day; power_import=0.417 kW"],
        },
    ]);
}

/// Bit 7 is cleared where the line is known to have seven bits, and nowhere else: text of eight would break.
#[test]
fn parity_in_bit_seven() {
    let parity = |bytes: &[u8]| -> Vec<u8> {
        bytes.iter().map(|byte| byte | if byte.count_ones() % 2 == 1 { 0x80 } else { 0 }).collect()
    };
    let masked = FramerSettings { mask_bit7: true, ..FramerSettings::default() };
    let seven = || parity(&old(&["1-0:1.7.0(0000.44*kW)"]));
    hold_all_with(
        vec![
            Row {
                deviation: "seven bits read as eight",
                bytes: seven(),
                rejected: &[],
                telegrams: &["proof=absent; power_import=0.44 kW"],
            },
            Row {
                deviation: "eight bits masked to seven",
                bytes: fixture("hu-aux-message-of-0xff.txt"),
                rejected: &["Crc"],
                telegrams: &[],
            },
        ],
        masked,
        &InterpreterSettings::default(),
    );
    let plain = read(&seven(), FramerSettings::default(), InterpreterSettings::default());
    assert_eq!(plain.telegrams.len(), 0, "bit 7 is left alone unless the line is known to have seven");
}

#[test]
fn the_version_decides_nothing() {
    let without = "/MCS50050010044170\r\n\r\n0-0:1.0.0(260212081500W)\r\n1-0:1.7.0(00.417*kW)\r\n";
    let named_p = format!("/MCS50050010044170\r\n\r\n1-3:0.2.8(P)\r\n{}", &without[22..]);
    hold_all(vec![
        Row { deviation: "no version", bytes: sealed(without), rejected: &[], telegrams: &[GOOD] },
        Row {
            deviation: "version P",
            bytes: sealed(named_p),
            rejected: &[],
            telegrams: &["proof=verified; p1_version=P; power_import=0.417 kW"],
        },
    ]);
    // A wrong CRC is a wrong CRC, whatever the version says; and a missing one is refused when it is demanded.
    let require = FramerSettings { crc: CrcPolicy::Require, ..FramerSettings::default() };
    let rows = vec![Row {
        deviation: "no CRC, and one is demanded",
        bytes: old(&["1-0:1.7.0(0000.44*kW)"]),
        rejected: &["NoCrc"],
        telegrams: &[],
    }];
    hold_all_with(rows, require, &InterpreterSettings::default());
    assert_eq!(crc16(b"123456789"), 0xBB3D);
}
