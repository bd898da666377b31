//! Logs that have telegrams in them, as bare telegrams: DSMR-reader's, which had them in base64, and those of programs
//! that put a time before each line (`ts`, ser2net, loggers of one's own).
//!
//! What a file is shows in its beginning. One that is neither passes through untouched, since an encrypted telegram is
//! no text.

use std::io::{self, BufRead, BufReader, Cursor, Read};

/// Bytes from the beginning of a file that tell what it is.
const HEAD: u64 = 256 * 1024;
/// A longer line is no line of a log; it is handed on in pieces.
const MAX_LINE: u64 = 1024 * 1024;
/// What stands before a telegram in base64 in DSMR-reader's log (versions 1 to 4).
const BASE64: &[u8] = b"(base64 encoded): ";

/// How telegrams are wrapped up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// Each in base64 in a line.
    Base64,
    /// With a time before each line.
    Stamped,
}

/// The telegrams of a file without what they are wrapped up in, and what that was.
///
/// # Errors
/// The file cannot be read.
pub fn bare(mut input: Box<dyn Read + Send>) -> io::Result<(Box<dyn Read + Send>, Option<Wrapping>)> {
    let mut head = Vec::new();
    Read::by_ref(&mut input).take(HEAD).read_to_end(&mut head)?;
    let wrapping = wrapping(&head);
    let input = Cursor::new(head).chain(input);
    Ok(match wrapping {
        None => (Box::new(input), None),
        Some(wrapping) => {
            let lines = BufReader::with_capacity(64 * 1024, input);
            (Box::new(Lines { lines, wrapping, line: Vec::new(), out: Vec::new(), at: 0 }), Some(wrapping))
        }
    })
}

fn wrapping(head: &[u8]) -> Option<Wrapping> {
    if memchr::memmem::find(head, BASE64).is_some() {
        return Some(Wrapping::Base64);
    }
    let mut lines = head.split(|byte| *byte == b'\n');
    let begins = |line: &[u8]| line.len() > 4 && line[0] == b'/';
    let stamped = lines.any(|line| unstamped(line).is_some_and(begins));
    let is_bare = head.split(|byte| *byte == b'\n').any(begins);
    (stamped && !is_bare).then_some(Wrapping::Stamped)
}

struct Lines<R> {
    lines: BufReader<R>,
    wrapping: Wrapping,
    line: Vec<u8>,
    out: Vec<u8>,
    at: usize,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.out.len() {
            self.line.clear();
            self.out.clear();
            self.at = 0;
            if Read::by_ref(&mut self.lines).take(MAX_LINE).read_until(b'\n', &mut self.line)? == 0 {
                return Ok(0);
            }
            match self.wrapping {
                Wrapping::Stamped => {
                    self.out.extend_from_slice(unstamped(&self.line).unwrap_or(&self.line));
                }
                Wrapping::Base64 => {
                    let Some(at) = memchr::memmem::find(&self.line, BASE64) else { continue };
                    let text = &self.line[at + BASE64.len()..];
                    decode(text.strip_prefix(b"b'").unwrap_or(text), &mut self.out);
                    self.out.extend_from_slice(b"\r\n");
                }
            }
        }
        let count = buffer.len().min(self.out.len() - self.at);
        buffer[..count].copy_from_slice(&self.out[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Appends what base64 says, up to its end or the first letter that is none: what is missing then is the framer's to
/// tell.
fn decode(text: &[u8], out: &mut Vec<u8>) {
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
}

/// What stands behind the time at the start of a line; none where there is no time, or nothing parts it from the rest.
fn unstamped(line: &[u8]) -> Option<&[u8]> {
    let mut rest = line.strip_prefix(b"[").unwrap_or(line);
    let clock = "00:00:00";
    let found = ["0000-00-00", "0000/00/00", "00-00-0000", "Aaa 00", "Aaa _0", "Aaa Aaa 00", "Aaa Aaa _0"]
        .iter()
        .filter_map(|day| shaped(rest, day))
        .find_map(|rest| shaped(rest.strip_prefix(b"T").or_else(|| rest.strip_prefix(b" "))?, clock));
    rest = found.or_else(|| shaped(rest, clock)).or_else(|| shaped(rest, "0000000000"))?;
    if let [b'.' | b',', digits @ ..] = rest {
        rest = &digits[digits.iter().take_while(|byte| byte.is_ascii_digit()).count()..];
    }
    let offsets = ["Z", "+00:00", "-00:00", "+0000", "-0000", " +0000", " UTC"];
    rest = offsets.iter().find_map(|offset| shaped(rest, offset)).unwrap_or(rest);
    rest = rest.strip_prefix(b"]").unwrap_or(rest);
    // Blanks and marks part it from the line; so does the end of one that has nothing more, which stays.
    let marks = rest.iter().take_while(|byte| b" \t:|>;,".contains(byte)).count();
    let ends = matches!(rest.first(), None | Some(b'\r' | b'\n'));
    (marks > 0 || ends).then_some(&rest[marks..])
}

/// What stands behind a text of a shape: `0` is a digit, `A` and `a` are letters, `_` is a space, others themselves.
fn shaped<'a>(text: &'a [u8], shape: &str) -> Option<&'a [u8]> {
    let fits = |(byte, shape): (&u8, u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        b'_' => *byte == b' ',
        other => *byte == other,
    };
    let (found, rest) = text.split_at_checked(shape.len())?;
    found.iter().zip(shape.bytes()).all(fits).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Option<Wrapping>) {
        let (mut input, wrapping) = bare(Box::new(Cursor::new(text.as_bytes().to_vec()))).expect("memory");
        let mut found = String::new();
        input.read_to_string(&mut found).expect("text");
        (found, wrapping)
    }

    #[test]
    fn times_before_lines_are_taken_off() {
        for stamp in [
            "2026-10-23 18:00:00 ",
            "2026-10-23T18:00:00.123Z ",
            "[2026-10-23 18:00:00,123] ",
            "[2026-10-23T18:00:00+02:00]\t",
            "2026/10/23 18:00:00: ",
            "Oct 23 18:00:00 ",
            "Oct  3 18:00:00.123456 ",
            "Fri Oct 23 18:00:00: ",
            "23-10-2026 18:00:00; ",
            "18:00:00.5 > ",
            "1792771200.123456 ",
        ] {
            let telegram = "/KFM5KAIFA-METER\r\n\r\n1-0:1.8.1(001234.500*kWh)\r\n!\r\n";
            let log: String = telegram.split_inclusive('\n').map(|line| format!("{stamp}{line}")).collect();
            assert_eq!(read(&log), (telegram.to_owned(), Some(Wrapping::Stamped)), "{stamp}");
            // An editor may have taken the blanks from the ends of lines.
            let trimmed = log.replace(&format!("{stamp}\r"), &format!("{}\r", stamp.trim_end_matches(' ')));
            assert_eq!(read(&trimmed).0, telegram, "{stamp}");
        }
    }

    #[test]
    fn what_is_bare_passes_untouched() {
        for text in
            ["/KFM5\r\n\r\n0-0:1.0.0(261023180000S)\r\n!\r\n", "2026-10-23 nothing\n", "", "\u{0}\u{1}/"]
        {
            assert_eq!(read(text), (text.to_owned(), None));
        }
    }

    #[test]
    fn base64_is_decoded_and_other_lines_left_out() {
        let log = "[2018-02-25 22:22:34,148] INFO @ services | Received telegram (base64 encoded): b'L0FCQw0KDQohDQo='\n\
                   [2018-02-25 22:22:35,148] INFO @ services | something else\n\
                   2019-02-25 22:22:44,148 INFO services Received telegram (base64 encoded): L0FC?\n";
        assert_eq!(read(log), ("/ABC\r\n\r\n!\r\n\r\n/AB\r\n".to_owned(), Some(Wrapping::Base64)));
    }
}
