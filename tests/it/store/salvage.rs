//! Damaged databases: set aside, and what reads is saved.

mod record;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use self::record::{Original, Random, check, scratch};
/// A record with one byte changed at a random place, many times, on both cores.
fn flips(original: &Original, name: &str, count: usize) -> Vec<(usize, f64)> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let n = next.fetch_add(1, Ordering::Relaxed)
                    && n < count
                {
                    let mut random = Random(0x5eed + n as u64 * 7_919);
                    let folder = scratch();
                    let path = original.write(folder.path());
                    let file = folder.path().join(name);
                    let mut bytes = std::fs::read(&file).unwrap();
                    let place = random.below(bytes.len());
                    bytes[place] ^= 1 + random.below(255) as u8;
                    std::fs::write(&file, bytes).unwrap();
                    let saved = check(original, &path, &format!("byte {place} of {name}"));
                    outcomes.lock().unwrap().push((place, saved));
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

#[test]
fn a_byte_flipped_at_a_thousand_places_costs_what_lay_there_and_changes_nothing() {
    let original = Original::clean();
    let outcomes = flips(&original, "dsmrd.sqlite", 1_000);
    let mut bad: Vec<_> = outcomes.iter().filter(|(_, saved)| *saved < 0.97).collect();
    bad.sort_by(|a, b| a.1.total_cmp(&b.1));
    println!("{} {:?}", bad.len(), &bad[..bad.len().min(20)]);
    let worst = outcomes.iter().map(|(_, saved)| *saved).fold(1.0, f64::min);
    let mean = outcomes.iter().map(|(_, saved)| saved).sum::<f64>() / outcomes.len() as f64;
    println!("saved: {mean:.4} in the mean, {worst:.4} at worst");
    assert!(worst >= 0.9 && mean >= 0.97, "{worst} {mean}");
}
