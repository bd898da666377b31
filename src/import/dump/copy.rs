//! The text format of `COPY`: columns between tabs, `\N` for NULL, a backslash before what would end a value
//! (PostgreSQL's manual, COPY, "Text Format").

use super::Fields;

/// Splits a row into its values, which are put into `text` one after the other.
pub fn split(line: &[u8], text: &mut Vec<u8>, fields: &mut Fields) {
    text.clear();
    fields.clear();
    if memchr::memchr(b'\\', line).is_none() {
        text.extend_from_slice(line);
        let mut from = 0;
        for tab in memchr::memchr_iter(b'\t', line) {
            fields.push(Some((from, tab)));
            from = tab + 1;
        }
        fields.push(Some((from, line.len())));
        return;
    }
    for value in line.split(|byte| *byte == b'\t') {
        if value == b"\\N" {
            fields.push(None);
            continue;
        }
        let from = text.len();
        unescape(value, text);
        fields.push(Some((from, text.len())));
    }
}

/// Appends a value without its backslashes.
fn unescape(value: &[u8], text: &mut Vec<u8>) {
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        text.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let Some((&mark, behind)) = rest.split_first() else {
            text.push(b'\\');
            return;
        };
        rest = behind;
        match mark {
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'v' => text.push(11),
            b'0'..=b'7' => {
                let mut code = u32::from(mark - b'0');
                rest = digits(rest, 2, 8, &mut code);
                text.push((code & 0xff) as u8);
            }
            b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
                let mut code = 0;
                rest = digits(rest, 2, 16, &mut code);
                text.push(code as u8);
            }
            other => text.push(other),
        }
    }
    text.extend_from_slice(rest);
}

fn digits<'a>(mut rest: &'a [u8], most: usize, base: u32, code: &mut u32) -> &'a [u8] {
    for _ in 0..most {
        let Some(digit) = rest.first().and_then(|byte| char::from(*byte).to_digit(base)) else { break };
        *code = *code * base + digit;
        rest = &rest[1..];
    }
    rest
}

/// Writes a row, for tests of what reads it.
#[cfg(test)]
pub(super) fn join(values: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut line = Vec::new();
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            line.push(b'\t');
        }
        let Some(value) = value else {
            line.extend_from_slice(b"\\N");
            continue;
        };
        for byte in value {
            match byte {
                8 => line.extend_from_slice(b"\\b"),
                9 => line.extend_from_slice(b"\\t"),
                10 => line.extend_from_slice(b"\\n"),
                11 => line.extend_from_slice(b"\\v"),
                12 => line.extend_from_slice(b"\\f"),
                13 => line.extend_from_slice(b"\\r"),
                b'\\' => line.extend_from_slice(b"\\\\"),
                other => line.push(*other),
            }
        }
    }
    line
}
