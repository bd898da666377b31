//! From a proven frame to a reading.

use crate::meter::{Reading, UnixMillis};
use crate::p1::frame::Frame;
use crate::p1::telegram::Telegram;

/// What a frame says, and how many of its lines no grammar covers.
pub(super) fn interpret(frame: &Frame<'_>, received_at: UnixMillis, zone: &str) -> (Reading, u64) {
    let telegram = Telegram::read(frame);
    let _ = zone;
    let mut reading = Reading::new(received_at, crate::meter::Proof::Verified);
    reading.raw = Some(frame.bytes().into());
    (reading, telegram.unrecognised().len() as u64)
}
