//! What meters do otherwise than the standard says, each with the bytes that show it and what must come out.

mod framing;
mod times;
mod values;

use dsmrd::meter::interpreter::InterpreterSettings;
use dsmrd::p1::crc::crc16;
use dsmrd::p1::frame::FramerSettings;

use super::{hold, read};

/// A deviation: its name, the bytes, what is refused of them, and what each telegram says.
struct Row {
    deviation: &'static str,
    bytes: Vec<u8>,
    rejected: &'static [&'static str],
    telegrams: &'static [&'static str],
}

#[track_caller]
fn hold_all(rows: Vec<Row>) {
    hold_all_with(rows, FramerSettings::default(), &InterpreterSettings::default());
}

#[track_caller]
fn hold_all_with(rows: Vec<Row>, framing: FramerSettings, settings: &InterpreterSettings) {
    for row in rows {
        let said = read(&row.bytes, framing, settings.clone());
        let what = row.deviation;
        assert_eq!(said.rejected, row.rejected, "{what}");
        assert_eq!(said.telegrams.len(), row.telegrams.len(), "{what}: {:#?}", said.telegrams);
        for (facts, claims) in said.telegrams.iter().zip(row.telegrams) {
            hold(what, facts, claims);
        }
    }
}

/// What most telegrams of these rows begin with.
const HEAD: &str = "/ISK5\\2M550T-1012\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(260212081500W)\r\n";

/// `text` up to its end mark, with the CRC and a line end.
fn sealed(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = text.as_ref().to_vec();
    bytes.push(b'!');
    let crc = crc16(&bytes);
    bytes.extend_from_slice(format!("{crc:04X}\r\n").as_bytes());
    bytes
}

/// A telegram of DSMR 5 with these lines.
fn telegram(lines: &[&str]) -> Vec<u8> {
    let body: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    sealed(format!("{HEAD}{body}"))
}

/// A telegram without a CRC, as DSMR 2 has it.
fn old(lines: &[&str]) -> Vec<u8> {
    let body: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("/ISk5\\2MT382-1004\r\n\r\n{body}!\r\n").into_bytes()
}
