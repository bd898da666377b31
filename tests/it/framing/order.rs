//! Whatever stands between good telegrams, all of them come out, in their order.

use dsmrd::p1::cipher::{Envelope, seal};
use dsmrd::p1::frame::{CrcPolicy, Event, FramerSettings};
use dsmrd::p1::write::TelegramWriter;
use dsmrd::p1::{Framer, Obis, Proof, Telegram};
use proptest::prelude::*;

use super::{fixture, keys_of};

/// A telegram that says which it is.
fn numbered(number: usize) -> Vec<u8> {
    let mut writer = TelegramWriter::new(b"ISK5\\2M550T-1012");
    let counter = format!("{number:05}");
    writer.object(Obis::new(1, 3, 0, 2, 8), &[b"50"]).expect("plain");
    writer.object(Obis::new(0, 0, 1, 0, 0), &[b"260212081500W"]).expect("plain");
    writer.object(Obis::new(0, 0, 96, 7, 21), &[counter.as_bytes()]).expect("plain");
    writer.finish()
}

/// As [`numbered`], encrypted.
fn sealed(number: usize) -> Vec<u8> {
    seal(&numbered(number), &Envelope::new(*b"SAG5\x0A\x0B\x0C\x0D", number as u32), &keys_of("at-"))
}

/// The numbers of the verified telegrams, in their order.
fn numbers(stream: &[u8], size: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    let settings = FramerSettings { crc: CrcPolicy::Require, ..FramerSettings::default() };
    let mut framer = Framer::new(settings).with_keys(Some(keys_of("at-")));
    let mut on = |event: Event<'_>| {
        let Event::Frame(frame) = event else { return };
        assert_eq!(frame.proof(), Proof::Verified);
        let telegram = Telegram::read(&frame);
        let counter = telegram.objects().find(|object| object.obis() == Obis::new(0, 0, 96, 7, 21));
        let text = counter.map(|object| String::from_utf8_lossy(object.first()).into_owned());
        numbers.push(text.expect("a number").parse().expect("digits"));
    };
    for chunk in stream.chunks(size) {
        framer.push(chunk, &mut on);
    }
    framer.finish(&mut on);
    numbers
}

/// What may stand between telegrams and end anywhere within a line, for no telegram is open in it.
fn loose() -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        b"\r\n\r\n".to_vec(),
        vec![0; 40],
        vec![0xFF; 40],
        // Telnet: a negotiation, and one whose last byte is printable.
        b"\xFF\xFD\x03\xFF\xFB\x01".to_vec(),
        b"\xFF\xFA\x18\x01\xFF\xF0\xFF\xFDA".to_vec(),
        // The end of a telegram whose beginning was lost.
        fixture("nl-5.0-iskra-3phase-gas")[400..].to_vec(),
        // Text behind the CRC, with its line end.
        b" received at 08:15\r\n".to_vec(),
        b"!\r\n!0000\r\n!!!\r\n".to_vec(),
        // DLMS in an HDLC frame.
        b"\x7E\xA0\x2B\x41\x13\x10\x13\x10\xE6\xE7\x00\x0F\x40\x00\x00\x00\x21\x13\x7E".to_vec(),
    ]
}

/// What leaves a telegram open; a line end behind it, and the next `/` begins a new one.
fn open() -> Vec<Vec<u8>> {
    let whole = fixture("nl-5.0-iskra-3phase-gas");
    let mut wrong = whole.clone();
    wrong[200] ^= 1;
    vec![
        whole[..17].to_vec(),
        whole[..300].to_vec(),
        whole[..whole.len() - 6].to_vec(),
        wrong,
        [&whole[..500], &whole[620..]].concat(),
        [&b"/"[..], &[b'x'; 9_000]].concat(),
        b"1-0:1.8.1(".repeat(400),
        b"/?!\r\n".to_vec(),
        // A header of an encrypted frame, and not its frame.
        b"\xDB\x08SAG51234\x82\x01\xF2\x30\x00\x00\x01\x02 and no more".to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn all_good_telegrams_come_in_their_order(
        junk in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(loose()),
                proptest::sample::select(open()).prop_map(|junk| [&junk[..], b"\r\n"].concat()),
                // Noise without a line in it that could begin a telegram.
                proptest::collection::vec(any::<u8>(), 0..300)
                    .prop_map(|junk| [&junk[..], b"\r\n"].concat()),
            ],
            1..12,
        ),
        clear in proptest::collection::vec(any::<bool>(), 13),
        size in 1usize..3_000,
    ) {
        // Some in clear text and some encrypted, which no line has, but a recording of two may.
        let telegram = |number| if clear[number] { numbered(number) } else { sealed(number) };
        let mut stream = Vec::new();
        for (number, junk) in junk.iter().enumerate() {
            stream.extend_from_slice(&telegram(number));
            stream.extend_from_slice(junk);
        }
        stream.extend_from_slice(&telegram(junk.len()));
        prop_assert_eq!(numbers(&stream, size), (0..=junk.len()).collect::<Vec<_>>());
    }
}

#[test]
fn every_kind_of_junk_between_two_telegrams() {
    for (kind, junk) in loose().into_iter().enumerate() {
        let stream = [numbered(1), junk, numbered(2)].concat();
        assert_eq!(numbers(&stream, 64), [1, 2], "loose junk {kind}");
    }
    for (kind, junk) in open().into_iter().enumerate() {
        let stream = [&numbered(1)[..], &junk, b"\r\n", &numbered(2)].concat();
        assert_eq!(numbers(&stream, 64), [1, 2], "open junk {kind}");
        // Right behind a telegram that was cut within a line, too; but not within text that is none, or is longer
        // than any.
        let endless = junk.len() > 8_192 || !matches!(junk[0], b'/' | 0xDB);
        let stream = [numbered(1), junk, numbered(2), numbered(3), numbered(4)].concat();
        let wanted = if endless { vec![1, 3, 4] } else { vec![1, 2, 3, 4] };
        assert_eq!(numbers(&stream, 64), wanted, "open junk {kind}");
    }
}
