//! Messages to the customer: hex of a text, or the text itself.

use super::reading::{Reading, latin1};
use super::register::Field;

/// What a message says; `None` when it says nothing: it is empty, blank, or nothing but `FF` or `00` bytes, in
/// hex or not, which some meters fill an unused message with.
///
/// The standard writes messages as hex (DSMR P1 5.0.2, `0-0:96.13.0`), some meters as they are. Hex is undone
/// when the bytes it stands for are text in UTF-8 or Latin-1; hex of an odd length, and hex of anything but
/// text, stays as it is.
pub fn decode(text: &[u8]) -> Option<String> {
    let text = trimmed(text);
    let message = match bytes_of_hex(text) {
        // A message of hex digits that stands for padding alone says nothing.
        Some(bytes) if trimmed(&bytes).is_empty() => return None,
        Some(bytes) => readable(trimmed(&bytes)).unwrap_or_else(|| latin1(text)),
        None => readable(text).unwrap_or_else(|| latin1(text)),
    };
    (!message.trim().is_empty()).then_some(message)
}

/// Without the bytes that fill a message up.
fn trimmed(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !matches!(byte, 0x00 | 0xFF)).map_or(0, |last| last + 1);
    &text[..end]
}

/// The bytes that `text` writes in hex; `None` when it is no even number of hex digits.
fn bytes_of_hex(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    text.chunks_exact(2).map(|pair| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8)).collect()
}

/// The bytes as text, if that is what they are: UTF-8, else Latin-1, without control characters other than
/// line ends and tabs.
fn readable(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).map_or_else(|_| latin1(bytes), str::to_owned);
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars().all(is_text).then_some(text)
}

impl Reading {
    /// What a message says; `None` when the telegram lacks it or it says nothing. For [`Field::MessageText`],
    /// [`Field::MessageCode`] and the messages for consumers 2 to 5.
    pub fn message(&self, field: Field) -> Option<String> {
        decode(self.text(field)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &[u8]) -> Option<String> {
        decode(text)
    }

    #[test]
    fn hex_and_plain_text() {
        for (text, message) in [
            (&b"48656C6C6F"[..], "Hello"),
            (b"3031203631203831", "01 61 81"),
            (
                b"(test-/-test)".strip_prefix(b"(").and_then(|t| t.strip_suffix(b")")).expect("there"),
                "test-/-test",
            ),
            // Of an odd length, and of what is no text.
            (b"48656C6C6F2", "48656C6C6F2"),
            (b"0102", "0102"),
            // "Zähler" in UTF-8 and in Latin-1, as hex and as it is.
            (b"5AC3A4686C6572", "Z\u{e4}hler"),
            (b"5AE4686C6572", "Z\u{e4}hler"),
            (b"Z\xC3\xA4hler", "Z\u{e4}hler"),
            (b"Z\xE4hler", "Z\u{e4}hler"),
            // Filled up.
            (b"48690000FFFF", "Hi"),
            (b"Hi\0\0\xFF", "Hi"),
            (b"486F0D0A486F", "Ho\r\nHo"),
        ] {
            assert_eq!(said(text).as_deref(), Some(message), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn what_says_nothing() {
        let filled = [0xFF; 1_024];
        let texts: [&[u8]; 7] = [b"", b"FFFFFFFF", b"ffff", b"00000000", &filled, b"   ", b"2020"];
        for text in texts {
            assert_eq!(said(text), None, "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn the_hex_of_a_text_is_that_text(text in "[ -~\u{a1}-\u{ff}]{0,60}[!-~]") {
            let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
            prop_assert_eq!(said(hex.as_bytes()), Some(text));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some(message) = said(&text) {
                prop_assert!(!message.trim().is_empty());
            }
        }
    }
}
