//! Any bytes as a block of the record: they end in rows or an error, the columns are those of the rows, and what was
//! read goes in again.

#![no_main]

use dsmrd::store::probe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // As they are: only a right checksum gets further.
    probe::read_any(bytes);
    // As the body of a block of some rows.
    if let Some((rows, body)) = bytes.split_first() {
        probe::read_any(&probe::sealed((*rows).into(), body));
    }
});
