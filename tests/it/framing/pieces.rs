//! A port gives bytes in pieces of its own choosing: they change nothing.

use dsmrd::p1::cipher::Keys;
use dsmrd::p1::frame::FramerSettings;

use super::{encrypted, fixtures, frames, opened, public};

/// Cuts `bytes` in two everywhere, and feeds them one by one. Of long streams not every place is tried, but
/// the same number of places, spread by a prime.
fn any_cut_gives_the_same(name: &str, bytes: &[u8], keys: Option<&Keys>) {
    const EVERYWHERE: usize = 6_000;
    let whole = opened(FramerSettings::default(), keys, [bytes]);
    assert_eq!(opened(FramerSettings::default(), keys, bytes.chunks(1)), whole, "{name}");
    let step = if bytes.len() <= EVERYWHERE { 1 } else { 211 };
    for cut in (0..=bytes.len()).step_by(step) {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(opened(FramerSettings::default(), keys, [front, back]), whole, "{name} cut at {cut}");
    }
}

#[test]
fn two_parts_and_single_bytes_of_every_fixture() {
    for (name, bytes) in fixtures() {
        any_cut_gives_the_same(&name, &bytes, None);
    }
}

#[test]
fn two_parts_and_single_bytes_of_what_is_encrypted() {
    for (name, bytes, keys) in encrypted() {
        any_cut_gives_the_same(&name, &bytes, Some(&keys));
        any_cut_gives_the_same(&name, &bytes, None);
    }
}

#[test]
fn two_parts_and_single_bytes_of_the_corpus() {
    for folder in ["telegram", "bad", "stream", "encrypted", "not_p1"] {
        for (name, bytes) in public(folder) {
            any_cut_gives_the_same(&name, &bytes, None);
        }
    }
}

#[test]
fn pieces_of_every_size_of_all_fixtures_in_a_row() {
    let all: Vec<u8> = fixtures().into_iter().flat_map(|(_, bytes)| bytes).collect();
    let whole = frames(FramerSettings::default(), [&all[..]]);
    for size in [1, 2, 3, 7, 16, 64, 100, 128, 255, 512, 1_000, 1_460, 4_096, 8_191, 8_192, 8_193, 65_536] {
        assert_eq!(frames(FramerSettings::default(), all.chunks(size)), whole, "pieces of {size}");
    }
}
