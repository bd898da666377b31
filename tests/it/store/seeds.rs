//! The seeds of the fuzz targets `block` and `carve`, and what is near them: the same questions as those of the targets, on
//! each run of the tests. `DSMRD_FUZZ` multiplies how many.

use dsmrd::store::{probe, salvage};

use super::disk::image::Random;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // What a fuzzer found has a hash for a name.
    files.retain(|path| path.file_name().unwrap().len() == 3);
    files.sort();
    assert!(!files.is_empty(), "{target} has no seeds");
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// A seed with some bytes that are others, more of them or fewer, or from another seed.
fn near(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const ODD: [u8; 8] = [0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff];
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        let end = bytes.len().min(at + random.below(64));
        match random.below(7) {
            0 | 1 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            2 if !bytes.is_empty() => bytes[at] = ODD[random.below(ODD.len())],
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..end)),
            5 => {
                let piece = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let to = other.len().min(from + random.below(256));
                drop(bytes.splice(at..end, other[from..to].iter().copied()));
            }
        }
    }
    bytes
}

fn try_near(target: &str, count: usize, test: fn(&[u8])) {
    let seeds = seeds(target);
    seeds.iter().for_each(|seed| test(seed));
    #[expect(clippy::disallowed_methods, reason = "a longer run is asked for from outside")]
    let times = std::env::var("DSMRD_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    let mut random = Random(times as u64);
    for _ in 0..count * times {
        let bytes = near(&seeds, &mut random);
        let told = std::panic::catch_unwind(|| test(&bytes));
        assert!(told.is_ok(), "{target}: {bytes:02x?}");
    }
}

#[test]
fn blocks_near_real_ones_end_in_rows_or_an_error() {
    try_near("block", 1_000, |bytes| {
        probe::read_any(bytes);
        if let Some((rows, body)) = bytes.split_first() {
            probe::read_any(&probe::sealed((*rows).into(), body));
        }
    });
}

#[test]
fn what_is_carved_of_pages_near_real_ones_is_no_more_than_they_hold() {
    try_near("carve", 50, |bytes| {
        let Some((share, bytes)) = bytes.split_first() else { return };
        let (log, database) = bytes.split_at(bytes.len() * usize::from(share % 4) / 4);
        let (_, prices) = salvage::carve(database.to_vec(), (!log.is_empty()).then(|| log.to_vec()));
        assert!(prices <= bytes.len() as u64);
    });
}
