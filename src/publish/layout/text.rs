//! Payloads written straight into a buffer: no float, no allocation, nothing that formats twice.

use crate::p1::Decimal;
use crate::p1::timestamp::LocalTime;

/// Appends a whole number.
pub(super) fn whole(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a number of at least `width` digits.
fn padded(out: &mut Vec<u8>, number: u64, width: usize) {
    let digits = number.checked_ilog10().map_or(1, |log| log as usize + 1);
    out.extend(std::iter::repeat_n(b'0', width.saturating_sub(digits)));
    whole(out, number);
}

/// Appends a decimal with all its digits behind the point.
pub(super) fn decimal(out: &mut Vec<u8>, value: Decimal) {
    // A decimal's magnitude is a u64, its scale at most 19: sign, 20 digits and the point.
    let mut magnitude = value.mantissa().unsigned_abs() as u64;
    let scale = usize::from(value.scale());
    let mut digits = [0; 22];
    let mut at = digits.len();
    let mut written = 0;
    while magnitude > 0 || written <= scale {
        if written == scale && scale > 0 {
            at -= 1;
            digits[at] = b'.';
        }
        at -= 1;
        digits[at] = b'0' + (magnitude % 10) as u8;
        magnitude /= 10;
        written += 1;
    }
    if value.is_negative() {
        at -= 1;
        digits[at] = b'-';
    }
    out.extend_from_slice(&digits[at..]);
}

fn clock(out: &mut Vec<u8>, seconds_as_utc: i64) {
    let Some(time) = LocalTime::from_seconds_as_utc(seconds_as_utc, None) else {
        // Before 2000 or after 2099: no meter's time.
        out.extend_from_slice(b"1970-01-01T00:00:00");
        return;
    };
    padded(out, time.year.into(), 4);
    for (mark, part) in
        [(b'-', time.month), (b'-', time.day), (b'T', time.hour), (b':', time.minute), (b':', time.second)]
    {
        out.push(mark);
        padded(out, part.into(), 2);
    }
}

/// Appends an instant as RFC 3339 in UTC.
pub(super) fn utc(out: &mut Vec<u8>, seconds: i64) {
    clock(out, seconds);
    out.push(b'Z');
}

/// Appends an instant in UTC with milliseconds, unless there are none.
pub(super) fn utc_millis(out: &mut Vec<u8>, millis: i64) {
    clock(out, millis.div_euclid(1_000));
    let fraction = millis.rem_euclid(1_000).unsigned_abs();
    if fraction != 0 {
        out.push(b'.');
        padded(out, fraction, 3);
    }
    out.push(b'Z');
}

/// Appends an instant in local time, `offset` seconds east of Greenwich.
pub(super) fn with_offset(out: &mut Vec<u8>, seconds: i64, offset: i32) {
    clock(out, seconds + i64::from(offset));
    out.push(if offset < 0 { b'-' } else { b'+' });
    let minutes = u64::from(offset.unsigned_abs() / 60);
    padded(out, minutes / 60, 2);
    out.push(b':');
    padded(out, minutes % 60, 2);
}

/// Appends a local time of which nobody told the offset.
pub(super) fn local(out: &mut Vec<u8>, time: LocalTime) {
    clock(out, time.seconds_as_utc());
}

/// Appends a JSON string.
pub(super) fn json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            c if u32::from(c) < 0x20 => {
                let digit = |n: u32| char::from_digit(n & 15, 16).unwrap_or('0') as u8;
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(u32::from(c) >> 4), digit(u32::from(c))]);
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn times() {
        assert_eq!(written(|out| utc(out, 1_795_229_118)), "2026-11-21T02:45:18Z");
        assert_eq!(written(|out| utc_millis(out, 1_795_229_118_007)), "2026-11-21T02:45:18.007Z");
        assert_eq!(written(|out| utc_millis(out, 1_795_229_118_000)), "2026-11-21T02:45:18Z");
        assert_eq!(written(|out| with_offset(out, 1_795_229_118, 3_600)), "2026-11-21T03:45:18+01:00");
        assert_eq!(written(|out| with_offset(out, 1_795_229_118, -12_600)), "2026-11-20T23:15:18-03:30");
    }

    proptest! {
        #[test]
        fn decimals_as_display_writes_them(negative: bool, magnitude: u64, scale in 0u8..=19) {
            let value = Decimal::from_parts(negative, magnitude, scale).expect("a scale in range");
            prop_assert_eq!(written(|out| decimal(out, value)), value.to_string());
        }

        #[test]
        fn json_strings_read_back(text: String) {
            let read: String = serde_json::from_str(&written(|out| json_string(out, &text))).expect("JSON");
            prop_assert_eq!(read, text);
        }
    }
}
