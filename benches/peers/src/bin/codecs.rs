//! dsmrd's blocks beside general codecs over the same numbers: bytes a reading, and how long a day takes to decode.
//!
//! `cargo run --release --bin codecs`, in benches/peers. The others get the numbers alone, as columns of an hour each
//! (xz: of the whole day); dsmrd's bytes hold texts, names and shapes as well.

use std::hint::black_box;

use dsmrd::meter::record::{FlatValue, flatten};
use dsmrd::meter::{Reading, Zone};
use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::source::simulate::Simulator;
use dsmrd::store::probe;

/// 2026-11-20 00:00 in Amsterdam.
const START: i64 = 1_795_129_200;
const DAY: i64 = 86_400;
const HOUR: usize = 3_600;
const ROUNDS: usize = 9;

fn day() -> Vec<Reading> {
    let (mut simulator, mut framer) = (Simulator::new(1, START), Framer::new(FramerSettings::default()));
    let zone = Zone::new("Europe/Amsterdam").expect("a zone of the database");
    let (mut readings, mut noise) = (Vec::new(), 1u64);
    for second in 0..DAY {
        // The jitter of the benchmark of the record.
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let received_at = (START + second) * 1_000 + 130 + (noise >> 61) as i64;
        framer.push(&simulator.next_telegram(), &mut |event| {
            if let Event::Frame(frame) = event {
                readings.push(dsmrd::meter::read(&frame, &zone, received_at).reading);
            }
        });
    }
    readings
}

/// Numbers and times of all readings, column by column; all readings have the same.
fn columns(readings: &[Reading]) -> Vec<Vec<i64>> {
    let mut columns: Vec<Vec<i64>> = Vec::new();
    for reading in readings {
        let mut items = Vec::new();
        flatten(reading, &mut items);
        let numbers = items.into_iter().filter_map(|(_, value)| match value {
            FlatValue::Number(quantity) => quantity.value.mantissa().try_into().ok(),
            FlatValue::Time(time) => Some(time.seconds_as_utc()),
            FlatValue::Text(_) => None,
        });
        let numbers: Vec<i64> = std::iter::once(reading.received_at).chain(numbers).collect();
        columns.resize_with(numbers.len(), Vec::new);
        columns.iter_mut().zip(numbers).for_each(|(column, number)| column.push(number));
    }
    columns
}

/// LEB128 of folded differences, column after column.
fn deltas<'a>(columns: impl Iterator<Item = &'a [i64]>) -> Vec<u8> {
    let mut out = Vec::new();
    for column in columns {
        let mut last = 0i64;
        for number in column {
            let step = number.wrapping_sub(last);
            let mut rest = (step << 1 ^ step >> 63) as u64;
            while rest >= 0x80 {
                out.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            out.push(rest as u8);
            last = *number;
        }
    }
    out
}

fn undo(bytes: &[u8], count: usize) -> Vec<Vec<i64>> {
    let mut bytes = bytes.iter();
    let mut columns = Vec::new();
    while bytes.len() > 0 {
        let (mut column, mut last) = (Vec::with_capacity(count), 0i64);
        for _ in 0..count {
            let (mut value, mut shift) = (0u64, 0);
            for byte in bytes.by_ref() {
                value |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            last = last.wrapping_add((value >> 1) as i64 ^ -((value & 1) as i64));
            column.push(last);
        }
        columns.push(column);
    }
    columns
}

/// Nanoseconds that this thread has run.
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    stat.split(' ').next().and_then(|time| time.parse().ok()).expect("a number")
}

fn tell(name: &str, bytes: usize, mut decode: impl FnMut()) {
    let times = (0..ROUNDS).map(|_| {
        let started = cpu();
        decode();
        cpu() - started
    });
    let best = times.min().unwrap_or(0);
    println!("{name:34}{:>8.3}{:>12.2}", bytes as f64 / DAY as f64, best as f64 / 1e6);
}

fn main() {
    let readings = day();
    let columns = columns(&readings);
    let hours = || (0..DAY as usize / HOUR).map(|hour| hour * HOUR..(hour + 1) * HOUR);
    println!("{:34}{:>8}{:>12}", "", "B/reading", "decode ms");

    let blocks: Vec<Vec<u8>> = hours()
        .map(|hour| probe::write(&readings[hour]).and_then(|block| probe::repack(&block)).expect("an hour fits").0)
        .collect();
    tell("dsmrd, everything, hourly", blocks.iter().map(Vec::len).sum(), || {
        for block in &blocks {
            black_box(probe::columns(block.clone(), &|_| true)).expect("it is whole");
        }
    });

    let config = pco::ChunkConfig::default().with_compression_level(12);
    let packed: Vec<Vec<u8>> = columns
        .iter()
        .flat_map(|column| hours().map(|hour| &column[hour]))
        .map(|part| pco::standalone::simple_compress(part, &config).expect("numbers"))
        .collect();
    tell("pco, level 12, hourly", packed.iter().map(Vec::len).sum(), || {
        for part in &packed {
            black_box(pco::standalone::simple_decompress::<i64>(part)).expect("it is whole");
        }
    });

    let plain: Vec<Vec<u8>> =
        hours().map(|hour| deltas(columns.iter().map(|column| &column[hour.clone()]))).collect();
    for level in [3, 19] {
        let packed: Vec<Vec<u8>> =
            plain.iter().map(|hour| zstd::bulk::compress(hour, level).expect("bytes")).collect();
        tell(&format!("zstd -{level} over deltas, hourly"), packed.iter().map(Vec::len).sum(), || {
            for (packed, plain) in packed.iter().zip(&plain) {
                let bytes = zstd::bulk::decompress(packed, plain.len()).expect("it is whole");
                black_box(undo(&bytes, HOUR));
            }
        });
    }

    for (name, parts) in [
        ("xz -9e over deltas, hourly", plain.clone()),
        ("xz -9e over deltas, a day", vec![deltas(columns.iter().map(Vec::as_slice))]),
    ] {
        let count = if parts.len() == 1 { DAY as usize } else { HOUR };
        let packed: Vec<Vec<u8>> = parts.iter().map(|part| xz(part)).collect();
        tell(name, packed.iter().map(Vec::len).sum(), || {
            for packed in &packed {
                black_box(undo(&liblzma::decode_all(packed.as_slice()).expect("it is whole"), count));
            }
        });
    }
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    const EXTREME: u32 = 1 << 31;
    let mut out = Vec::new();
    let mut encoder = liblzma::read::XzEncoder::new(bytes, 9 | EXTREME);
    std::io::Read::read_to_end(&mut encoder, &mut out).expect("bytes");
    out
}
