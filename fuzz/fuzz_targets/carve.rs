//! Any bytes as a damaged database with its log: what is carved of them ends, and is no more than they can hold.

#![no_main]

use dsmrd::store::salvage::carve;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The first byte tells how much of the rest is the log.
    let Some((share, bytes)) = bytes.split_first() else { return };
    let (log, database) = bytes.split_at(bytes.len() * usize::from(share % 4) / 4);
    let (_, prices) = carve(database.to_vec(), (!log.is_empty()).then(|| log.to_vec()));
    // A row of a price has six bytes at least; a page may be there in file and log.
    assert!(prices <= bytes.len() as u64);
});
