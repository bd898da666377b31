//! Any bytes, whole and in chunks: the framer must say the same of both, and every verified frame must hold
//! its CRC.

#![no_main]

use dsmrd::p1::crc::crc16;
use dsmrd::p1::frame::{CrcPolicy, Event, Framer, FramerSettings, Proof};
use libfuzzer_sys::fuzz_target;

fn events<'a>(settings: FramerSettings, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<(u64, Vec<u8>, String)> {
    let mut framer = Framer::new(settings);
    let mut said = Vec::new();
    let mut on = |event: Event<'_>| match event {
        Event::Frame(frame) => {
            if frame.proof() == Proof::Verified {
                let mark = frame.bytes().iter().rposition(|&byte| byte == b'!').expect("a verified frame has a mark");
                assert_eq!(frame.crc_computed(), Some(crc16(&frame.bytes()[..=mark])));
            }
            assert!(frame.bytes().len() <= settings.max_bytes);
            assert!(frame.ident().starts_with(b"/"));
            said.push((frame.offset(), frame.bytes().to_vec(), format!("{:?}", frame.proof())));
        }
        Event::Rejected(rejected) => {
            said.push((rejected.offset, Vec::new(), format!("{:?}, {} bytes", rejected.reason, rejected.bytes)));
        }
    };
    for chunk in chunks {
        framer.push(chunk, &mut on);
    }
    framer.finish(&mut on);
    said
}

fuzz_target!(|data: &[u8]| {
    let [knobs, cut, stream @ ..] = data else { return };
    let settings = FramerSettings {
        max_bytes: if knobs & 1 == 0 { 8_192 } else { 64 },
        crc: [CrcPolicy::Auto, CrcPolicy::Require, CrcPolicy::Ignore, CrcPolicy::Auto][usize::from(knobs >> 1 & 3)],
        mask_bit7: knobs & 8 != 0,
    };
    let whole = events(settings, std::iter::once(stream));
    assert_eq!(whole, events(settings, stream.chunks(1)));
    assert_eq!(whole, events(settings, stream.chunks(usize::from(*cut).max(1))));
});
