use super::*;
use proptest::prelude::*;

const KEY: Key = Key::new([
    0xFE, 0xFF, 0xE9, 0x92, 0x86, 0x65, 0x73, 0x1C, 0x6D, 0x6A, 0x8F, 0x94, 0x67, 0x30, 0x83, 0x08,
]);

fn header(frame: &[u8]) -> Header {
    match Header::find(frame, 1 << 20) {
        Found::Header(header) => header,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_is_read_and_never_shown() {
    let wanted: Key = "000102030405060708090a0b0c0d0e0f".parse().expect("a key");
    assert_eq!("00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F".parse(), Ok(wanted.clone()));
    assert_eq!(" 00010203-04050607 08090A0B 0C0D0E0F\n".parse(), Ok(wanted.clone()));
    assert_eq!("0001".parse::<Key>(), Err(KeyError::Digits(4)));
    assert_eq!("00x1".parse::<Key>(), Err(KeyError::Character(3)));
    assert_eq!(format!("{:?}", Opener::new(Keys::new(wanted))).matches("hidden").count(), 2);
    let framer = crate::p1::Framer::new(Default::default()).with_keys(Some(Keys::new(KEY)));
    // Neither as an array's numbers nor as hex digits.
    let shown = format!("{framer:?}").to_lowercase();
    assert!(!shown.contains("254, 255, 233") && !shown.contains("feffe992"), "{shown}");
}

#[test]
fn a_frame_as_the_standards_have_it() {
    let envelope = Envelope::new(*b"SAG5\0\0\x40\x59", 0x0102_0304);
    let frame = seal(b"/ABC5\r\n", &envelope, &Keys::new(KEY));
    assert_eq!(&frame[..18], b"\xDB\x08SAG5\0\0\x40\x59\x82\x00\x18\x30\x01\x02\x03\x04");
    assert_eq!(frame.len(), 13 + 24);
    let encrypted = seal(b"/ABC5\r\n", &Envelope { authenticated: false, ..envelope }, &Keys::new(KEY));
    assert_eq!(&encrypted[10..14], b"\x82\x00\x0C\x20");
    // The tag apart it is the same encryption.
    assert_eq!(encrypted[18..], frame[18..25]);
}

/// Test case 3 of the GCM submission (McGrew and Viega): it has no associated data, so that its tag is one
/// without the authentication key. The ciphertext is the same with and without.
#[test]
fn a_published_frame() {
    let envelope = Envelope::new([0xCA, 0xFE, 0xBA, 0xBE, 0xFA, 0xCE, 0xDB, 0xAD], 0xDECA_F888);
    let plain = [
        0xD9, 0x31, 0x32, 0x25, 0xF8, 0x84, 0x06, 0xE5, 0xA5, 0x59, 0x09, 0xC5, 0xAF, 0xF5, 0x26, 0x9A, 0x86,
        0xA7, 0xA9, 0x53, 0x15, 0x34, 0xF7, 0xDA, 0x2E, 0x4C, 0x30, 0x3D, 0x8A, 0x31, 0x8A, 0x72, 0x1C, 0x3C,
        0x0C, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2F, 0xCF, 0x0E, 0x24, 0x49, 0xA6, 0xB5, 0x25, 0xB1, 0x6A, 0xED,
        0xF5, 0xAA, 0x0D, 0xE6, 0x57, 0xBA, 0x63, 0x7B, 0x39, 0x1A, 0xAF, 0xD2, 0x55,
    ];
    let ciphertext = [
        0x42, 0x83, 0x1E, 0xC2, 0x21, 0x77, 0x74, 0x24, 0x4B, 0x72, 0x21, 0xB7, 0x84, 0xD0, 0xD4, 0x9C, 0xE3,
        0xAA, 0x21, 0x2F, 0x2C, 0x02, 0xA4, 0xE0, 0x35, 0xC1, 0x7E, 0x23, 0x29, 0xAC, 0xA1, 0x2E, 0x21, 0xD5,
        0x14, 0xB2, 0x54, 0x66, 0x93, 0x1C, 0x7D, 0x8F, 0x6A, 0x5A, 0xAC, 0x84, 0xAA, 0x05, 0x1B, 0xA3, 0x0B,
        0x39, 0x6A, 0x0A, 0xAC, 0x97, 0x3D, 0x58, 0xE0, 0x91, 0x47, 0x3F, 0x59, 0x85,
    ];
    let tag = [0x4D, 0x5C, 0x2A, 0xF3, 0x27, 0xCD, 0x64, 0xA6, 0x2C, 0xF3, 0x5A, 0xBD];
    let frame = seal_without_auth_key(&plain, &envelope, &Keys::new(KEY));
    assert_eq!(frame[18..], [&ciphertext[..], &tag].concat());
    let mut opened = Vec::new();
    let opener = Opener::new(Keys::new(KEY));
    assert_eq!(opener.open(&header(&frame), &frame, &mut opened), Tag::VerifiedWithoutAuthKey);
    assert_eq!(opened, plain);
    let authenticated = seal(&plain, &envelope, &Keys::new(KEY));
    assert_eq!(authenticated[18..82], ciphertext);
    assert_ne!(authenticated[82..], tag);
    assert_eq!(opener.open(&header(&authenticated), &authenticated, &mut opened), Tag::Verified);
}

#[test]
fn headers_that_are_none() {
    let frame = seal(b"/ABC5\r\n", &Envelope::new([7; 8], 1), &Keys::new(KEY));
    for (at, byte) in [(0, 0xDA), (1, 7), (10, 0x80), (10, 0x85), (11, 0xFF), (12, 17), (13, 0x31)] {
        let mut frame = frame.clone();
        frame[at] = byte;
        assert_eq!(Header::find(&frame, 8_192), Found::No, "byte {at}");
    }
    assert_eq!(Header::find(&frame, frame.len() - 1), Found::No, "longer than the limit");
    // Where a number has 32 bits, such a length and what stands before it are a small number again.
    for missing in 0..=32 {
        let mut frame = frame.clone();
        frame[10] = 0x84;
        frame.splice(11..13, (u32::MAX - missing).to_be_bytes());
        assert_eq!(Header::find(&frame, 8_192), Found::No, "{missing} below all of 32 bits");
    }
    for cut in 0..18 {
        assert_eq!(Header::find(&frame[..cut], 8_192), Found::More, "{cut} bytes");
    }
    assert!(matches!(Header::find(&frame[..18], 8_192), Found::Header(_)));
}

#[test]
fn counters_are_remembered_by_system_title() {
    let mut opener = Opener::new(Keys::new(KEY));
    let mut note = |title: u8, counter| {
        opener.note(&header(&seal(b"/", &Envelope::new([title; 8], counter), &Keys::new(KEY))))
    };
    assert_eq!(note(1, 5), CounterStep::First);
    assert_eq!(note(2, 4), CounterStep::First);
    assert_eq!(note(1, 6), CounterStep::Rose);
    assert_eq!(note(1, 6), CounterStep::Repeated);
    assert_eq!(note(1, 2), CounterStep::Fell);
    assert_eq!(note(1, 3), CounterStep::Rose);
    for title in 10..17 {
        assert_eq!(note(title, 1), CounterStep::First);
    }
    assert_eq!(note(1, 1), CounterStep::Fell, "the last eight are kept");
    assert_eq!(note(2, 4), CounterStep::First, "what came before is not");
}

proptest! {
    #[test]
    fn what_is_sealed_is_opened(
        plain in proptest::collection::vec(any::<u8>(), 1..600),
        system_title: [u8; 8],
        frame_counter: u32,
        key: [u8; 16],
        auth_key: [u8; 16],
        length_bytes in 0u8..=4,
        authenticated: bool,
    ) {
        let keys = Keys { key: Key::new(key), auth_key: Key::new(auth_key), allow_unverified_tag: false };
        let envelope = Envelope { system_title, frame_counter, authenticated, length_bytes };
        let frame = seal(&plain, &envelope, &keys);
        let header = header(&frame);
        prop_assert_eq!(header.total(), frame.len());
        let mut opened = Vec::new();
        let tag = Opener::new(keys.clone()).open(&header, &frame, &mut opened);
        prop_assert_eq!(tag, if authenticated { Tag::Verified } else { Tag::Missing });
        prop_assert_eq!(&opened, &plain);
        let seal = header.seal(&frame, tag);
        prop_assert_eq!((seal.system_title, seal.frame_counter), (system_title, frame_counter));
        prop_assert_eq!(seal.frame_bytes as usize, frame.len());
        prop_assert_eq!(seal.ciphertext_bytes as usize, plain.len());

        let other = Keys { auth_key: Key::new(key.map(|byte| !byte)), ..keys };
        let tag = Opener::new(other).open(&header, &frame, &mut opened);
        prop_assert_eq!(tag, if authenticated { Tag::Wrong } else { Tag::Missing });
        prop_assert_eq!(&opened, &plain, "the authentication key encrypts nothing");
    }
}
