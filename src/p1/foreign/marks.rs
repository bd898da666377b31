//! What the frames of other protocols look like, and the checks that make one sure.

use super::Protocol;

/// What bytes look like from their first one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    No,
    /// It takes more of them to tell.
    More,
    /// A frame of so many bytes.
    Like(Protocol, usize),
}

use Looks::{Like, More, No};

/// A message of IEC 62056-21 is waited for up to this length.
const MESSAGE: usize = 4_096;

const SOH: u8 = 0x01;
const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const ACK: u8 = 0x06;

/// Whether any frame begins with this byte. Those of IEC 62056-21 may come with a parity bit.
pub(super) fn may_begin(byte: u8) -> bool {
    const TABLE: [bool; 256] = {
        let mut table = [false; 256];
        let begin = [0x7E, 0x68, 0x1B, b'/', b'/' | 0x80, SOH, SOH | 0x80, STX, STX | 0x80, ACK, ACK | 0x80];
        let mut place = 0;
        while place < begin.len() {
            table[begin[place] as usize] = true;
            place += 1;
        }
        table
    };
    TABLE[usize::from(byte)]
}

/// What the first of `bytes` begins.
pub(super) fn look(bytes: &[u8]) -> Looks {
    match bytes {
        [0x7E, ..] => hdlc(bytes),
        [0x68, ..] => mbus(bytes),
        [0x1B, ..] => sml(bytes),
        [first, ..] => iec1107(first & 0x7F, bytes),
        [] => More,
    }
}

/// `7E A0 0C …`: frame format and length in two bytes, two addresses, a control byte, a check of all that, and
/// `7E` where the length says (DLMS Green Book, HDLC frame format type 3). The check at the end is not asked
/// for: a damaged frame is HDLC too.
fn hdlc(bytes: &[u8]) -> Looks {
    let [_, high, low, ..] = *bytes else {
        return if bytes.get(1).is_none_or(|high| high & 0xF0 == 0xA0) { More } else { No };
    };
    let length = usize::from(high & 0x07) << 8 | usize::from(low);
    if high & 0xF0 != 0xA0 || length < 9 {
        return No;
    }
    // The last byte of an address has its lowest bit set.
    let mut at = 3;
    for _address in 0..2 {
        let rest = &bytes[at..];
        let Some(last) = rest.iter().take(4).position(|byte| byte & 1 == 1) else {
            return if rest.len() < 4 { More } else { No };
        };
        at += last + 1;
    }
    // Behind the addresses comes the control byte.
    let check = at + 1;
    let Some(&[one, two]) = bytes.get(check..check + 2) else { return More };
    if crc_x25(&bytes[1..check]) != u16::from_le_bytes([one, two]) {
        return No;
    }
    match bytes.get(length + 1) {
        None => More,
        Some(0x7E) => Like(Protocol::Hdlc, length + 1),
        Some(_) => No,
    }
}

/// CRC-16/X-25 (ISO/IEC 13239), with which HDLC checks its header.
fn crc_x25(bytes: &[u8]) -> u16 {
    !bytes.iter().fold(0xFFFF, |crc: u16, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0x8408 } else { 0 })
    })
}

/// `68 LL LL 68 … checksum 16` (EN 13757-2, long frame).
fn mbus(bytes: &[u8]) -> Looks {
    let front = [bytes.get(1), bytes.get(2), bytes.get(3)];
    let [Some(&length), again, second] = front else { return More };
    if length < 3 || again.is_some_and(|&again| again != length) || second.is_some_and(|&byte| byte != 0x68) {
        return No;
    }
    let end = 4 + usize::from(length);
    let Some(&[checksum, stop]) = bytes.get(end..end + 2) else { return More };
    let sum = bytes[4..end].iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
    if sum == checksum && stop == 0x16 { Like(Protocol::Mbus, end + 2) } else { No }
}

/// The escape sequence and the start of a message in version 1 (BSI TR-03109, SML).
fn sml(bytes: &[u8]) -> Looks {
    fixed(bytes, &[0x1B, 0x1B, 0x1B, 0x1B, 1, 1, 1, 1], Protocol::Sml)
}

fn fixed(bytes: &[u8], wanted: &[u8], protocol: Protocol) -> Looks {
    if bytes.iter().zip(wanted).any(|(byte, wanted)| byte != wanted) {
        No
    } else if bytes.len() < wanted.len() {
        More
    } else {
        Like(protocol, wanted.len())
    }
}

/// The messages of IEC 62056-21 in mode C, with seven data bits read as seven or as eight: `first` is the first
/// byte without its parity bit.
fn iec1107(first: u8, bytes: &[u8]) -> Looks {
    let looks = match first {
        b'/' => request(bytes),
        ACK => acknowledgement(bytes),
        SOH => command(bytes),
        _ => data(bytes),
    };
    match looks {
        Like(_, length) if !seven_bits(&bytes[..length]) => No,
        looks => looks,
    }
}

/// Whether all bytes have the highest bit clear, or all have even parity.
fn seven_bits(bytes: &[u8]) -> bool {
    bytes.is_ascii() || bytes.iter().all(|byte| byte.count_ones() % 2 == 0)
}

/// `/?`, perhaps an address, `!` and a line end.
fn request(bytes: &[u8]) -> Looks {
    let plain = |at: usize| bytes.get(at).map(|byte| byte & 0x7F);
    match plain(1) {
        None => return More,
        Some(b'?') => {}
        Some(_) => return No,
    }
    for at in 2..36 {
        match plain(at) {
            None => return More,
            Some(b'!') => return line_end(bytes, at + 1),
            Some(byte) if byte.is_ascii_alphanumeric() || byte == b' ' => {}
            Some(_) => return No,
        }
    }
    No
}

/// `06`, three characters (protocol, baud rate, mode) and a line end.
fn acknowledgement(bytes: &[u8]) -> Looks {
    let fits = bytes.iter().skip(1).take(3).enumerate().all(|(place, byte)| match (place, byte & 0x7F) {
        (_, b'0'..=b'9') => true,
        (place, b'A'..=b'I') => place == 1,
        _ => false,
    });
    if fits { line_end(bytes, 4) } else { No }
}

fn line_end(bytes: &[u8], at: usize) -> Looks {
    let found = bytes.get(at..).unwrap_or_default();
    if found.iter().zip(b"\r\n").any(|(byte, wanted)| byte & 0x7F != *wanted) {
        No
    } else if found.len() < 2 {
        More
    } else {
        Like(Protocol::Iec1107, at + 2)
    }
}

/// `01`, a command letter and its kind, perhaps `02` and data, `03` and the check character.
fn command(bytes: &[u8]) -> Looks {
    let fits = bytes.iter().skip(1).take(3).enumerate().all(|(place, byte)| match (place, byte & 0x7F) {
        (0, byte) => b"RWPBE".contains(&byte),
        (1, byte) => byte.is_ascii_digit(),
        (_, byte) => byte == STX || byte == ETX,
    });
    if !fits {
        return No;
    }
    block(bytes, 3).map_or_else(|looks| looks, |(_, length)| Like(Protocol::Iec1107, length))
}

/// `02`, data sets, `03` and the check character. What is read out at once ends with `!` and a line end, an
/// answer with a bracket.
fn data(bytes: &[u8]) -> Looks {
    match block(bytes, 1) {
        Ok((text, length)) if ends(text, b"!\r\n") || ends(text, b")") => Like(Protocol::Iec1107, length),
        Ok(_) => No,
        Err(looks) => looks,
    }
}

fn ends(text: &[u8], wanted: &[u8]) -> bool {
    text.len() > wanted.len()
        && text[text.len() - wanted.len()..].iter().zip(wanted).all(|(byte, wanted)| byte & 0x7F == *wanted)
}

/// The text from `from` to an `03` whose check character is right, and the length with both.
fn block(bytes: &[u8], from: usize) -> Result<(&[u8], usize), Looks> {
    let text = |byte: u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | STX);
    let window = &bytes[..bytes.len().min(MESSAGE)];
    let Some(end) = window.iter().skip(from).position(|byte| !text(byte & 0x7F)).map(|end| from + end) else {
        return Err(if bytes.len() < MESSAGE { More } else { No });
    };
    if bytes[end] & 0x7F != ETX {
        return Err(No);
    }
    let Some(check) = bytes.get(end + 1) else { return Err(More) };
    let sum = bytes[1..=end].iter().fold(0, |sum, byte| sum ^ byte);
    if (sum ^ check) & 0x7F == 0 { Ok((&bytes[from..end], end + 2)) } else { Err(No) }
}
