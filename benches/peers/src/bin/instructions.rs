//! One telegram read again and again, for callgrind to count: `instructions NAME ROUNDS`. Without arguments it
//! prints the names. `benches/instructions` does the counting.

#[path = "../telegrams.rs"]
mod telegrams;

use std::hint::black_box;

use telegrams::{Ours, power, samples};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let samples = samples();
    let Some(name) = arguments.next() else {
        samples.iter().for_each(|sample| println!("{}", sample.name));
        println!("crc");
        return;
    };
    let rounds: u32 = arguments.next().and_then(|rounds| rounds.parse().ok()).expect("a number of rounds");
    if name == "crc" {
        // Of the DSMR 5 telegram.
        for _ in 0..rounds {
            black_box(dsmrd::p1::crc::crc16(black_box(&samples[0].stream)));
        }
        return;
    }
    let sample = samples.iter().find(|sample| sample.name == name).expect("the name of a telegram");
    let mut ours = Ours::new(sample);
    // The first tells whose meter it is, and is no measure of those that follow.
    let first = ours.read(&sample.stream).expect("a reading");
    assert_eq!(power(&first).as_deref(), Some(sample.power), "{}", sample.what);
    for _ in 0..rounds {
        drop(black_box(ours.read(black_box(&sample.stream))));
    }
}
