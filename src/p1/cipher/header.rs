//! What stands in front of the ciphertext.

use super::{AUTHENTICATED, Seal, Tag};
use crate::p1::cipher::CounterStep;

/// The length of a tag in bytes.
pub(super) const TAG: usize = 12;

/// Security control and frame counter.
const SECURITY: usize = 5;

/// The front of a frame, from `DB` to its frame counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::p1) struct Header {
    pub(in crate::p1) system_title: [u8; 8],
    pub(super) security_control: u8,
    pub(super) frame_counter: u32,
    pub(super) length_field: u32,
    /// The bytes before the security control, from where the length counts.
    pub(super) front: usize,
}

/// Whether bytes begin a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::p1) enum Found {
    /// They do not.
    No,
    /// It takes more of them to tell.
    More,
    /// They do.
    Header(Header),
}

impl Header {
    /// Looks for a frame of at most `max` bytes at the start of `bytes`.
    pub(in crate::p1) fn find(bytes: &[u8], max: usize) -> Found {
        let begins = bytes.iter().zip([0xDB, 8]).all(|(&byte, wanted)| byte == wanted);
        if !begins {
            return Found::No;
        }
        let Some(system_title) = bytes.get(2..10).and_then(|title| title.try_into().ok()) else {
            return Found::More;
        };
        let (length, digits) = match length(&bytes[10..]) {
            Length::Known(length, bytes) => (length, bytes),
            Length::More => return Found::More,
            Length::No => return Found::No,
        };
        let front = 10 + digits;
        let security_control = match bytes.get(front) {
            None => return Found::More,
            Some(&control) if controls(control) => control,
            Some(_) => return Found::No,
        };
        let tag = if security_control == AUTHENTICATED { TAG } else { 0 };
        // A frame around nothing is none. A length may be all that 32 bits hold, and so may this machine's numbers.
        let fits = front.checked_add(length as usize).is_some_and(|total| total <= max);
        if length as usize <= SECURITY + tag || !fits {
            return Found::No;
        }
        let Some(counter) =
            bytes.get(front + 1..front + SECURITY).and_then(|counter| counter.try_into().ok())
        else {
            return Found::More;
        };
        let frame_counter = u32::from_be_bytes(counter);
        Found::Header(Self { system_title, security_control, frame_counter, length_field: length, front })
    }

    /// The bytes of the whole frame.
    pub(in crate::p1) fn total(&self) -> usize {
        self.front + self.length_field as usize
    }

    /// Where the ciphertext begins.
    pub(in crate::p1) fn ciphertext_start(&self) -> usize {
        self.front + SECURITY
    }

    pub(super) fn has_tag(&self) -> bool {
        self.security_control == AUTHENTICATED
    }

    /// Where the ciphertext ends.
    pub(super) fn ciphertext_end(&self) -> usize {
        self.total() - if self.has_tag() { TAG } else { 0 }
    }

    /// The initialisation vector: system title and frame counter.
    pub(super) fn nonce(&self) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&self.system_title);
        nonce[8..].copy_from_slice(&self.frame_counter.to_be_bytes());
        nonce
    }

    /// What is known of a frame that was not opened; `frame` may be cut.
    pub(in crate::p1) fn seal(&self, frame: &[u8], tag: Tag) -> Seal {
        let mut tag_bytes = [0; TAG];
        if let Some(bytes) = frame.get(self.ciphertext_end()..self.total()).filter(|_| self.has_tag()) {
            tag_bytes.copy_from_slice(bytes);
        }
        Seal {
            system_title: self.system_title,
            security_control: self.security_control,
            frame_counter: self.frame_counter,
            length_field: self.length_field,
            // Both at most the framer's limit, which is far below.
            frame_bytes: self.total() as u32,
            ciphertext_bytes: (self.ciphertext_end() - self.ciphertext_start()) as u32,
            tag_bytes,
            tag,
            counter: CounterStep::First,
        }
    }
}

fn controls(byte: u8) -> bool {
    matches!(byte, super::AUTHENTICATED | super::ENCRYPTION_ONLY)
}

enum Length {
    /// A length, and how many bytes it is written in.
    Known(u32, usize),
    More,
    No,
}

/// A length in BER: itself below 80 (hex), else 81 to 84 and so many bytes, which may begin with zeros.
fn length(bytes: &[u8]) -> Length {
    match bytes {
        [] => Length::More,
        [short @ 0..=0x7F, ..] => Length::Known(u32::from(*short), 1),
        [long @ 0x81..=0x84, rest @ ..] => {
            let count = usize::from(long & 0x0F);
            match rest.get(..count) {
                None => Length::More,
                Some(digits) => Length::Known(
                    digits.iter().fold(0, |length, &digit| length << 8 | u32::from(digit)),
                    1 + count,
                ),
            }
        }
        [_, ..] => Length::No,
    }
}

/// Whether a telegram's body is encrypted as Stoen's meters in Poland do it: behind an identification in clear
/// text follow an empty system title, a length, the security control and the frame counter.
pub(in crate::p1) fn foreign(telegram: &[u8]) -> bool {
    let Some(line_end) = memchr::memchr(b'\n', telegram) else { return false };
    let body = &telegram[line_end + 1..];
    let body = body.strip_prefix(b"\r\n").or_else(|| body.strip_prefix(b"\n")).unwrap_or(body);
    let [0, rest @ ..] = body else { return false };
    let Length::Known(length, digits) = length(rest) else { return false };
    length as usize > SECURITY && rest.get(digits).copied().is_some_and(controls)
}
