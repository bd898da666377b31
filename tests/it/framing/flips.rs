//! A bit that turns on its way: the telegram is refused, or it is the same but for the case of a CRC digit or
//! its line end.

use dsmrd::p1::frame::FramerSettings;
use dsmrd::p1::{Proof, Telegram};

use super::{Said, encrypted, fixtures, frames, opened};

#[test]
fn no_single_bit_makes_another_telegram() {
    let mut tried = 0;
    for (name, bytes) in fixtures() {
        let whole = frames(FramerSettings::default(), [&bytes[..]]);
        let [Said::Frame { proof: Proof::Verified, bytes: telegram, .. }] = &whole[..] else { continue };
        let mark = telegram.iter().rposition(|&byte| byte == b'!').expect("an end mark");
        let mut flipped = bytes.clone();
        for bit in 0..bytes.len() * 8 {
            flipped[bit / 8] ^= 1 << (bit % 8);
            for said in frames(FramerSettings::default(), [&flipped[..]]) {
                // What is behind the mark may differ in case or line end: the telegram is the same.
                if let Said::Frame { bytes, .. } = said {
                    assert_eq!(bytes.get(..mark), telegram.get(..mark), "{name}, bit {bit}");
                    let crc = |bytes: &[u8]| bytes[mark + 1..].trim_ascii_end().to_ascii_uppercase();
                    let (turned, sent) = (crc(&bytes), crc(telegram));
                    // A line end that is none makes text of itself, which is not looked at.
                    assert_eq!(turned.get(..sent.len()), Some(&sent[..]), "{name}, bit {bit}");
                }
            }
            flipped[bit / 8] ^= 1 << (bit % 8);
        }
        tried += 1;
    }
    assert!(tried >= 40, "only {tried} fixtures have a CRC");
}

/// A frame with its tag, or with none and a CRC within: a turned bit opens to nothing, or to the same telegram.
#[test]
fn no_single_bit_makes_another_telegram_of_what_is_encrypted() {
    let mut tried = 0;
    for (name, bytes, keys) in encrypted() {
        let said = opened(FramerSettings::default(), Some(&keys), [&bytes[..]]);
        let [Said::Frame { bytes: telegram, .. }] = &said[..] else { continue };
        let mut flipped = bytes.clone();
        for bit in 0..bytes.len() * 8 {
            flipped[bit / 8] ^= 1 << (bit % 8);
            for said in opened(FramerSettings::default(), Some(&keys), [&flipped[..]]) {
                if let Said::Frame { bytes, .. } = said {
                    assert!(telegram.starts_with(bytes.trim_ascii_end()), "{name}, bit {bit}");
                    assert!(bytes.len() + 2 >= telegram.len(), "{name}, bit {bit}");
                }
            }
            flipped[bit / 8] ^= 1 << (bit % 8);
        }
        tried += 1;
    }
    assert!(tried >= 4, "only {tried} fixtures are one encrypted frame each");
}

/// Without a CRC nothing tells a wrong digit from a right one: such a telegram says so wherever it goes.
#[test]
fn a_telegram_without_a_crc_is_never_called_verified() {
    let mut tried = 0;
    for (name, bytes) in fixtures() {
        let whole = frames(FramerSettings::default(), [&bytes[..]]);
        let [Said::Frame { proof: Proof::Absent, .. }] = &whole[..] else { continue };
        let mut flipped = bytes.clone();
        for bit in 0..bytes.len() * 8 {
            flipped[bit / 8] ^= 1 << (bit % 8);
            let mut framer = dsmrd::p1::Framer::new(FramerSettings::default());
            let mut on = |event: dsmrd::p1::frame::Event<'_>| {
                if let dsmrd::p1::frame::Event::Frame(frame) = event {
                    assert_eq!(Telegram::read(&frame).proof(), Proof::Absent, "{name}, bit {bit}");
                }
            };
            framer.push(&flipped, &mut on);
            framer.finish(&mut on);
            flipped[bit / 8] ^= 1 << (bit % 8);
        }
        tried += 1;
    }
    assert!(tried >= 8, "only {tried} fixtures have no CRC");
}
