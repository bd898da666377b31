use super::*;
use crate::p1::crc::crc16;
use proptest::prelude::*;

/// What a framer says of `bytes`, in words.
fn events(settings: FramerSettings, chunks: &[&[u8]]) -> Vec<String> {
    let mut framer = Framer::new(settings);
    let mut said = Vec::new();
    let mut on = |event: Event<'_>| {
        said.push(match event {
            Event::Frame(frame) => {
                format!(
                    "{:?} {} {:?}",
                    frame.proof(),
                    frame.offset(),
                    frame.bytes().escape_ascii().to_string()
                )
            }
            Event::Rejected(rejected) => {
                format!("{} at {}, {} bytes", rejected.reason, rejected.offset, rejected.bytes)
            }
        });
    };
    for chunk in chunks {
        framer.push(chunk, &mut on);
    }
    framer.finish(&mut on);
    said
}

fn with_crc(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let crc = crc16(&bytes);
    bytes.extend(format!("{crc:04X}\r\n").bytes());
    bytes
}

const V5: &str = "/ABC5\\2X\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(260101000000W)\r\n1-0:1.7.0(00.193*kW)\r\n!";
const V2: &[u8] = b"/ABC5\\2X\r\n\r\n0-0:96.1.1(1)\r\n1-0:1.7.0(0001.01*kW)\r\n";

#[test]
fn a_verified_telegram_keeps_its_parts() {
    let telegram = with_crc(V5);
    let mut stream = b"\xFF\xFEnoise".to_vec();
    stream.extend_from_slice(b"\r\n");
    stream.extend_from_slice(&telegram);
    let mut count = 0;
    Framer::new(FramerSettings::default()).push(&stream, &mut |event| {
        let Event::Frame(frame) = event else { panic!("{event:?}") };
        assert_eq!(frame.offset(), 9);
        assert_eq!(frame.ident(), b"/ABC5\\2X");
        assert_eq!(frame.bytes(), telegram);
        assert!(frame.body().starts_with(b"\r\n1-3:"));
        assert!(frame.body().ends_with(b"kW)\r\n"));
        assert_eq!(frame.crc_computed(), Some(crc16(V5.as_bytes())));
        assert_eq!(frame.crc_in_file(), Some(format!("{:04X}", crc16(V5.as_bytes())).as_bytes()));
        count += 1;
    });
    assert_eq!(count, 1);
}

#[test]
fn a_telegram_without_crc_is_never_called_verified() {
    let bytes = [V2, b"!\r\n"].concat();
    assert!(events(FramerSettings::default(), &[&bytes])[0].starts_with("Absent 0"));
    let require = FramerSettings { crc: CrcPolicy::Require, ..FramerSettings::default() };
    assert_eq!(events(require, &[&bytes]), ["no CRC, and one is required at 0, 53 bytes"]);
}

#[test]
fn an_end_mark_that_never_comes() {
    let auto = FramerSettings::default();
    // Of a kind without a CRC: closed by silence, and by the next telegram.
    assert!(events(auto, &[V2])[0].starts_with("Absent 0"));
    let two = events(auto, &[V2, V2]);
    assert!(two.len() == 2 && two.iter().all(|event| event.starts_with("Absent")), "{two:?}");
    // Stopped within a line, or of a kind with a CRC.
    assert_eq!(events(auto, &[&V2[..40]]), ["cut short: no end mark at 0, 40 bytes"]);
    let cut = &V5.as_bytes()[..V5.len() - 1];
    assert_eq!(events(auto, &[cut]), [format!("cut short: no end mark at 0, {} bytes", cut.len())]);
}

#[test]
fn a_line_that_begins_with_a_slash_starts_over() {
    let whole = with_crc(V5);
    let said = events(FramerSettings::default(), &[b"/ABC5\r\n\r\n1-0:1.7.0(00.1\r\n", &whole]);
    assert_eq!(said[0], "cut short: no end mark at 0, 25 bytes");
    assert!(said[1].starts_with("Verified 25"), "{said:?}");
}

#[test]
fn marks_count_at_the_start_of_a_line_alone() {
    let said = events(FramerSettings::default(), &[&with_crc("/AB!5/x!\r\n\r\n0-0:96.13.0(a/!b)\r\n!")]);
    assert!(said.len() == 1 && said[0].starts_with("Verified"), "{said:?}");
    let said = events(FramerSettings::default(), &[&with_crc("/AB(x)!0\r\n\r\n0-0:96.13.0(a)\r\n!")]);
    assert!(said.len() == 1 && said[0].starts_with("Verified"), "{said:?}");
    let said = events(
        FramerSettings::default(),
        &[&with_crc("/ABC5\r\n\r\n0-0:96.13.0(a)!\r\n0-0:96.13.1(b)\r\n!")],
    );
    assert!(said.len() == 1 && said[0].starts_with("Verified"), "{said:?}");
    let aidon = with_crc("/ADN9 6534\r\n\r\n1-0:71.7.0(001.5*A)!");
    assert!(events(FramerSettings::default(), &[&aidon])[0].starts_with("Verified"));
}

#[test]
fn a_crc_is_a_number() {
    // A text whose CRC has a zero in front, found by counting.
    let text = (0..)
        .map(|n| format!("/A\r\n\r\n0-0:96.13.0({n})\r\n!"))
        .find(|text| crc16(text.as_bytes()) < 0x1000);
    let text = text.expect("one in sixteen");
    for crc in [format!("{:x}", crc16(text.as_bytes())), format!("{:04X}", crc16(text.as_bytes()))] {
        let said = events(FramerSettings::default(), &[format!("{text}{crc}\r\n").as_bytes()]);
        assert!(said[0].starts_with("Verified"), "{said:?}");
    }
    let said = events(FramerSettings::default(), &[format!("{text}xyz\r\n").as_bytes()]);
    assert!(said[0].starts_with("CRC is unreadable"), "{said:?}");
}

#[test]
fn what_is_too_large_is_dropped_and_the_next_is_read() {
    let settings = FramerSettings { max_bytes: 100, ..FramerSettings::default() };
    let mut stream = b"/ABC5\r\n\r\n".to_vec();
    stream.extend(std::iter::repeat_n(b'x', 500));
    stream.extend_from_slice(b"\r\n");
    stream.extend(with_crc(V5));
    let said = events(settings, &[&stream]);
    assert_eq!(said[0], "larger than the limit at 0, 100 bytes");
    assert!(said[1].starts_with("Verified 511"), "{said:?}");
}

#[test]
fn seven_data_bits_read_as_eight() {
    let parity = |byte: &u8| byte | if byte.count_ones() % 2 == 1 { 0x80 } else { 0 };
    let stream: Vec<u8> = [V2, b"!\r\n"].concat().iter().map(parity).collect();
    assert_eq!(events(FramerSettings::default(), &[&stream]), [""; 0]);
    let masked = FramerSettings { mask_bit7: true, ..FramerSettings::default() };
    assert!(events(masked, &[&stream])[0].starts_with("Absent 0"));
}

#[test]
fn a_line_end_that_never_comes_is_not_waited_for() {
    let whole = with_crc(V5);
    let bare = &whole[..whole.len() - 2];
    assert!(events(FramerSettings::default(), &[bare])[0].starts_with("Verified"));
    let said = events(FramerSettings::default(), &[bare, b"\r", bare, b"\0", &whole]);
    assert!(said.len() == 3 && said.iter().all(|event| event.starts_with("Verified")), "{said:?}");
}

#[test]
fn a_telegram_cut_within_a_line_is_followed_at_once() {
    let whole = with_crc(V5);
    let settings = FramerSettings::default();
    for cut in 12..whole.len() {
        let stream = [&whole[..cut], &whole, &whole].concat();
        let said = events(settings, &[&stream]);
        let found = &said[said.len() - 2..];
        assert!(found[0].starts_with(&format!("Verified {cut} ")), "cut at {cut}: {said:?}");
        assert!(found[1].starts_with(&format!("Verified {} ", cut + whole.len())), "cut at {cut}: {said:?}");
        if cut < V5.len() {
            assert_eq!(said[0], format!("cut short: no end mark at 0, {cut} bytes"));
        }
    }
    // Cut twice, and cut with no room for the next one.
    let said = events(settings, &[&whole[..50], &whole[..60], &whole]);
    assert!(said.len() == 2 && said[1].starts_with("Verified 110 "), "{said:?}");
    let small = FramerSettings { max_bytes: 140, ..settings };
    let said = events(small, &[&whole[..50], &b"x".repeat(60), &whole]);
    assert_eq!(said[0], "larger than the limit at 0, 140 bytes");
    assert!(said.len() == 2 && said[1].starts_with("Verified 110 "), "{said:?}");
}

#[test]
fn what_a_failed_telegram_holds_is_not_delivered_without_proof() {
    let settings = FramerSettings::default();
    // The part behind the cut has no CRC, or a wrong one.
    let v2 = [V2, b"!\r\n"].concat();
    let said = events(settings, &[&V5.as_bytes()[..40], &v2]);
    assert!(said.len() == 1 && said[0].starts_with("Absent 0 "), "{said:?}");
    let mut wrong = with_crc(V5);
    wrong[60] ^= 1;
    let said = events(settings, &[&V5.as_bytes()[..40], &wrong]);
    assert!(said.len() == 1 && said[0].starts_with("CRC is "), "{said:?}");
}

#[test]
fn a_readout_of_mode_c_is_no_telegram() {
    let ignore = FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() };
    // The meter alone, and with the reader's acknowledgement in front of its data.
    for (acknowledged, bytes) in [("", 39), ("\x06040\r\n", 45)] {
        let readout = format!("/LGZ4ZMD\r\n{acknowledged}\x021-0:1.8.0(000123.4*kWh)\r\n!\r\n\x03\x4B");
        let wanted = format!("no CRC, and one is required at 0, {bytes} bytes");
        assert_eq!(events(FramerSettings::default(), &[readout.as_bytes()]), [wanted]);
        assert!(events(ignore, &[readout.as_bytes()])[0].starts_with("Absent 0 "));
    }
}

/// Streams that come near telegrams in every way.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => Just(with_crc(V5)),
        2 => Just([V2, b"!\r\n"].concat()),
        2 => Just(V2.to_vec()),
        2 => Just(V5.as_bytes()[..60].to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(b"!12".to_vec()),
        3 => proptest::collection::vec(prop_oneof![Just(b'/'), Just(b'!'), Just(b'\r'), Just(b'\n'), Just(b')'), any::<u8>()], 0..80),
    ];
    proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn chunks_make_no_difference(
        stream in stream(),
        cuts in proptest::collection::vec(1usize..90, 1..40),
        max_bytes in prop_oneof![Just(40usize), Just(90), Just(8_192)],
        crc in prop_oneof![Just(CrcPolicy::Auto), Just(CrcPolicy::Require), Just(CrcPolicy::Ignore)],
    ) {
        let settings = FramerSettings { max_bytes, crc, mask_bit7: false };
        let whole = events(settings, &[&stream]);
        let mut rest = &stream[..];
        let mut chunks = Vec::new();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (chunk, more) = rest.split_at((*cut).min(rest.len()));
            chunks.push(chunk);
            rest = more;
        }
        prop_assert_eq!(&whole, &events(settings, &chunks));
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(&whole, &events(settings, &bytes));
    }
}
