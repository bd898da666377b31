//! What the simulated meter says: a DSMR 5 telegram (P1 companion standard 5.0.2, sections 6.12 and 6.13).

use std::io::Write;

use super::calendar::Day;
use super::meter::{INSTALLED, Sample};
use super::random::{Random, mix};
use crate::p1::timestamp::LocalTime;
use crate::p1::write::TelegramWriter;

const FAULTS: u64 = 0x80;
/// Days between two long power failures, two short ones, two sags and two swells on a phase.
const LONG_FAILURES: i64 = 310;
const FAILURES: i64 = 83;
const SAGS: i64 = 47;
const SWELLS: i64 = 190;

/// Writes samples as telegrams.
#[derive(Debug)]
pub(super) struct Speaker {
    seed: u64,
    meter_id: String,
    gas_id: String,
    water_id: String,
    /// The age in days at which `faults` was written.
    faults_at: i64,
    /// The lines that change at midnight only.
    faults: Vec<u8>,
    /// Kept for its allocation.
    body: Vec<u8>,
}

/// An identifier as the port shows it: its ASCII in hex.
fn identifier(letter: char, seed: u64) -> String {
    let id = format!("{letter}0099{:012}", mix(seed ^ letter as u64) % 1_000_000_000_000);
    id.bytes().map(|byte| format!("{byte:02X}")).collect()
}

/// `YYMMDDhhmmssX` (section 6.4).
struct Stamp(LocalTime);

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let t = self.0;
        let flag = if t.dst == Some(true) { 'S' } else { 'W' };
        write!(
            f,
            "{:02}{:02}{:02}{:02}{:02}{:02}{flag}",
            t.year % 100,
            t.month,
            t.day,
            t.hour,
            t.minute,
            t.second
        )
    }
}

/// A number of thousandths with `W` digits before the point.
struct Milli<const W: usize>(u64);

impl<const W: usize> std::fmt::Display for Milli<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:0W$}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

fn imported(watts: i32) -> Milli<2> {
    Milli(u64::from(watts.max(0).unsigned_abs()))
}

fn exported(watts: i32) -> Milli<2> {
    imported(-watts)
}

impl Speaker {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            meter_id: identifier('E', seed),
            gas_id: identifier('G', seed),
            water_id: identifier('W', seed),
            faults_at: -1,
            faults: Vec::new(),
            body: Vec::with_capacity(1_024),
        }
    }

    /// What the meter says of `sample`.
    pub(super) fn speak(&mut self, sample: &Sample) -> Vec<u8> {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        // Writing to a vector cannot fail.
        let _ = self.lines(sample, &mut body);
        let mut telegram = TelegramWriter::new(b"DSM5\\2SIMULATED-1012");
        telegram.line(body.strip_suffix(b"\r\n").unwrap_or(&body));
        self.body = body;
        telegram.finish()
    }

    fn lines(&mut self, sample: &Sample, out: &mut Vec<u8>) -> std::io::Result<()> {
        let [[import_1, import_2], [export_1, export_2]] =
            sample.energy.map(|tariffs| tariffs.map(Milli::<6>));
        let total: i32 = sample.power.iter().sum();
        write!(
            out,
            "1-3:0.2.8(50)\r\n\
             0-0:1.0.0({})\r\n\
             0-0:96.1.1({})\r\n\
             1-0:1.8.1({import_1}*kWh)\r\n\
             1-0:1.8.2({import_2}*kWh)\r\n\
             1-0:2.8.1({export_1}*kWh)\r\n\
             1-0:2.8.2({export_2}*kWh)\r\n\
             0-0:96.14.0({:04})\r\n\
             1-0:1.7.0({}*kW)\r\n\
             1-0:2.7.0({}*kW)\r\n",
            Stamp(sample.time),
            self.meter_id,
            sample.tariff,
            imported(total),
            exported(total),
        )?;
        if self.faults_at != sample.age {
            self.faults_at = sample.age;
            self.faults = faults(self.seed, sample.age)?;
        }
        out.extend_from_slice(&self.faults);
        out.extend_from_slice(b"0-0:96.13.0()\r\n");
        for (code, volts) in [32, 52, 72].iter().zip(sample.voltage) {
            write!(out, "1-0:{code}.7.0({:03}.{}*V)\r\n", volts / 10, volts % 10)?;
        }
        for (code, amperes) in [31, 51, 71].iter().zip(sample.current) {
            write!(out, "1-0:{code}.7.0({amperes:03}*A)\r\n")?;
        }
        for (code, watts) in [21, 41, 61].iter().zip(sample.power) {
            write!(out, "1-0:{code}.7.0({}*kW)\r\n", imported(watts))?;
        }
        for (code, watts) in [22, 42, 62].iter().zip(sample.power) {
            write!(out, "1-0:{code}.7.0({}*kW)\r\n", exported(watts))?;
        }
        let captured = Stamp(sample.captured);
        for (channel, class, id, litres) in
            [(1, 3, &self.gas_id, sample.gas), (2, 7, &self.water_id, sample.water)]
        {
            write!(
                out,
                "0-{channel}:24.1.0({class:03})\r\n\
                 0-{channel}:96.1.0({id})\r\n\
                 0-{channel}:24.2.1({captured})({}*m3)\r\n",
                Milli::<5>(litres)
            )?;
        }
        Ok(())
    }
}

/// The counters of faults and the log of long power failures after `age` days.
fn faults(seed: u64, age: i64) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(400);
    let mut random = Random::new(seed, FAULTS, 0);
    let first = i64::from(random.between(5, 200));
    let since = |every: i64, shift: i64| (age + shift) / every;
    // The days of the long failures lie `LONG_FAILURES` apart; the log keeps the last ten.
    let long = if age > first { (age - first - 1) / LONG_FAILURES + 1 } else { 0 };
    write!(out, "0-0:96.7.21({:05})\r\n0-0:96.7.9({long:05})\r\n", long + since(FAILURES, first))?;
    let shown = long.min(10);
    write!(out, "1-0:99.97.0({shown})(0-0:96.7.19)")?;
    for number in long - shown..long {
        let mut random = Random::new(seed, FAULTS, number + 1);
        let day = Day::new(INSTALLED + first + number * LONG_FAILURES);
        let end = day.local_time(random.between(4 * 3_600, 22 * 3_600));
        write!(out, "({})({:010}*s)", Stamp(end), random.between(200, 9_000))?;
    }
    out.extend_from_slice(b"\r\n");
    for (name, every) in [(32, SAGS), (36, SWELLS)] {
        for (code, shift) in [32, 52, 72].iter().zip([0, 19, 31]) {
            write!(out, "1-0:{code}.{name}.0({:05})\r\n", since(every, first + shift))?;
        }
    }
    Ok(out)
}
