//! dsmrd's parser beside its peers: one DSMR 5 three-phase telegram from a stream of bytes to typed values,
//! CRC included. Batches of the three are interleaved in one run, and the median batch counts.
//!
//! Run with `cargo run --release` in this folder; it prints a table in reStructuredText.

use std::hint::black_box;
use std::time::Instant;

use dsmrd::meter::{Field, Reading, Zone, read};
use dsmrd::p1::frame::{Event, Framer, FramerSettings};

const TELEGRAM: &[u8] = include_bytes!("../../../fixtures/nl-5.0-iskra-3phase-gas.txt");
const BATCH: u32 = 200;
const BATCHES: usize = 1_500;

/// dsmrd: framer, CRC, grammar, meaning.
fn dsmrd(framer: &mut Framer, zone: &Zone, stream: &[u8]) -> Option<Reading> {
    let mut reading = None;
    framer.push(stream, &mut |event| {
        if let Event::Frame(frame) = event {
            reading = Some(read(&frame, zone, 0).reading);
        }
    });
    reading
}

/// dsmr5: its reader over bytes, its CRC, every object into its state.
fn dsmr5(stream: &[u8]) -> Option<dsmr5::state::State> {
    let bytes = stream.iter().map(|&byte| Ok::<u8, ()>(byte));
    let readout = dsmr5::Reader::new(bytes).next()?.ok()?;
    let telegram = readout.to_telegram().ok()?;
    dsmr5::Result::<dsmr5::state::State>::from(&telegram).ok()
}

/// dsmr-parse: its one function.
fn dsmr_parse(stream: &[u8]) -> Option<dsmr_parse::Telegram> {
    dsmr_parse::Telegram::read_from(stream).ok()?
}

fn nanoseconds(mut parse: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..BATCH {
        parse();
    }
    start.elapsed().as_nanos() as f64 / f64::from(BATCH)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Whether a parser takes the telegram and refuses it with one digit changed.
fn verifies(accepts: impl Fn(&[u8]) -> bool) -> bool {
    let mut damaged = TELEGRAM.to_vec();
    let digit = TELEGRAM.windows(7).position(|text| text == b"02.418*").expect("the fixture's power");
    damaged[digit + 1] = b'3';
    accepts(TELEGRAM) && !accepts(&damaged)
}

fn main() {
    let zone = Zone::new("Europe/Amsterdam").expect("a zone of the database");
    let mut framer = Framer::new(FramerSettings::default());

    // Each must read the same values, and notice damage.
    let reading = dsmrd(&mut framer, &zone, TELEGRAM).expect("dsmrd reads the fixture");
    let power = reading.number(Field::PowerImport).expect("a power").to_string();
    assert_eq!(power, "2.418");
    assert_eq!(reading.mbus[0].readings[0].value.expect("a position").value.to_string(), "7214.386");
    let state = dsmr5(TELEGRAM).expect("dsmr5 reads the fixture");
    assert_eq!(state.power_delivered, Some(2.418));
    let telegram = dsmr_parse(TELEGRAM).expect("dsmr-parse reads the fixture");
    assert_eq!(telegram.power.map(|power| power.value), Some(2.418));
    let verified = [
        ("dsmrd", verifies(|stream| dsmrd(&mut Framer::new(FramerSettings::default()), &zone, stream).is_some())),
        ("dsmr5", verifies(|stream| dsmr5(stream).is_some())),
        ("dsmr-parse", verifies(|stream| dsmr_parse(stream).is_some())),
    ];

    let (mut ours, mut five, mut parse) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..BATCHES {
        ours.push(nanoseconds(|| drop(black_box(dsmrd(&mut framer, &zone, black_box(TELEGRAM))))));
        five.push(nanoseconds(|| drop(black_box(dsmr5(black_box(TELEGRAM))))));
        parse.push(nanoseconds(|| drop(black_box(dsmr_parse(black_box(TELEGRAM))))));
    }
    let rows = [median(&mut ours), median(&mut five), median(&mut parse)];

    println!("One DSMR 5 three-phase telegram of {} bytes, from stream to typed values, CRC included:", TELEGRAM.len());
    println!();
    println!("==========  ============  =======  =============");
    println!("parser      ns a telegram  times    verifies CRC");
    println!("==========  ============  =======  =============");
    for ((name, verified), ns) in verified.into_iter().zip(rows) {
        let verified = if verified { "yes" } else { "no" };
        println!("{name:<10}  {ns:>12.0}  {:>7.1}  {verified}", ns / rows[0]);
    }
    println!("==========  ============  =======  =============");
}
