//! What a telegram is worth that came to an end: its CRC, or that it was cut.

use super::event::{CrcPolicy, Frame, Proof, RejectReason};
use crate::p1::cipher;
use crate::p1::crc::crc16;
use crate::p1::scan::End;

/// A telegram with an end mark, and why it is not delivered, if so. Its place in the stream is for the caller
/// to fill in.
#[inline]
pub(super) fn marked(bytes: &[u8], end: End, policy: CrcPolicy) -> (Frame<'_>, Option<RejectReason>) {
    let End { mark, digits, crooked, .. } = end;
    let computed = crc16(&bytes[..=mark]);
    let in_file = crc_in_file(bytes, end);
    let (proof, reason) = if digits == 0 && crooked {
        (Proof::Failed, Some(RejectReason::CrcUnreadable { computed }))
    } else if digits == 0 {
        (Proof::Absent, (policy == CrcPolicy::Require).then_some(RejectReason::NoCrc))
    } else if in_file == computed && !crooked {
        (Proof::Verified, None)
    } else {
        (Proof::Failed, Some(RejectReason::Crc { in_file, computed }))
    };
    let frame = Frame {
        bytes,
        offset: 0,
        ident_end: ident_end(bytes),
        mark: Some(mark),
        digits,
        computed: Some(computed),
        proof,
        sealed: None,
    };
    (frame, reason.filter(|_| policy != CrcPolicy::Ignore))
}

/// A telegram without an end mark, and why it is not delivered, if so. Some meters of DSMR 2 never send one;
/// but a telegram that should have a CRC, or that stops in the middle of a line, was cut.
pub(super) fn unmarked(bytes: &[u8], policy: CrcPolicy) -> (Frame<'_>, Option<RejectReason>) {
    let whole = match policy {
        CrcPolicy::Ignore => true,
        CrcPolicy::Require => false,
        CrcPolicy::Auto => ends_with_an_object(bytes) && !has_crc_by_its_objects(bytes),
    };
    let frame = Frame {
        bytes,
        offset: 0,
        ident_end: ident_end(bytes),
        mark: None,
        digits: 0,
        computed: None,
        proof: Proof::Absent,
        sealed: None,
    };
    (frame, (!whole).then_some(RejectReason::Truncated))
}

/// What else may be said of a telegram whose CRC did not verify: that nobody can read it, or that it is no P1. In
/// mode C of IEC 62056-21 the reader acknowledges the identification with ACK, and the meter begins its data with
/// STX and ends them with a check of its own; mode D, which P1 is made from, has none of these.
pub(super) fn unproven(
    bytes: &[u8],
    reason: Option<RejectReason>,
    policy: CrcPolicy,
) -> Option<RejectReason> {
    if cipher::foreign(bytes) {
        return Some(RejectReason::ForeignCipher);
    }
    // Read with a parity bit or without.
    let control = |end: usize| matches!(bytes.get(end + 1).map(|byte| byte & 0x7F), Some(0x02 | 0x06));
    let read_out = policy != CrcPolicy::Ignore && memchr::memchr_iter(b'\n', bytes).any(control);
    reason.or(read_out.then_some(RejectReason::NoCrc))
}

/// The number written behind the mark.
pub(super) fn crc_in_file(bytes: &[u8], end: End) -> u16 {
    bytes[end.mark + 1..end.mark + 1 + end.digits].iter().fold(0, |crc, &digit| {
        let value = char::from(digit).to_digit(16).unwrap_or_default();
        crc << 4 | value as u16
    })
}

fn ident_end(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).unwrap_or(bytes.len())
}

fn ends_with_an_object(bytes: &[u8]) -> bool {
    bytes.ends_with(b")\r\n") || bytes.ends_with(b")\n")
}

/// Whether the telegram holds what came with the CRC, in DSMR 4: a version, or a clock.
fn has_crc_by_its_objects(bytes: &[u8]) -> bool {
    [&b"\n1-3:0.2.8"[..], b"\n0-0:1.0.0", b"\n0-0:1.1.0", b"\n0-0:96.1.4"]
        .iter()
        .any(|object| memchr::memmem::find(bytes, object).is_some())
}
