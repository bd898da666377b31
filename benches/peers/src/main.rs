//! dsmrd's parser beside its peers: telegrams from a stream of bytes to typed values, CRC included. Batches of
//! the three parsers are interleaved in one run, and the median batch counts.
//!
//! Run with `cargo run --release` in this folder; it prints a table in reStructuredText.

mod telegrams;

use std::hint::black_box;
use std::time::Instant;

use telegrams::{Ours, Sample, power, samples};

const BATCH: u32 = 100;
const BATCHES: usize = 1_500;

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

/// The stream with one digit of the power changed; of an encrypted one, whatever stands there.
fn damaged(sample: &Sample) -> Vec<u8> {
    let mut damaged = sample.stream.clone();
    let text = format!("{}*", sample.power);
    let found = damaged.windows(text.len()).position(|window| window == text.as_bytes());
    let digit = found.map_or(damaged.len() / 2, |at| at + text.len() - 2);
    damaged[digit] ^= 1;
    damaged
}

/// The medians in nanoseconds of dsmrd, dsmr5 and dsmr-parse; `None` for a parser that cannot read the telegram.
fn measure(sample: &Sample) -> [Option<f64>; 3] {
    let stream = &sample.stream[..];
    let mut ours = Ours::new(sample);

    // Each must read the same value, and notice damage.
    let damaged = damaged(sample);
    assert!(Ours::new(sample).read(&damaged).is_none(), "dsmrd notices damage of {}", sample.name);
    let reading = ours.read(stream).expect("dsmrd reads every telegram");
    assert_eq!(power(&reading).as_deref(), Some(sample.power));
    let expected = sample.power.parse::<f64>().ok();
    let five = dsmr5(stream).is_some_and(|state| state.power_delivered == expected);
    assert!(dsmr5(&damaged).is_none(), "dsmr5 notices damage");
    let parse =
        dsmr_parse(stream).is_some_and(|telegram| telegram.power.map(|power| power.value) == expected);
    assert!(dsmr_parse(&damaged).is_none(), "dsmr-parse notices damage");

    let mut times = [const { Vec::new() }; 3];
    for _ in 0..BATCHES {
        times[0].push(nanoseconds(|| drop(black_box(ours.read(black_box(stream))))));
        if five {
            times[1].push(nanoseconds(|| drop(black_box(dsmr5(black_box(stream))))));
        }
        if parse {
            times[2].push(nanoseconds(|| drop(black_box(dsmr_parse(black_box(stream))))));
        }
    }
    times.map(|mut times| (!times.is_empty()).then(|| median(&mut times)))
}

fn main() {
    let line = "=========================== ===== ===== ============ ============";
    println!("{line}");
    println!("{:<27} {:>5} {:>5} {:>12} {:>12}", "telegram", "bytes", "dsmrd", "dsmr5", "dsmr-parse");
    println!("{line}");
    for sample in samples() {
        let [ours, five, parse] = measure(&sample);
        let ours = ours.unwrap_or(f64::NAN);
        let peer = |ns: Option<f64>| {
            ns.map_or_else(|| "cannot".to_owned(), |ns| format!("{ns:.0} ({:.1})", ns / ours))
        };
        let bytes = sample.stream.len();
        println!("{:<27} {bytes:>5} {ours:>5.0} {:>12} {:>12}", sample.what, peer(five), peer(parse));
    }
    println!("{line}");
    println!();
    println!("Nanoseconds a telegram, and in brackets how many times as many as dsmrd.");
}
