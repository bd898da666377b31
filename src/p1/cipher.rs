//! Encrypted telegrams, as Luxembourg's and Austria's meters send them: general-glo-ciphering frames around a
//! telegram, AES-128-GCM with a tag of 12 bytes (DLMS Green Book, security suite 0; Luxembourg's Smarty P1 1.1.3).
//!
//! ```text
//! DB 08 <system title: 8> <length, BER> <security control> <frame counter: 4> <ciphertext> <tag: 12>
//! ```

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroize;

mod header;
mod open;
mod seal;

pub(super) use header::{Found, Header, foreign};
pub(super) use open::{Opener, readable};
pub use seal::{Envelope, seal, seal_without_auth_key};

/// Security control: the frame is encrypted and has a tag.
pub const AUTHENTICATED: u8 = 0x30;

/// Security control: the frame is encrypted and has no tag.
pub const ENCRYPTION_ONLY: u8 = 0x20;

/// A key of 128 bits. It is never shown: `Debug` hides it, there is no `Display`, and its memory is
/// overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 16]);

impl Key {
    /// A key of its bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

/// What is wrong with the text of a key. It tells nothing of the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// So many hex digits in place of 32.
    Digits(usize),
    /// A character that is neither a hex digit, a space, a colon nor a hyphen stands at this place, from 1.
    Character(usize),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digits(count) => write!(f, "a key has 32 hex digits, this has {count}"),
            Self::Character(place) => {
                write!(f, "a key is written in hex digits; character {place} is none")
            }
        }
    }
}

impl std::error::Error for KeyError {}

impl FromStr for Key {
    type Err = KeyError;

    /// 32 hex digits in capitals or not; spaces, colons and hyphens between them do not count.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut bytes = [0u8; 16];
        let mut count = 0usize;
        for (place, character) in text.chars().enumerate() {
            if character.is_ascii_whitespace() || matches!(character, ':' | '-') {
                continue;
            }
            let digit = character.to_digit(16).ok_or(KeyError::Character(place + 1))?;
            if let Some(byte) = bytes.get_mut(count / 2) {
                *byte = *byte << 4 | digit as u8;
            }
            count += 1;
        }
        if count == 32 { Ok(Self(bytes)) } else { Err(KeyError::Digits(count)) }
    }
}

/// What it takes to open a meter's frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The meter's own key (Luxembourg), or its GUEK (Austria).
    pub key: Key,
    /// The authentication key: Luxembourg's fixed one, or the meter's GAK (Austria).
    pub auth_key: Key,
    /// Accept a frame whose tag does not verify, or that has none, when the CRC of the telegram in it verifies:
    /// then anybody at the line could have changed it. Such a telegram is
    /// [`Proof::Unauthenticated`](super::Proof::Unauthenticated) wherever it goes.
    pub allow_unverified_tag: bool,
}

/// The authentication key of all meters of Luxembourg (Smarty P1 1.1.3): it is public.
pub const LUXEMBOURG_AUTH_KEY: Key = Key::new([
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF,
]);

impl Keys {
    /// A key with Luxembourg's authentication key, and every tag checked.
    pub const fn new(key: Key) -> Self {
        Self { key, auth_key: LUXEMBOURG_AUTH_KEY, allow_unverified_tag: false }
    }
}

/// What became of a frame's tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// It is right.
    Verified,
    /// It is right when the authentication key is left out of it, as some meters of Luxembourg compute it. That
    /// proves as much: without the encryption key nobody can make such a tag either.
    VerifiedWithoutAuthKey,
    /// It is another than that of the frame under these keys, in either way.
    Wrong,
    /// The frame has none: security control 20, encryption only.
    Missing,
    /// There is no key to check it with, or the frame was cut.
    Unchecked,
}

impl Tag {
    /// Whether it proves that the frame is the meter's.
    pub const fn is_verified(self) -> bool {
        matches!(self, Self::Verified | Self::VerifiedWithoutAuthKey)
    }
}

/// A frame counter beside that of the last frame that was opened under the same system title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterStep {
    /// There was none, or this frame was not opened.
    First,
    /// It rose.
    Rose,
    /// It is the same: the frame was sent again.
    Repeated,
    /// It fell: an old frame was sent again, or the meter got a new key.
    Fell,
}

/// What stands around an encrypted telegram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seal {
    /// Who sent it: Austria's Sagemcom writes `SAG5` and four bytes.
    pub system_title: [u8; 8],
    /// 30 (hex): authentication and encryption. 20 (hex): encryption only.
    pub security_control: u8,
    /// Rises by one a frame.
    pub frame_counter: u32,
    /// Its length field: bytes from the security control to the frame's end.
    pub length_field: u32,
    /// All its bytes, from `DB` on.
    pub frame_bytes: u32,
    /// The bytes of the ciphertext.
    pub ciphertext_bytes: u32,
    /// The tag as sent; zeros where [`Seal::tag`] is [`Tag::Missing`].
    pub tag_bytes: [u8; 12],
    /// What became of the tag.
    pub tag: Tag,
    /// What became of the counter.
    pub counter: CounterStep,
}

#[cfg(test)]
mod tests;
