use crate::p1::cipher::{CounterStep, Envelope, Key, Keys, Seal, Tag, seal};
use crate::p1::crc::crc16;
use crate::p1::frame::{CrcPolicy, Event, Framer, FramerSettings, Proof, RejectReason};
use proptest::prelude::*;

/// Keys that fit or do not, and tags made otherwise or not at all.
mod keys;

const TITLE: [u8; 8] = *b"TST5\x01\x02\x03\x04";

fn keys() -> Keys {
    Keys::new(Key::new(*b"not a secret key"))
}

fn with_crc(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.extend(format!("{:04X}\r\n", crc16(text.as_bytes())).bytes());
    bytes
}

/// A telegram that is not the same for another number.
fn telegram(number: u32) -> Vec<u8> {
    with_crc(&format!(
        "/TST5\\2X\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(260101000000W)\r\n1-0:1.8.0({number:09}*Wh)\r\n!"
    ))
}

fn sealed(number: u32) -> Vec<u8> {
    seal(&telegram(number), &Envelope::new(TITLE, number), &keys())
}

fn wrap(text: &[u8]) -> Vec<u8> {
    seal(text, &Envelope::new(TITLE, 7), &keys())
}

#[derive(Debug, PartialEq, Clone)]
enum Said {
    Frame { offset: u64, proof: Proof, bytes: Vec<u8>, wire: usize, seal: Option<Seal> },
    Rejected { offset: u64, reason: RejectReason, bytes: usize, tag: Option<Tag> },
}

fn said_of(framer: &mut Framer, chunks: &[&[u8]]) -> Vec<Said> {
    let mut said = Vec::new();
    let mut on = |event: Event<'_>| {
        said.push(match event {
            Event::Frame(frame) => Said::Frame {
                offset: frame.offset(),
                proof: frame.proof(),
                bytes: frame.bytes().to_vec(),
                wire: frame.wire().len(),
                seal: frame.seal().copied(),
            },
            Event::Rejected(it) => Said::Rejected {
                offset: it.offset,
                reason: it.reason,
                bytes: it.bytes,
                tag: it.seal.map(|seal| seal.tag),
            },
        });
    };
    for chunk in chunks {
        framer.push(chunk, &mut on);
    }
    framer.finish(&mut on);
    said
}

fn events(stream: &[u8], keys: Option<Keys>) -> Vec<Said> {
    let framer = Framer::new(FramerSettings::default()).with_keys(keys);
    let whole = said_of(&mut framer.clone(), &[stream]);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(said_of(&mut framer.clone(), &bytes), whole, "byte by byte");
    whole
}

/// The numbers of the telegrams delivered with a verified tag.
fn numbers(said: &[Said]) -> Vec<u32> {
    said.iter()
        .filter_map(|said| match said {
            Said::Frame { proof: Proof::Verified, bytes, .. } => {
                (0..100).find(|&number| telegram(number) == *bytes)
            }
            _ => None,
        })
        .collect()
}

fn rejected(said: &Said) -> (u64, RejectReason, usize, Option<Tag>) {
    match said {
        Said::Rejected { offset, reason, bytes, tag } => (*offset, *reason, *bytes, *tag),
        frame => panic!("{frame:?}"),
    }
}

#[test]
fn a_frame_gives_its_telegram() {
    let frame = sealed(7);
    let stream = [b"\x00\xFF".as_slice(), &frame].concat();
    let said = events(&stream, Some(keys()));
    let [Said::Frame { offset: 2, proof: Proof::Verified, bytes, wire, seal: Some(seal) }] = &said[..] else {
        panic!("{said:?}")
    };
    assert_eq!((bytes, *wire), (&telegram(7), frame.len()));
    assert_eq!((seal.tag, seal.counter, seal.frame_counter), (Tag::Verified, CounterStep::First, 7));
    assert_eq!(seal.tag_bytes, frame[frame.len() - 12..]);
    // Padding around the telegram, and a last line end that is not there.
    for (front, back) in [(&b""[..], &b"\0\0\0\0"[..]), (b"\0\0", b""), (b"", b"\r\n\r\n")] {
        let text = [front, &telegram(7), back].concat();
        let said = events(&wrap(&text), Some(keys()));
        assert_eq!(numbers(&said), [7], "{said:?}");
    }
    let bare = telegram(7);
    let said = events(&wrap(&bare[..bare.len() - 2]), Some(keys()));
    assert!(matches!(said[..], [Said::Frame { proof: Proof::Verified, .. }]), "{said:?}");
}

#[test]
fn both_the_tag_and_the_crc_are_demanded() {
    let mut wrong_crc = telegram(7);
    let place = wrong_crc.len() - 3;
    wrong_crc[place] ^= 1;
    let said = events(&wrap(&wrong_crc), Some(keys()));
    assert!(
        matches!(
            said[..],
            [Said::Rejected { offset: 0, reason: RejectReason::Crc { .. }, tag: Some(Tag::Verified), .. }]
        ),
        "{said:?}"
    );
    let frame = wrap(&telegram(7)[..60]);
    let said = events(&frame, Some(keys()));
    assert_eq!(rejected(&said[0]), (0, RejectReason::Truncated, frame.len(), Some(Tag::Verified)));
    // Asked for all the same.
    let ignore = FramerSettings { crc: CrcPolicy::Ignore, ..FramerSettings::default() };
    let said = said_of(&mut Framer::new(ignore).with_keys(Some(keys())), &[&wrap(&wrong_crc)]);
    assert!(matches!(&said[..], [Said::Frame { proof: Proof::Failed, .. }]), "{said:?}");
}

#[test]
fn a_frame_counter_that_does_not_rise_is_flagged() {
    let mut framer = Framer::new(FramerSettings::default()).with_keys(Some(keys()));
    let steps = |framer: &mut Framer, stream: &[u8]| -> Vec<CounterStep> {
        said_of(framer, &[stream])
            .iter()
            .map(|said| match said {
                Said::Frame { seal: Some(seal), .. } => seal.counter,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let stream = [sealed(7), sealed(7), sealed(8), sealed(3)].concat();
    let wanted = [CounterStep::First, CounterStep::Repeated, CounterStep::Rose, CounterStep::Fell];
    assert_eq!(steps(&mut framer, &stream), wanted);
    framer.reset();
    assert_eq!(steps(&mut framer, &sealed(3)), [CounterStep::Repeated], "the same meter after a reset");
}

#[test]
fn a_cut_frame_costs_nothing_but_itself() {
    let (first, second, third) = (sealed(1), sealed(2), sealed(3));
    for cut in 1..first.len() {
        let stream = [&first[..cut], &second, &third].concat();
        let said = events(&stream, Some(keys()));
        assert_eq!(numbers(&said), [2, 3], "cut at {cut}: {said:?}");
        // What the header promised tells; less of it is noise. With less than its header missing, the next one
        // is not seen within it.
        if (18..=first.len() - 10).contains(&cut) {
            assert_eq!(
                rejected(&said[0]),
                (0, RejectReason::Truncated, cut, Some(Tag::Unchecked)),
                "cut at {cut}"
            );
        }
        // Its beginning lost instead.
        let stream = [&first[cut..], &second, &third].concat();
        assert_eq!(numbers(&events(&stream, Some(keys()))), [2, 3], "from {cut}");
        // A byte lost.
        let stream = [&first[..cut], &first[cut + 1..], &second, &third].concat();
        assert_eq!(numbers(&events(&stream, Some(keys()))), [2, 3], "without byte {cut}");
        // Cut by the end.
        let said = events(&first[..cut], Some(keys()));
        assert!(numbers(&said).is_empty());
        if cut >= 18 {
            assert_eq!(rejected(&said[0]), (0, RejectReason::Truncated, cut, Some(Tag::Unchecked)));
        }
        // Silence, and a frame within what was waited for.
        let stream = [&first[..cut], &second[..]].concat();
        assert_eq!(numbers(&events(&stream, Some(keys()))), [2], "then silence, cut at {cut}");
    }
}

#[test]
fn without_a_key_frames_are_counted_and_clear_telegrams_still_read() {
    let (frame, clear) = (sealed(1), telegram(2));
    let said = events(&[&frame[..], &frame, &clear, &frame, &clear].concat(), None);
    assert_eq!(numbers(&said), [2, 2]);
    let length = frame.len();
    let reasons: Vec<_> = said.iter().filter(|said| matches!(said, Said::Rejected { .. })).collect();
    assert_eq!(reasons.len(), 3);
    for said in reasons {
        assert_eq!((rejected(said).1, rejected(said).2), (RejectReason::NoKey, length));
    }
    // Cut frames, and a false header in front of a telegram.
    let said = events(&[&frame[..100], &frame].concat(), None);
    let wanted = [(0, RejectReason::NoKey, 100), (100, RejectReason::NoKey, length)];
    assert_eq!(
        said.iter().map(|said| (rejected(said).0, rejected(said).1, rejected(said).2)).collect::<Vec<_>>(),
        wanted
    );
    for keys in [None, Some(keys())] {
        let said = events(
            &[b"\xDB\x08\xAA\x01noise\n\x82\x10\x00\x30ABCD\xFF".as_slice(), &clear, &clear].concat(),
            keys,
        );
        assert_eq!(numbers(&said), [2, 2], "{said:?}");
    }
}

#[test]
fn false_headers_cost_nothing() {
    let false_header = b"\xDB\x08\xAA\x01\x02\x03\x04\x05\x06\x07\x82\x01\x00\x30\0\0\0\x01";
    // In front of frames, each of which lies within what it promises.
    let stream = [&false_header[..], &sealed(1), &false_header[..14], &sealed(2), &sealed(3)].concat();
    assert_eq!(numbers(&events(&stream, Some(keys()))), [1, 2, 3]);
    // A frame that promises more than there is, when one byte of its length is wrong.
    let mut long = sealed(1);
    long[11] ^= 0x04;
    let stream: Vec<u8> = std::iter::once(long).chain((2..20).map(sealed)).flatten().collect();
    assert_eq!(numbers(&events(&stream, Some(keys()))), (2..20).collect::<Vec<_>>());
    // A telegram in clear text is not looked into for headers, be its text as it may.
    let mut text = b"/TST5\\2X\r\n\r\n0-0:96.13.0(".to_vec();
    text.extend_from_slice(&sealed(1).into_iter().filter(|byte| !matches!(byte, b'\n')).collect::<Vec<_>>());
    text.extend_from_slice(b")\r\n!");
    let crc = format!("{:04X}\r\n", crc16(&text));
    text.extend_from_slice(crc.as_bytes());
    let said = events(&text, Some(keys()));
    assert!(matches!(&said[..], [Said::Frame { offset: 0, seal: None, .. }]), "{said:?}");
}

#[test]
fn frames_of_other_protocols_are_left_alone() {
    let frame = sealed(1);
    for front in
        [&b"\x68\xFA\xFA\x68\x53\xFF\x00\x01\x67"[..], b"\x7E\xA0\x8B\xCE\xFF\x03\x13\xEE\xE1\xE6\xE7\x00"]
    {
        for keys in [None, Some(keys())] {
            let said = events(&[front, &frame].concat(), keys);
            assert!(numbers(&said).is_empty(), "{said:?}");
            assert!(said.iter().all(|said| rejected(said).3.is_none()), "{said:?}");
        }
    }
}

#[test]
fn polands_stoen_is_named() {
    // An identification in clear text, and behind it a frame without a system title.
    let mut stream = b"/EGM5G35\r\n\r\n\x00\x82\x02\x30\x30\0\0\0\0".to_vec();
    stream.extend((0..555u32).map(|place| (place * 167 % 251) as u8).filter(|&byte| byte != b'\n'));
    stream.extend_from_slice(b"!FE0C\r\n");
    for policy in [CrcPolicy::Auto, CrcPolicy::Require, CrcPolicy::Ignore] {
        let settings = FramerSettings { crc: policy, ..FramerSettings::default() };
        let said = said_of(&mut Framer::new(settings), &[&[&stream[..], &stream].concat()]);
        let length = stream.len();
        let wanted = [
            (0, RejectReason::ForeignCipher, length, None),
            (length as u64, RejectReason::ForeignCipher, length, None),
        ];
        assert_eq!(said.iter().map(rejected).collect::<Vec<_>>(), wanted, "{policy:?}");
    }
}

/// Streams of frames, cut, damaged, doubled, with clear telegrams and noise between.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let frame = (0u32..5, 0u8..=4, any::<bool>()).prop_map(|(number, length_bytes, authenticated)| {
        seal(
            &telegram(number),
            &Envelope { length_bytes, authenticated, ..Envelope::new(TITLE, number) },
            &keys(),
        )
    });
    let part = prop_oneof![
        4 => frame.clone(),
        3 => (frame.clone(), any::<prop::sample::Index>()).prop_map(|(frame, at)| frame[..at.index(frame.len())].to_vec()),
        2 => (frame.clone(), any::<prop::sample::Index>()).prop_map(|(frame, at)| frame[at.index(frame.len())..].to_vec()),
        3 => (frame, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut frame, at, byte)| {
            let at = at.index(frame.len().min(24));
            frame[at] = byte;
            frame
        }),
        1 => (0u32..5).prop_map(telegram),
        1 => any::<prop::sample::Index>().prop_map(|at| telegram(3)[..at.index(80)].to_vec()),
        2 => proptest::collection::vec(prop_oneof![Just(0xDB), Just(8), Just(0x82), Just(0), Just(0x30), Just(0x20), Just(b'/'), Just(b'!'), Just(b'\n'), any::<u8>()], 0..60),
        1 => Just(b"/EGM5G35\r\n\r\n\x00\x82\x02\x30\x30\0\0\0\0".to_vec()),
    ];
    proptest::collection::vec(part, 0..9).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn chunks_make_no_difference(
        stream in stream(),
        cuts in proptest::collection::vec(1usize..90, 1..40),
        max_bytes in prop_oneof![Just(16usize), Just(90), Just(150), Just(8_192)],
        crc in prop_oneof![Just(CrcPolicy::Auto), Just(CrcPolicy::Require), Just(CrcPolicy::Ignore)],
        with in prop_oneof![
            Just(None),
            Just(Some(keys())),
            Just(Some(Keys { allow_unverified_tag: true, ..keys() })),
            Just(Some(Keys { key: Key::new([9; 16]), ..keys() })),
        ],
    ) {
        let settings = FramerSettings { max_bytes, crc, mask_bit7: false };
        let framer = Framer::new(settings).with_keys(with);
        let whole = said_of(&mut framer.clone(), &[&stream]);
        let mut rest = &stream[..];
        let mut chunks = Vec::new();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (chunk, more) = rest.split_at((*cut).min(rest.len()));
            chunks.push(chunk);
            rest = more;
        }
        prop_assert_eq!(&whole, &said_of(&mut framer.clone(), &chunks));
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(&whole, &said_of(&mut framer.clone(), &bytes));
        // In order, and nothing is called verified that was never sent.
        let mut last = 0;
        for said in &whole {
            let (Said::Frame { offset, .. } | Said::Rejected { offset, .. }) = said;
            prop_assert!(last <= *offset, "{:?}", whole);
            last = *offset;
            if let Said::Frame { proof: Proof::Verified | Proof::Unauthenticated, bytes, .. } = said {
                // Without a tag the line end may have been cut off.
                let sent = (0..5).any(|number| telegram(number).trim_ascii_end() == bytes.trim_ascii_end());
                prop_assert!(sent, "{:?}", said);
            }
        }
    }
}
