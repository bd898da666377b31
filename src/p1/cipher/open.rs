//! Opening frames with a meter's keys, and remembering how far its frame counter came.

use std::fmt;

use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes128;
use ctr::cipher::{KeyIvInit, StreamCipher};

use super::header::{Header, TAG};
use super::{CounterStep, Keys, Tag};

/// AES-128-GCM with an initialisation vector and a tag of 12 bytes each.
pub(super) type Gcm = AesGcm<Aes128, U12, U12>;

/// So many meters are remembered on one line. There is one; more is somebody playing.
const METERS: usize = 8;

/// Opens frames.
#[derive(Clone)]
pub(in crate::p1) struct Opener {
    keys: Keys,
    gcm: Gcm,
    /// System titles under which frames were opened with these keys, and the last frame counter of each; the
    /// latest at the end.
    opened: Vec<([u8; 8], u32)>,
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("keys", &self.keys)
            .field("opened", &self.opened)
            .finish_non_exhaustive()
    }
}

impl Opener {
    pub(in crate::p1) fn new(keys: Keys) -> Self {
        let gcm = Gcm::new(keys.key.bytes().into());
        Self { keys, gcm, opened: Vec::new() }
    }

    /// Whether a telegram is taken without a right tag.
    pub(in crate::p1) fn allows_unverified_tag(&self) -> bool {
        self.keys.allow_unverified_tag
    }

    /// Decrypts `frame`, which is whole, into `plain`, whatever its tag is.
    pub(in crate::p1) fn open(&self, header: &Header, frame: &[u8], plain: &mut Vec<u8>) -> Tag {
        let (front, tag) = frame[..header.total()].split_at(header.ciphertext_end());
        plain.clear();
        plain.extend_from_slice(&front[header.ciphertext_start()..]);
        if let Ok(tag) = <&[u8; TAG]>::try_from(tag) {
            let aad = associated_data(header.security_control, &self.keys);
            let nonce = header.nonce();
            if self.verifies(&nonce, &aad, plain, tag) {
                return Tag::Verified;
            }
            if self.verifies(&nonce, &[], plain, tag) {
                return Tag::VerifiedWithoutAuthKey;
            }
        }
        keystream(&self.keys, header, plain);
        if header.has_tag() { Tag::Wrong } else { Tag::Missing }
    }

    /// Decrypts `text` when its tag verifies, and else leaves it as it was. Not inlined: of two copies of GCM
    /// neither would be as fast.
    #[inline(never)]
    fn verifies(&self, nonce: &[u8; 12], aad: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> bool {
        self.gcm.decrypt_inout_detached(nonce.into(), aad, InOutBuf::from(text), tag.into()).is_ok()
    }

    /// Whether what a frame begins with looks like text under this key: what it takes to look at is the first
    /// block, so that a false header costs little. `frame` may be cut.
    pub(in crate::p1) fn reads(&self, header: &Header, frame: &[u8]) -> bool {
        let end = header.ciphertext_end().min(header.ciphertext_start() + 16);
        let Some(ciphertext) = frame.get(header.ciphertext_start()..end) else { return false };
        let mut block = [0; 16];
        let block = &mut block[..ciphertext.len()];
        block.copy_from_slice(ciphertext);
        keystream(&self.keys, header, block);
        // Three quarters: a damaged byte or two are no other key. Random bytes do it once in four hundred times.
        text(block) * 4 >= block.len() * 3
    }

    /// Whether a frame with this system title was opened with these keys.
    pub(in crate::p1) fn knows(&self, system_title: [u8; 8]) -> bool {
        self.opened.iter().any(|&(title, _)| title == system_title)
    }

    /// A frame was opened: takes note of its counter.
    pub(in crate::p1) fn note(&mut self, header: &Header) -> CounterStep {
        let counter = header.frame_counter;
        let step = match self.opened.iter().position(|&(title, _)| title == header.system_title) {
            None => CounterStep::First,
            Some(place) => match counter.cmp(&self.opened.remove(place).1) {
                std::cmp::Ordering::Greater => CounterStep::Rose,
                std::cmp::Ordering::Equal => CounterStep::Repeated,
                std::cmp::Ordering::Less => CounterStep::Fell,
            },
        };
        if self.opened.len() == METERS {
            self.opened.remove(0);
        }
        self.opened.push((header.system_title, counter));
        step
    }
}

/// Security control and authentication key: what the tag covers beside the ciphertext.
pub(super) fn associated_data(security_control: u8, keys: &Keys) -> [u8; 17] {
    let mut data = [security_control; 17];
    data[1..].copy_from_slice(keys.auth_key.bytes());
    data
}

/// Encrypts or decrypts, which are the same, without a look at the tag. In GCM the counter of the first block
/// is 2; 1 is for the tag.
pub(super) fn keystream(keys: &Keys, header: &Header, bytes: &mut [u8]) {
    let mut block = [0; 16];
    block[..12].copy_from_slice(&header.nonce());
    block[15] = 2;
    ctr::Ctr32BE::<Aes128>::new(keys.key.bytes().into(), (&block).into()).apply_keystream(bytes);
}

/// Whether there is text in what was decrypted. A byte lost on the way spoils all that follows it, so one good
/// piece is enough. Of random bytes two in five are printable: 28 of 32 never are.
pub(in crate::p1) fn readable(bytes: &[u8]) -> bool {
    let text = |piece: &[u8]| text(piece) * 8 >= piece.len() * 7;
    if bytes.len() < 32 { text(bytes) } else { bytes.chunks_exact(32).any(text) }
}

fn text(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n')).count()
}
