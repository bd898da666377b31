//! Writing frames: for the simulated meter, and for what is tested with them.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};

use super::header::{Header, TAG};
use super::open::{Gcm, associated_data, keystream};
use super::{AUTHENTICATED, ENCRYPTION_ONLY, Keys};

/// What a frame says of itself in clear text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Envelope {
    /// Who sends it.
    pub system_title: [u8; 8],
    /// Never twice the same under one key: the encryption is worth nothing then.
    pub frame_counter: u32,
    /// Whether it has a tag; else it is encrypted only.
    pub authenticated: bool,
    /// In how many bytes the length is written behind the one that tells how many, from 0 (a length below 80
    /// hex is its own byte) to 4. It takes more where it does not fit.
    pub length_bytes: u8,
}

impl Envelope {
    /// An authenticated frame with its length in two bytes, as all real ones have it.
    pub const fn new(system_title: [u8; 8], frame_counter: u32) -> Self {
        Self { system_title, frame_counter, authenticated: true, length_bytes: 2 }
    }

    const fn security_control(&self) -> u8 {
        if self.authenticated { AUTHENTICATED } else { ENCRYPTION_ONLY }
    }
}

/// The frame around a telegram.
pub fn seal(telegram: &[u8], envelope: &Envelope, keys: &Keys) -> Vec<u8> {
    let control = envelope.security_control();
    sealed(telegram, envelope, keys, &associated_data(control, keys))
}

/// The same, with a tag that leaves the authentication key out, as some meters of Luxembourg send it.
pub fn seal_without_auth_key(telegram: &[u8], envelope: &Envelope, keys: &Keys) -> Vec<u8> {
    sealed(telegram, envelope, keys, &[])
}

fn sealed(telegram: &[u8], envelope: &Envelope, keys: &Keys, aad: &[u8]) -> Vec<u8> {
    let tag = if envelope.authenticated { TAG } else { 0 };
    // A telegram has some thousands of bytes, and GCM encrypts no more than 64 GiB.
    let length = (5 + telegram.len() + tag) as u32;
    let mut frame = vec![0xDB, 8];
    frame.extend_from_slice(&envelope.system_title);
    let digits = length.to_be_bytes();
    let needed = digits.iter().skip_while(|&&digit| digit == 0).count();
    if envelope.length_bytes == 0 && length < 0x80 {
        frame.push(digits[3]);
    } else {
        let count = needed.max(usize::from(envelope.length_bytes)).min(digits.len());
        frame.push(0x80 | count as u8);
        frame.extend_from_slice(&digits[digits.len() - count..]);
    }
    let header = Header {
        system_title: envelope.system_title,
        security_control: envelope.security_control(),
        frame_counter: envelope.frame_counter,
        length_field: length,
        front: frame.len(),
    };
    frame.push(header.security_control);
    frame.extend_from_slice(&header.frame_counter.to_be_bytes());
    frame.extend_from_slice(telegram);
    let text = &mut frame[header.ciphertext_start()..];
    if envelope.authenticated {
        let tag = Gcm::new(keys.key.bytes().into())
            .encrypt_inout_detached((&header.nonce()).into(), aad, InOutBuf::from(text))
            .expect("a telegram is smaller than 64 GiB");
        frame.extend_from_slice(&tag);
    } else {
        keystream(keys, &header, text);
    }
    frame
}
