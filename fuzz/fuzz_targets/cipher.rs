//! Encrypted telegrams, whole, cut and damaged, between any bytes: the framer must say the same however the
//! stream is cut, and must call nothing verified that was not sealed. And what is sealed must open.

#![no_main]

use dsmrd::p1::cipher::{Envelope, Key, Keys, Seal, Tag, seal};
use dsmrd::p1::crc::crc16;
use dsmrd::p1::frame::{CrcPolicy, Event, Framer, FramerSettings, Proof};
use libfuzzer_sys::fuzz_target;

const TITLE: [u8; 8] = *b"FUZ5\x01\x02\x03\x04";

fn keys(allow_unverified_tag: bool) -> Keys {
    Keys { allow_unverified_tag, ..Keys::new(Key::new(*b"a key for fuzzes")) }
}

fn telegram(text: &[u8]) -> Vec<u8> {
    let mut bytes = b"/FUZ5\\2X\r\n\r\n0-0:96.13.0(".to_vec();
    bytes.extend(text.iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | b'(' | b')')));
    bytes.extend_from_slice(b")\r\n!");
    let crc = format!("{:04X}\r\n", crc16(&bytes));
    bytes.extend_from_slice(crc.as_bytes());
    bytes
}

/// Builds a stream from a script: pieces between FE bytes, the first byte of each telling what it becomes.
fn stream(script: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut stream, mut sent) = (Vec::new(), Vec::new());
    for piece in script.split(|&byte| byte == 0xFE) {
        let [what, text @ ..] = piece else { continue };
        let telegram = telegram(text);
        let envelope = Envelope {
            length_bytes: what >> 4 & 3,
            authenticated: what & 0x40 == 0,
            ..Envelope::new(TITLE, u32::from(*what))
        };
        let mut frame = seal(&telegram, &envelope, &keys(false));
        let place = text.iter().fold(0, |sum, &byte| sum + usize::from(byte)) % frame.len();
        match what & 7 {
            0 => stream.extend_from_slice(text),
            1 => stream.extend_from_slice(&telegram),
            2 => stream.extend_from_slice(&frame[..place]),
            3 => stream.extend_from_slice(&frame[place..]),
            4 => {
                let place = place % 24.min(frame.len());
                frame[place] ^= 1 << (what >> 5);
                stream.extend_from_slice(&frame);
            }
            5 => stream.extend_from_slice(&telegram[..place.min(telegram.len())]),
            _ => stream.extend_from_slice(&frame),
        }
        sent.push(telegram);
    }
    (stream, sent)
}

type Said = (u64, String, Vec<u8>, Option<Seal>);

fn events<'a>(
    keys: Option<Keys>,
    settings: FramerSettings,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> Vec<Said> {
    let mut framer = Framer::new(settings).with_keys(keys);
    let mut said = Vec::new();
    let mut on = |event: Event<'_>| match event {
        Event::Frame(frame) => {
            assert_eq!(frame.seal().is_some(), frame.wire().starts_with(b"\xDB"));
            said.push((
                frame.offset(),
                format!("{:?}", frame.proof()),
                frame.bytes().to_vec(),
                frame.seal().copied(),
            ));
        }
        Event::Rejected(rejected) => said.push((
            rejected.offset,
            format!("{:?}, {} bytes", rejected.reason, rejected.bytes),
            Vec::new(),
            rejected.seal,
        )),
    };
    for chunk in chunks {
        framer.push(chunk, &mut on);
    }
    framer.finish(&mut on);
    said
}

fuzz_target!(|data: &[u8]| {
    let [knobs, cut, script @ ..] = data else { return };
    let settings = FramerSettings {
        max_bytes: if knobs & 1 == 0 { 8_192 } else { 128 },
        crc: [CrcPolicy::Auto, CrcPolicy::Require, CrcPolicy::Ignore, CrcPolicy::Auto]
            [usize::from(knobs >> 1 & 3)],
        mask_bit7: false,
    };
    let keys = (knobs & 8 == 0).then(|| keys(knobs & 16 != 0));
    let (stream, sent) = stream(script);
    let whole = events(keys.clone(), settings, std::iter::once(&stream[..]));
    assert_eq!(whole, events(keys.clone(), settings, stream.chunks(1)));
    assert_eq!(whole, events(keys, settings, stream.chunks(usize::from(*cut).max(1))));
    assert!(whole.is_sorted_by_key(|&(offset, ..)| offset));
    let verified = format!("{:?}", Proof::Verified);
    for (_, proof, bytes, seal) in whole {
        if let (true, Some(seal)) = (proof == verified, seal) {
            assert!(seal.tag.is_verified());
            assert!(sent.contains(&bytes), "verified, and never sealed");
        }
    }
});
