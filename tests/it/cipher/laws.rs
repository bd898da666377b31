use dsmrd::p1::Obis;
use dsmrd::p1::cipher::{CounterStep, Envelope, seal};
use dsmrd::p1::foreign::Watch;
use dsmrd::p1::write::TelegramWriter;
use proptest::prelude::*;

use super::*;

const TITLE: [u8; 8] = *b"TST5\0\x12\x34\x56";

fn sealed(telegram: &[u8], counter: u32) -> Vec<u8> {
    seal(telegram, &Envelope::new(TITLE, counter), &keys())
}

/// The telegrams delivered as verified.
fn verified(said: &[Said]) -> Vec<&[u8]> {
    said.iter().filter_map(|said| said.proven(Proof::Verified)).collect()
}

#[test]
fn every_fixture_comes_out_as_it_went_in() {
    for (name, telegram) in fixtures() {
        let frame = sealed(&telegram, 7);
        let whole = said(Some(keys()), SETTINGS, [&frame[..]]);
        let [Said::Frame { offset: 0, proof: Proof::Verified, bytes, wire, seal: Some(seal) }] = &whole[..]
        else {
            panic!("{name}: {whole:?}")
        };
        assert!(bytes == &telegram && wire == &frame, "{name}");
        assert_eq!((seal.tag, seal.counter), (Tag::Verified, CounterStep::First), "{name}");
        assert_eq!(said(Some(keys()), SETTINGS, frame.chunks(1)), whole, "{name}");
        for cut in 0..frame.len() {
            let (front, back) = frame.split_at(cut);
            assert_eq!(said(Some(keys()), SETTINGS, [front, back]), whole, "{name} cut at {cut}");
        }
    }
}

#[test]
fn no_single_bit_makes_another_telegram() {
    let allowing = Keys { allow_unverified_tag: true, ..keys() };
    let (name, telegram) = fixtures().into_iter().min_by_key(|(_, bytes)| bytes.len()).expect("fixtures");
    for authenticated in [true, false] {
        let envelope = Envelope { authenticated, ..Envelope::new(TITLE, 7) };
        let frame = seal(&telegram, &envelope, &keys());
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            for said in said(Some(keys()), SETTINGS, [&flipped[..]]) {
                assert!(matches!(said, Said::Rejected { .. }), "{name}, bit {bit}: {said:?}");
            }
            // Without a look at the tag the CRC decides; behind it a letter's case or the line end may differ.
            for said in said(Some(allowing.clone()), SETTINGS, [&flipped[..]]) {
                if let Said::Frame { proof, bytes, .. } = said {
                    assert_eq!(proof, Proof::Unauthenticated, "{name}, bit {bit}");
                    let text = telegram.len() - 6;
                    assert_eq!(bytes.get(..text), telegram.get(..text), "{name}, bit {bit}");
                }
            }
        }
    }
}

#[test]
fn frames_cut_anywhere_never_cost_the_next() {
    let (name, telegram) = fixtures().into_iter().min_by_key(|(_, bytes)| bytes.len()).expect("fixtures");
    let (first, second) = (sealed(&telegram, 1), sealed(&telegram, 2));
    for cut in 1..first.len() {
        for piece in [&first[..cut], &first[cut..]] {
            let stream = [piece, &second, &second].concat();
            let found = said(Some(keys()), SETTINGS, stream.chunks(100));
            assert_eq!(verified(&found).len(), 2, "{name} cut at {cut}: {found:?}");
        }
    }
}

#[test]
fn frames_and_clear_telegrams_in_one_stream() {
    let mut stream = Vec::new();
    let mut wanted = Vec::new();
    for (counter, (_, telegram)) in (1..).zip(fixtures()) {
        stream.extend(sealed(&telegram, counter));
        stream.extend_from_slice(&telegram);
        wanted.extend([telegram.clone(), telegram]);
    }
    let found = said(Some(keys()), SETTINGS, [&stream[..]]);
    assert_eq!(verified(&found), wanted);
    // Without the key the clear ones are read, and all the others counted.
    let found = said(None, SETTINGS, stream.chunks(64));
    assert_eq!(verified(&found).len() * 2, wanted.len());
    let locked = |said: &&Said| matches!(said, Said::Rejected { reason: RejectReason::NoKey, .. });
    assert_eq!(found.iter().filter(locked).count() * 2, wanted.len());
}

/// Noise in which headers of frames are frequent.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut stream = Vec::with_capacity(length + 32);
    while stream.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state.is_multiple_of(61) {
            stream.extend_from_slice(b"\xDB\x08");
            stream.extend_from_slice(&state.to_le_bytes());
            stream.extend_from_slice(&[0x82, (state >> 33) as u8 & 0x1F, (state >> 40) as u8, 0x30]);
        }
        stream.push(state as u8);
    }
    stream
}

#[test]
fn a_frame_is_found_behind_noise_full_of_headers() {
    let (_, telegram) = fixtures().remove(0);
    for seed in 1..=3 {
        let mut stream = noise(seed, 100_000);
        let offset = stream.len() as u64;
        stream.extend(sealed(&telegram, 1));
        let found = said(Some(keys()), SETTINGS, stream.chunks(4_096));
        let last = found.iter().rev().find(|said| said.proven(Proof::Verified).is_some());
        assert_eq!(last.map(Said::offset), Some(offset), "seed {seed}");
        assert_eq!(found, said(Some(keys()), SETTINGS, [&stream[..]]), "seed {seed}");
        let mut watch = Watch::default();
        assert_eq!(watch.look(&stream), None, "seed {seed}");
    }
}

fn any_keys() -> impl Strategy<Value = Keys> {
    (any::<[u8; 16]>(), any::<[u8; 16]>()).prop_map(|(key, auth_key)| Keys {
        key: Key::new(key),
        auth_key: Key::new(auth_key),
        allow_unverified_tag: false,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sealed_is_opened(
        values in proptest::collection::vec((any::<[u8; 5]>(), "[ -'*-~]{0,20}"), 0..30),
        system_title: [u8; 8],
        frame_counter: u32,
        keys in any_keys(),
        length_bytes in 0u8..=4,
        authenticated: bool,
    ) {
        let mut writer = TelegramWriter::new(b"XYZ5\\2TEST");
        for ([a, b, c, d, e], value) in &values {
            writer.object(Obis::new(*a, *b, *c, *d, *e), &[value.as_bytes()]).expect("no brackets");
        }
        let telegram = writer.finish();
        let envelope = Envelope { system_title, frame_counter, authenticated, length_bytes };
        let frame = seal(&telegram, &envelope, &keys);
        let allowing = Keys { allow_unverified_tag: !authenticated, ..keys };
        let found = said(Some(allowing), SETTINGS, [&frame[..]]);
        let (proof, tag) =
            if authenticated { (Proof::Verified, Tag::Verified) } else { (Proof::Unauthenticated, Tag::Missing) };
        prop_assert_eq!(found.len(), 1, "{:?}", found);
        prop_assert_eq!(found[0].proven(proof), Some(&telegram[..]));
        let seal = found[0].seal().expect("a seal");
        prop_assert_eq!((seal.system_title, seal.frame_counter, seal.tag), (system_title, frame_counter, tag));
        prop_assert_eq!(seal.frame_bytes as usize, frame.len());
    }

    #[test]
    fn any_chunking_of_any_bytes_gives_the_same(
        seed: u64,
        length in 0usize..3_000,
        at in any::<prop::sample::Index>(),
        size in 1usize..700,
        allow_unverified_tag: bool,
    ) {
        let (_, telegram) = fixtures().remove(0);
        let mut stream = noise(seed.max(1), length);
        let at = at.index(stream.len() + 1);
        stream.splice(at..at, sealed(&telegram, 1));
        let keys = Keys { allow_unverified_tag, ..keys() };
        let whole = said(Some(keys.clone()), SETTINGS, [&stream[..]]);
        prop_assert_eq!(&said(Some(keys), SETTINGS, stream.chunks(size)), &whole);
        prop_assert!(whole.iter().any(|said| said.proven(Proof::Verified) == Some(&telegram[..])), "{:?}", whole);
        prop_assert_eq!(said(None, SETTINGS, stream.chunks(size)), said(None, SETTINGS, [&stream[..]]));
    }
}
