//! Any bytes as a database dump: it is gone through to its end, and a row has as many values as its table has columns.

#![no_main]

use std::io::Cursor;

use dsmrd::import::dump::{Dump, Event};
use dsmrd::import::input::Input;
use dsmrd::import::value;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut dump = Dump::new(Input::of(Cursor::new(bytes.to_vec())), |name| !name.starts_with('x'));
    let (mut columns, mut events) = (0, 0_usize);
    loop {
        match dump.next() {
            Event::End => break,
            Event::Table(table) => columns = table.columns.len(),
            Event::Row => {
                let row = dump.row();
                for place in 0..columns {
                    let Some(text) = row.get(Some(place)) else { continue };
                    if let Some(number) = value::decimal(text) {
                        // What is read is written with the same digits, and read again.
                        assert_eq!(value::decimal(&number.to_string()), Some(number));
                    }
                    let _ = value::instant(text);
                }
                assert!(row.get(Some(columns)).is_none());
            }
        }
        events += 1;
        assert!(events <= bytes.len() + 1);
    }
});
