//! Encrypted telegrams and foreign protocols through the framer: the project's own fixtures, sealed with a test
//! key, always; the public corpus where it is.

use dsmrd::p1::Proof;
use dsmrd::p1::cipher::{Key, Keys, Seal, Tag};
use dsmrd::p1::frame::{CrcPolicy, Event, Framer, FramerSettings, RejectReason};

use crate::support::{self, files, stem};

/// What the corpus says of encrypted frames and of what is no P1.
mod corpus;

/// Laws over the sealed fixtures: splits, flipped bits, cuts, false headers, noise.
mod laws;

const SETTINGS: FramerSettings = FramerSettings { max_bytes: 8_192, crc: CrcPolicy::Auto, mask_bit7: false };

/// A key of nobody, with Luxembourg's authentication key.
fn keys() -> Keys {
    Keys::new(Key::new(*b"a key for tests!"))
}

/// The fixtures that are telegrams with a CRC, by name.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let found: Vec<(String, Vec<u8>)> = files(&support::fixtures(), "txt")
        .into_iter()
        .map(|path| (stem(&path), std::fs::read(&path).expect("readable")))
        .filter(|(_, bytes)| {
            matches!(&said(None, SETTINGS, [&bytes[..]])[..], [Said::Frame { proof: Proof::Verified, .. }])
        })
        .collect();
    assert!(found.len() >= 10, "the fixtures are there");
    found
}

/// What a framer says.
#[derive(Debug, PartialEq, Clone)]
enum Said {
    Frame { offset: u64, proof: Proof, bytes: Vec<u8>, wire: Vec<u8>, seal: Option<Seal> },
    Rejected { offset: u64, reason: RejectReason, bytes: usize, seal: Option<Seal> },
}

impl Said {
    fn offset(&self) -> u64 {
        match self {
            Self::Frame { offset, .. } | Self::Rejected { offset, .. } => *offset,
        }
    }

    fn seal(&self) -> Option<&Seal> {
        match self {
            Self::Frame { seal, .. } | Self::Rejected { seal, .. } => seal.as_ref(),
        }
    }

    fn tag(&self) -> Option<Tag> {
        self.seal().map(|seal| seal.tag)
    }

    /// The telegram, when it was delivered with this proof.
    fn proven(&self, wanted: Proof) -> Option<&[u8]> {
        match self {
            Self::Frame { proof, bytes, .. } if *proof == wanted => Some(bytes),
            _ => None,
        }
    }
}

fn said<'a>(
    keys: Option<Keys>,
    settings: FramerSettings,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Said> {
    let mut framer = Framer::new(settings).with_keys(keys);
    let mut said = Vec::new();
    let mut on = |event: Event<'_>| {
        said.push(match event {
            Event::Frame(frame) => Said::Frame {
                offset: frame.offset(),
                proof: frame.proof(),
                bytes: frame.bytes().to_vec(),
                wire: frame.wire().to_vec(),
                seal: frame.seal().copied(),
            },
            Event::Rejected(rejected) => Said::Rejected {
                offset: rejected.offset,
                reason: rejected.reason,
                bytes: rejected.bytes,
                seal: rejected.seal,
            },
        });
    };
    for chunk in chunks {
        framer.push(chunk, &mut on);
    }
    framer.finish(&mut on);
    said
}
