//! Any bytes, whole and in chunks, with a key and without: the framer must say the same of all cuts, in order, and
//! every verified frame must hold its CRC. The watch for other protocols must not mind the cuts either.

#![no_main]

use dsmrd::p1::cipher::{Key, Keys};
use dsmrd::p1::crc::crc16;
use dsmrd::p1::foreign::{Protocol, Watch};
use dsmrd::p1::frame::{CrcPolicy, Event, Framer, FramerSettings, Proof};
use libfuzzer_sys::fuzz_target;

fn events<'a>(
    settings: FramerSettings,
    keys: Option<Keys>,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> Vec<(u64, Vec<u8>, String)> {
    let mut framer = Framer::new(settings).with_keys(keys);
    let mut said = Vec::new();
    let mut on = |event: Event<'_>| match event {
        Event::Frame(frame) => {
            if frame.proof() == Proof::Verified {
                let mark = frame
                    .bytes()
                    .iter()
                    .rposition(|&byte| byte == b'!')
                    .expect("a verified frame has a mark");
                assert_eq!(frame.crc_computed(), Some(crc16(&frame.bytes()[..=mark])));
            }
            assert!(frame.bytes().len() <= settings.max_bytes);
            assert!(frame.ident().starts_with(b"/"));
            said.push((frame.offset(), frame.bytes().to_vec(), format!("{:?}", frame.proof())));
        }
        Event::Rejected(rejected) => {
            said.push((
                rejected.offset,
                Vec::new(),
                format!("{:?}, {} bytes", rejected.reason, rejected.bytes),
            ));
        }
    };
    for chunk in chunks {
        framer.push(chunk, &mut on);
    }
    framer.finish(&mut on);
    assert!(said.is_sorted_by_key(|&(offset, ..)| offset));
    said
}

fn named<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Option<Protocol> {
    let mut watch = Watch::default();
    chunks.filter_map(|chunk| watch.look(chunk)).last()
}

fuzz_target!(|data: &[u8]| {
    let [knobs, cut, stream @ ..] = data else { return };
    let settings = FramerSettings {
        max_bytes: if knobs & 1 == 0 { 8_192 } else { 64 },
        crc: [CrcPolicy::Auto, CrcPolicy::Require, CrcPolicy::Ignore, CrcPolicy::Auto]
            [usize::from(knobs >> 1 & 3)],
        mask_bit7: knobs & 8 != 0,
    };
    let keys = (knobs & 16 != 0)
        .then(|| Keys { allow_unverified_tag: knobs & 32 != 0, ..Keys::new(Key::new([7; 16])) });
    let size = usize::from(*cut).max(1);
    let whole = events(settings, keys.clone(), std::iter::once(stream));
    assert_eq!(whole, events(settings, keys.clone(), stream.chunks(1)));
    assert_eq!(whole, events(settings, keys, stream.chunks(size)));
    let protocol = named(std::iter::once(stream));
    assert_eq!(protocol, named(stream.chunks(1)));
    assert_eq!(protocol, named(stream.chunks(size)));
});
