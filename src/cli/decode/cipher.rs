//! What stood around an encrypted telegram, and what became of it, in words.

use serde_json::{Value as Json, json};

use dsmrd::p1::Proof;
use dsmrd::p1::cipher::{CounterStep, Seal, Tag};
use dsmrd::p1::frame::RejectReason;

use super::hex;

/// The `cipher` object. `verdict` is what became of the whole frame, `tag` of its authentication tag alone.
pub(super) fn json(seal: &Seal, verdict: &str, offset: u64) -> Json {
    json!({
        "verdict": verdict,
        "offset": offset,
        "system_title_hex": hex(&seal.system_title),
        "security_control": format!("{:02x}", seal.security_control),
        "frame_counter": seal.frame_counter,
        "counter": counter(seal.counter),
        "length_field": seal.length_field,
        "frame_bytes": seal.frame_bytes,
        "ciphertext_bytes": seal.ciphertext_bytes,
        "tag_hex": has_tag(seal).then(|| hex(&seal.tag_bytes)),
        "tag": tag(seal.tag),
    })
}

/// The verdict on a telegram that is delivered.
pub(super) fn verdict(proof: Proof, seal: &Seal) -> &'static str {
    match (proof, seal.tag) {
        (Proof::Verified, _) => "ok",
        (Proof::Unauthenticated, _) => "unauthenticated",
        (_, Tag::Wrong) => "damaged",
        (Proof::Absent, _) => "no-crc",
        (Proof::Failed, _) => "crc",
    }
}

/// Whether it has a tag, as far as it came: of a frame that was cut short the tag is not known.
fn has_tag(seal: &Seal) -> bool {
    match seal.tag {
        Tag::Verified | Tag::VerifiedWithoutAuthKey | Tag::Wrong => true,
        Tag::Missing => false,
        Tag::Unchecked => seal.tag_bytes != [0; 12],
    }
}

/// A reason in a word.
pub(super) fn reason(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::Crc { .. } => "crc",
        RejectReason::CrcUnreadable { .. } => "crc-unreadable",
        RejectReason::NoCrc => "no-crc",
        RejectReason::Truncated => "truncated",
        RejectReason::Oversize => "oversize",
        RejectReason::NoKey => "no-key",
        RejectReason::WrongKey => "wrong-key",
        RejectReason::WrongAuthKey => "wrong-auth-key",
        RejectReason::DamagedCipher => "damaged",
        RejectReason::ForeignCipher => "foreign-cipher",
    }
}

fn counter(step: CounterStep) -> &'static str {
    match step {
        CounterStep::First => "first",
        CounterStep::Rose => "rose",
        CounterStep::Repeated => "repeated",
        CounterStep::Fell => "fell",
    }
}

fn tag(tag: Tag) -> &'static str {
    match tag {
        Tag::Verified => "verified",
        Tag::VerifiedWithoutAuthKey => "verified-without-auth-key",
        Tag::Wrong => "wrong",
        Tag::Missing => "missing",
        Tag::Unchecked => "unchecked",
    }
}

/// The rows of the table, label and value.
pub(super) fn rows(seal: &Seal) -> Vec<(&'static str, String)> {
    let title: String = seal
        .system_title
        .iter()
        .map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '.' })
        .collect();
    let protection = match seal.security_control {
        0x30 => "AES-128-GCM with a tag".to_owned(),
        0x20 => "AES-128 without a tag".to_owned(),
        other => format!("security control {other:02x}"),
    };
    let tag = match seal.tag {
        Tag::Verified => "verified",
        Tag::VerifiedWithoutAuthKey => "verified; the meter leaves the authentication key out of it",
        Tag::Wrong => "WRONG",
        Tag::Missing => "none",
        Tag::Unchecked => "not checked, for want of a key",
    };
    vec![
        ("Encrypted", format!("{protection}, {} bytes", seal.frame_bytes)),
        ("  System title", format!("{} ({title})", hex(&seal.system_title))),
        ("  Frame counter", seal.frame_counter.to_string()),
        ("  Authentication tag", tag.to_owned()),
    ]
}

/// What is odd about the frame of a telegram that is delivered.
pub(super) fn warnings(seal: &Seal) -> Option<String> {
    let counter = seal.frame_counter;
    match seal.counter {
        CounterStep::First | CounterStep::Rose => None,
        CounterStep::Repeated => {
            Some(format!("the frame counter is {counter} again: this telegram was sent before"))
        }
        CounterStep::Fell => Some(format!(
            "the frame counter fell to {counter}: an old telegram was sent again, or the meter got a new key"
        )),
    }
}
