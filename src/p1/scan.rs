//! Where a telegram may begin and where it ends in bytes; the framer's eyes, without memory.

/// How far back it is looked: the front of an M-Bus frame.
const BACK: usize = 9;

/// What stands in front of a byte: whether a telegram may begin there, and what it takes to tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// The last bytes; line ends where there were none.
    last: [u8; BACK],
}

impl Before {
    /// The start of a stream, the end of a telegram, or a silence: as good as a line end.
    pub(super) const LINE: Self = Self { last: [b'\n'; BACK] };

    /// What stands in front of the byte after `bytes`, when `self` stood in front of them.
    pub(super) fn after(mut self, bytes: &[u8]) -> Self {
        let new = &bytes[bytes.len().saturating_sub(BACK)..];
        self.last.copy_within(new.len().., 0);
        self.last[BACK - new.len()..].copy_from_slice(new);
        self
    }

    /// Whether a `/` here begins a telegram: at the start of a line, or right behind bytes that no text
    /// holds. Those are padding (NUL, 0xFF), line noise, or the negotiation of a telnet server, whose last
    /// byte may be printable.
    pub(super) fn starts(self) -> bool {
        let text = |byte: u8| matches!(byte, b' '..=b'~' | b'\t');
        let [.., before, last] = self.last;
        last == b'\n' || !text(last) || (!text(before) && before != b'\n' && before != b'\r')
    }

    /// Whether an encrypted frame here is the business of another protocol: behind the front of an M-Bus long
    /// frame (Austria's Kaifa), or behind the LLC header within an HDLC frame (Switzerland).
    pub(super) fn is_of_another_protocol(self) -> bool {
        matches!(self.last, [0x68, one, two, 0x68, ..] if one == two)
            || self.last.ends_with(&[0xE6, 0xE7, 0x00])
    }
}

/// The end of a telegram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The index of its `!`.
    pub(super) mark: usize,
    /// How many hex digits follow, at most four.
    pub(super) digits: usize,
    /// Whether something other than a line end stands where a digit should.
    pub(super) crooked: bool,
    /// The index behind its last byte, line end included.
    pub(super) end: usize,
}

/// What an open telegram has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// Not at its end; the next scan may start from here.
    More(usize),
    /// At its end.
    End(End),
    /// A line that begins with `/` stands at this index: the telegram was cut short.
    Restart(usize),
}

/// Looks for the end of the telegram that begins with the first of `bytes`, from index `from` on.
/// `complete`: nothing follows these bytes.
///
/// A `!` ends it at the start of a line, or between a `)` and a CRC (Aidon writes it on the last object's line).
pub(super) fn end(bytes: &[u8], from: usize, complete: bool) -> Scan {
    // The first byte is the telegram's own `/`.
    let from = from.max(1);
    let Some(rest) = bytes.get(from..) else { return Scan::More(from) };
    let mut line_end = None;
    for at in memchr::memchr2_iter(b'!', b'/', rest) {
        let at = from + at;
        match (bytes[at], bytes[at - 1]) {
            (b'/', b'\n') => return Scan::Restart(at),
            (b'!', b'\n') => return tail(bytes, at, complete).map_or(Scan::More(at), Scan::End),
            (b'!', b')') => {
                // Not in the identification, and only with a CRC: with one bit wrong, `))` and a line end are
                // `)!` and a line end.
                match bytes.get(at + 1) {
                    Some(byte) if byte.is_ascii_hexdigit() => {}
                    None if !complete => return Scan::More(at),
                    _ => continue,
                }
                let line =
                    *line_end.get_or_insert_with(|| memchr::memchr(b'\n', bytes).unwrap_or(bytes.len()));
                if line < at {
                    return tail(bytes, at, complete).map_or(Scan::More(at), Scan::End);
                }
            }
            _ => {}
        }
    }
    Scan::More(bytes.len())
}

/// What follows the `!` at `mark`; `None` when that takes more bytes to tell.
fn tail(bytes: &[u8], mark: usize, complete: bool) -> Option<End> {
    let rest = &bytes[mark + 1..];
    let digits = rest.iter().take(4).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let behind = mark + 1 + digits;
    let (crooked, end) = match &bytes[behind..] {
        [b'\n', ..] => (false, behind + 1),
        [b'\r', b'\n', ..] => (false, behind + 2),
        [b'\r', _, ..] => (false, behind + 1),
        [] | [b'\r'] if !complete => return None,
        [] | [b'\r'] => (false, bytes.len()),
        [_, ..] => (digits < 4, behind),
    };
    Some(End { mark, digits, crooked, end })
}
