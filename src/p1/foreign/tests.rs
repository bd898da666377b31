use super::*;
use proptest::prelude::*;

fn named(chunks: &[&[u8]]) -> Option<Protocol> {
    let mut watch = Watch::default();
    chunks.iter().filter_map(|chunk| watch.look(chunk)).last()
}

/// Whole, in two parts at any place, byte by byte, and behind noise.
#[track_caller]
fn check(bytes: &[u8], wanted: Option<Protocol>) {
    assert_eq!(named(&[bytes]), wanted);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(named(&single), wanted, "byte by byte");
    for cut in 0..bytes.len() {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(named(&[front, back]), wanted, "cut at {cut}");
    }
    assert_eq!(named(&[b"\x7E\x68\x05/?\x02\x1B\x1B".as_slice(), bytes]), wanted, "behind noise");
}

/// An HDLC frame around `body`, with its header's check.
fn hdlc(body: &[u8]) -> Vec<u8> {
    let length = 2 + 3 + 1 + 2 + body.len() + 2;
    let mut frame = vec![0x7E, 0xA0 | (length >> 8) as u8, length as u8, 0x41, 0x08, 0x83, 0x13];
    // The check of `A0 14 41 08 83 13` and of the like, computed bit by bit from the other end of the polynomial.
    let mut crc = 0xFFFFu16;
    for byte in &frame[1..] {
        for bit in 0..8 {
            let high = (crc ^ u16::from(byte >> bit)) & 1;
            crc >>= 1;
            if high == 1 {
                crc ^= 0x8408;
            }
        }
    }
    frame.extend_from_slice(&(!crc).to_le_bytes());
    frame.extend_from_slice(body);
    frame.extend_from_slice(&[0, 0, 0x7E]);
    frame
}

fn mbus(body: &[u8]) -> Vec<u8> {
    let length = body.len() as u8;
    let sum = body.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
    [&[0x68, length, length, 0x68], body, &[sum, 0x16]].concat()
}

/// A message with its check character.
fn message(text: &[u8]) -> Vec<u8> {
    let check = text[1..].iter().fold(0, |sum, byte| sum ^ byte);
    [text, &[check]].concat()
}

fn with_parity(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte | if byte.count_ones() % 2 == 1 { 0x80 } else { 0 }).collect()
}

#[test]
fn frames_of_other_protocols_are_named() {
    check(&hdlc(b"\xE6\xE7\x00\x0F\x40"), Some(Protocol::Hdlc));
    check(&hdlc(&[0x55; 900]), Some(Protocol::Hdlc));
    check(&mbus(b"\x53\xFF\x00\x01\x67\xDB\x08KFM"), Some(Protocol::Mbus));
    check(b"\x1B\x1B\x1B\x1B\x01\x01\x01\x01\x76\x05", Some(Protocol::Sml));
    for text in [
        b"/?!\r\n".to_vec(),
        b"/?001234567!\r\n".to_vec(),
        b"\x06050\r\n".to_vec(),
        message(b"\x01P0\x02(00000000)\x03"),
        message(b"\x01B0\x03"),
        message(b"\x021.8.0(000123.4*kWh)\r\n0.0.0(123)\r\n!\r\n\x03"),
        message(b"\x02(00000000)\x03"),
    ] {
        check(&text, Some(Protocol::Iec1107));
        check(&with_parity(&text), Some(Protocol::Iec1107));
    }
}

#[test]
fn frames_whose_checks_fail_are_not() {
    let frame = hdlc(b"\xE6\xE7\x00\x0F\x40");
    for at in [0, 1, 4, 6, 7, frame.len() - 1] {
        let mut frame = frame.clone();
        frame[at] ^= 0x10;
        check(&frame, None);
    }
    // What it carries may be damaged.
    let mut damaged = frame;
    damaged[11] ^= 1;
    check(&damaged, Some(Protocol::Hdlc));
    let frame = mbus(b"\x53\xFF\x00\x01\x67\xDB\x08KFM");
    for at in 0..frame.len() {
        let mut frame = frame.clone();
        frame[at] ^= 0x10;
        check(&frame, None);
    }
    for text in [&b"/ISK5\r\n"[..], b"/?(!\r\n", b"\x06ABC\r\n", b"\x01P0\x02(0)\x03\x00", b"\x02(0)\x03\x00"]
    {
        check(text, None);
    }
}

#[test]
fn what_was_held_is_forgotten() {
    let frame = mbus(&[7; 20]);
    let mut watch = Watch::default();
    assert_eq!(watch.look(&frame[..10]), None);
    watch.reset();
    assert_eq!(watch.look(&frame[10..]), None);
    assert_eq!(watch.look(&frame), Some(Protocol::Mbus));
}

#[test]
fn ten_million_random_bytes_are_nothing() {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut watch = Watch::default();
    let mut block = [0u8; 1_000];
    for _ in 0..10_000 {
        for eight in block.chunks_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            eight.copy_from_slice(&state.to_le_bytes()[..eight.len()]);
        }
        assert_eq!(watch.look(&block), None);
        assert!(watch.held.len() <= MOST_HELD + block.len());
    }
}

/// The longest frame there is is a message of IEC 62056-21.
const MOST_HELD: usize = 4_096;

proptest! {
    #[test]
    fn pieces_make_no_difference(
        parts in proptest::collection::vec(prop_oneof![
            Just(hdlc(b"\xE6\xE7\x00")),
            Just(mbus(b"\x53\xFF\x00")),
            Just(b"/?!\r\n".to_vec()),
            Just(message(b"\x02(0)\x03")),
            Just(vec![0x1B; 4]),
            Just(vec![1; 4]),
            proptest::collection::vec(prop_oneof![Just(0x7E), Just(0xA0), Just(0x68), Just(2), Just(3), Just(b'/'), any::<u8>()], 0..12),
        ], 0..8),
        size in 1usize..40,
    ) {
        let stream = parts.concat();
        let chunks: Vec<&[u8]> = stream.chunks(size).collect();
        prop_assert_eq!(named(&chunks), named(&[&stream]));
    }
}
