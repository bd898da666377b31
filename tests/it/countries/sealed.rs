//! Encrypted fixtures: made of the fixtures in clear text with keys that are no secret, and opened again.

use std::path::Path;

use dsmrd::p1::Framer;
use dsmrd::p1::cipher::{Envelope, Key, Keys, seal};
use dsmrd::p1::crc::crc16;
use dsmrd::p1::frame::{Event, FramerSettings};

use super::fixture;
use crate::framing::{encrypted, keys_of};

const LUXEMBOURG: [u8; 8] = *b"SAG\0\x01\x02\x03\x04";
const AUSTRIA: [u8; 8] = *b"SAG5\x0A\x0B\x0C\x0D";

/// A fixture: its name, how it is made, and what comes of it with its keys, with its keys where a tag need not
/// be right, and without keys.
struct Sealed {
    name: &'static str,
    bytes: Vec<u8>,
    with_keys: &'static [&'static str],
    leniently: &'static [&'static str],
    without: &'static [&'static str],
}

fn smarty(envelope: Envelope, keys: &Keys) -> Vec<u8> {
    seal(&fixture("lu-smarty-decrypted.txt"), &envelope, keys)
}

fn sagemcom(envelope: Envelope, keys: &Keys) -> Vec<u8> {
    seal(&fixture("at-sagemcom-decrypted.txt"), &envelope, keys)
}

/// In Stoen's net the identification is readable, and the rest is for the grid company alone.
fn stoen() -> Vec<u8> {
    let mut bytes = b"/EGM5G35\r\n\r\n\x00\x82\x02\x30\x30\0\0\0\0".to_vec();
    let mut word = 0x2545_F491u32;
    bytes.extend(
        std::iter::repeat_with(|| {
            word ^= word << 13;
            word ^= word >> 17;
            word ^= word << 5;
            // No line within it begins with a mark.
            (word >> 8) as u8 | 0x80
        })
        .take(555),
    );
    bytes.push(b'!');
    let crc = crc16(&bytes);
    bytes.extend_from_slice(format!("{crc:04X}\r\n").as_bytes());
    bytes
}

fn all() -> Vec<Sealed> {
    let (lu, at) = (keys_of("lu-"), keys_of("at-"));
    let other_key = Keys { key: Key::new(*b"quite another k."), ..lu.clone() };
    let other_auth = Keys { auth_key: Key::new(*b"quite another a."), ..at.clone() };
    let lux = |counter| Envelope::new(LUXEMBOURG, counter);
    let sag = |counter| Envelope::new(AUSTRIA, counter);
    let mut damaged = sagemcom(sag(7), &at);
    damaged[200] ^= 0x10;
    vec![
        Sealed {
            name: "lu-smarty",
            bytes: smarty(lux(417), &lu),
            with_keys: &["Verified First"],
            leniently: &["Verified First"],
            without: &["NoKey"],
        },
        Sealed {
            name: "at-sagemcom",
            bytes: sagemcom(sag(417), &at),
            with_keys: &["Verified First"],
            leniently: &["Verified First"],
            without: &["NoKey"],
        },
        Sealed {
            name: "lu-smarty-encrypted-only",
            bytes: smarty(Envelope { authenticated: false, ..lux(417) }, &lu),
            with_keys: &["WrongAuthKey"],
            leniently: &["Unauthenticated First"],
            without: &["NoKey"],
        },
        Sealed {
            name: "at-sagemcom-length-of-four-bytes",
            bytes: sagemcom(Envelope { length_bytes: 4, ..sag(417) }, &at),
            with_keys: &["Verified First"],
            leniently: &["Verified First"],
            without: &["NoKey"],
        },
        Sealed {
            name: "at-short-telegram-length-of-one-byte",
            bytes: seal(
                b"/EST5\\253710000_A\r\n\r\n1-0:1.7.0(000000286*W)\r\n!4924\r\n",
                &Envelope { length_bytes: 0, ..sag(1) },
                &at,
            ),
            with_keys: &["Verified First"],
            leniently: &["Verified First"],
            without: &["NoKey"],
        },
        Sealed {
            name: "at-sagemcom-another-authentication-key",
            bytes: sagemcom(sag(417), &other_auth),
            with_keys: &["WrongAuthKey"],
            leniently: &["Unauthenticated First"],
            without: &["NoKey"],
        },
        Sealed {
            name: "lu-smarty-another-key",
            bytes: smarty(lux(417), &other_key),
            with_keys: &["WrongKey"],
            leniently: &["WrongKey"],
            without: &["NoKey"],
        },
        Sealed {
            name: "at-sagemcom-damaged-then-good",
            bytes: [sagemcom(sag(6), &at), damaged, sagemcom(sag(8), &at)].concat(),
            with_keys: &["Verified First", "DamagedCipher", "Verified Rose"],
            leniently: &["Verified First", "DamagedCipher", "Verified Rose"],
            without: &["NoKey", "NoKey", "NoKey"],
        },
        Sealed {
            name: "lu-smarty-counter-repeated-and-fallen",
            bytes: [417, 418, 418, 400, 401].map(|counter| smarty(lux(counter), &lu)).concat(),
            with_keys: &[
                "Verified First",
                "Verified Rose",
                "Verified Repeated",
                "Verified Fell",
                "Verified Rose",
            ],
            leniently: &[
                "Verified First",
                "Verified Rose",
                "Verified Repeated",
                "Verified Fell",
                "Verified Rose",
            ],
            without: &["NoKey", "NoKey", "NoKey", "NoKey", "NoKey"],
        },
        Sealed {
            name: "lu-smarty-noise-around",
            bytes: [
                b"\xDB\x08\x00 no frame \xDB\xDB\x08",
                &smarty(lux(1), &lu)[..],
                b"\r\n\0\0/not a telegram\r\n",
                &smarty(lux(2), &lu),
                &smarty(lux(3), &lu)[..90],
            ]
            .concat(),
            with_keys: &["Verified First", "Truncated", "Verified Rose", "Truncated"],
            leniently: &["Verified First", "Truncated", "Verified Rose", "Truncated"],
            // Behind a `/` all is a telegram in clear text, until one in it can be opened.
            without: &["NoKey", "Truncated"],
        },
        Sealed {
            name: "pl-stoen-for-the-grid-company-alone",
            bytes: stoen(),
            with_keys: &["ForeignCipher"],
            leniently: &["ForeignCipher"],
            without: &["ForeignCipher"],
        },
    ]
}

/// What comes of these bytes: how each telegram was proven and what its frame counter did, or why it is refused.
fn said(bytes: &[u8], keys: Option<Keys>) -> (Vec<String>, Vec<Vec<u8>>) {
    let (mut said, mut telegrams) = (Vec::new(), Vec::new());
    let mut framer = Framer::new(FramerSettings::default()).with_keys(keys);
    let mut on = |event: Event<'_>| match event {
        Event::Frame(frame) => {
            let seal = frame.seal().expect("it was encrypted");
            assert_eq!(seal.frame_bytes as usize, frame.wire().len());
            said.push(format!("{:?} {:?}", frame.proof(), seal.counter));
            telegrams.push(frame.bytes().to_vec());
        }
        Event::Rejected(rejected) => said.push(format!("{:?}", rejected.reason)),
    };
    framer.push(bytes, &mut on);
    framer.finish(&mut on);
    (said, telegrams)
}

/// `DSMRD_RENEW_FIXTURES=1` writes them anew.
#[test]
fn the_encrypted_fixtures_are_made_as_written_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/encrypted");
    #[expect(clippy::disallowed_methods, reason = "how golden files are renewed")]
    let renew = std::env::var_os("DSMRD_RENEW_FIXTURES").is_some();
    for sealed in all() {
        let path = folder.join(sealed.name).with_extension("bin");
        if renew {
            std::fs::create_dir_all(&folder).expect("the fixture's folder");
            std::fs::write(&path, &sealed.bytes).expect("it can be written");
        }
        let there = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(there == sealed.bytes, "{}: another frame", sealed.name);
    }
    assert_eq!(encrypted().len(), all().len(), "a fixture that nobody makes");
}

#[test]
fn the_encrypted_fixtures_open() {
    for sealed in all() {
        let keys = keys_of(sealed.name);
        let lenient = Keys { allow_unverified_tag: true, ..keys.clone() };
        let (with_keys, telegrams) = said(&sealed.bytes, Some(keys));
        assert_eq!(with_keys, sealed.with_keys, "{}", sealed.name);
        assert_eq!(said(&sealed.bytes, Some(lenient)).0, sealed.leniently, "{}, leniently", sealed.name);
        assert_eq!(said(&sealed.bytes, None).0, sealed.without, "{}, without a key", sealed.name);
        for telegram in telegrams {
            let plain =
                if sealed.name.starts_with("lu-") { "lu-smarty-decrypted" } else { "at-sagemcom-decrypted" };
            let short = sealed.name.contains("short");
            assert!(short || telegram == fixture(&format!("{plain}.txt")), "{}", sealed.name);
        }
    }
}
