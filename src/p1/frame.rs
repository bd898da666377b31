//! The framer: a stream of bytes in, proven telegrams and rejections out.
//!
//! A push state machine. It resynchronises by itself, keeps at most one telegram of at most
//! [`FramerSettings::max_bytes`], looks at every byte a bounded number of times, and gives the same events
//! for the same bytes however they are cut into chunks. A telegram that lies whole within one chunk is
//! delivered from there, without a copy.

mod event;

pub use event::{CrcPolicy, Event, Frame, FramerSettings, Proof, RejectReason, Rejected};

use super::cipher::Keys;
use super::crc::crc16;
use super::scan::{self, Before, End, Scan};

/// Finds telegrams in a stream of bytes.
#[derive(Debug, Clone)]
pub struct Framer {
    settings: FramerSettings,
    /// What opens encrypted telegrams.
    #[expect(dead_code, reason = "read once frames are opened")]
    keys: Option<Keys>,
    /// The open telegram, when one is carried from chunk to chunk; its first byte is its `/`.
    open: Vec<u8>,
    /// How far the open telegram was looked through.
    seen: usize,
    /// Where the next byte pushed stands in the stream.
    position: u64,
    /// What stands in front of it, when no telegram is open.
    before: Before,
}

impl Framer {
    /// A framer at the start of a stream.
    pub fn new(settings: FramerSettings) -> Self {
        let settings = FramerSettings { max_bytes: settings.max_bytes.max(16), ..settings };
        Self { settings, keys: None, open: Vec::new(), seen: 0, position: 0, before: Before::LINE }
    }

    /// The same framer, which opens encrypted telegrams with `keys`.
    #[must_use]
    pub fn with_keys(self, keys: Option<Keys>) -> Self {
        Self { keys, ..self }
    }

    /// Back to the start of a stream; what is open is forgotten.
    pub fn reset(&mut self) {
        self.open.clear();
        self.seen = 0;
        self.position = 0;
        self.before = Before::LINE;
    }

    /// Takes the next bytes of the stream and calls `on` with what they bring to an end.
    pub fn push(&mut self, bytes: &[u8], on: &mut impl FnMut(Event<'_>)) {
        if !self.settings.mask_bit7 {
            return self.take(bytes, on);
        }
        let mut block = [0u8; 512];
        for chunk in bytes.chunks(block.len()) {
            let masked = &mut block[..chunk.len()];
            for (to, from) in masked.iter_mut().zip(chunk) {
                *to = from & 0x7F;
            }
            self.take(masked, on);
        }
    }

    /// The stream ended, or the line has been silent for more than a second: a telegram without an end mark
    /// is closed when it is of a kind without a CRC, else rejected as truncated. The stream may go on; a `/`
    /// then begins a telegram.
    pub fn finish(&mut self, on: &mut impl FnMut(Event<'_>)) {
        let open = std::mem::take(&mut self.open);
        let offset = self.position - open.len() as u64;
        let mut rest = &open[..];
        // What is behind the end mark is at most half a line end, so there is no second telegram in it.
        if !rest.is_empty() {
            match scan::end(rest, self.seen, true) {
                Scan::End(end) => {
                    rest = &rest[..end.end];
                    self.close(rest, offset, end, on);
                }
                Scan::More(_) | Scan::Restart(_) => self.close_without_mark(rest, offset, on),
            }
        }
        // The allocation is kept for the next telegram.
        self.open = open;
        self.open.clear();
        self.seen = 0;
        self.before = Before::LINE;
    }

    fn take(&mut self, mut bytes: &[u8], on: &mut impl FnMut(Event<'_>)) {
        while !bytes.is_empty() {
            let used = if self.open.is_empty() { self.begin(bytes, on) } else { self.carry_on(bytes, on) };
            bytes = &bytes[used..];
        }
    }

    /// No telegram is open: finds the next one in `bytes`; the number of bytes dealt with.
    fn begin(&mut self, bytes: &[u8], on: &mut impl FnMut(Event<'_>)) -> usize {
        let Some(start) = scan::start(bytes, self.before) else {
            self.before = self.before.after(bytes);
            self.position += bytes.len() as u64;
            return bytes.len();
        };
        self.position += start as u64;
        let bytes = &bytes[start..];
        let view = &bytes[..bytes.len().min(self.settings.max_bytes)];
        let used = match scan::end(view, 0, false) {
            Scan::More(seen) if view.len() < self.settings.max_bytes => {
                self.open.extend_from_slice(view);
                self.seen = seen;
                view.len()
            }
            scan => self.settle(view, scan, on),
        };
        self.position += used as u64;
        start + used
    }

    /// A telegram is open: goes on with it in `bytes`; the number of bytes dealt with.
    fn carry_on(&mut self, bytes: &[u8], on: &mut impl FnMut(Event<'_>)) -> usize {
        let carried = self.open.len();
        let more = bytes.len().min(self.settings.max_bytes - carried);
        self.open.extend_from_slice(&bytes[..more]);
        let used = match scan::end(&self.open, self.seen, false) {
            Scan::More(seen) if self.open.len() < self.settings.max_bytes => {
                self.seen = seen;
                more
            }
            scan => {
                let open = std::mem::take(&mut self.open);
                self.position -= carried as u64;
                let used = self.settle(&open, scan, on);
                self.position += carried as u64;
                self.open = open;
                self.open.clear();
                self.seen = 0;
                // The end lies in the new bytes, or right behind the old ones: else it had been found before.
                used - carried
            }
        };
        self.position += used as u64;
        used
    }

    /// The telegram in `view`, which begins at `self.position`, came to an end of some kind; the number of
    /// its bytes.
    fn settle(&mut self, view: &[u8], scan: Scan, on: &mut impl FnMut(Event<'_>)) -> usize {
        let offset = self.position;
        match scan {
            Scan::End(end) => {
                self.close(&view[..end.end], offset, end, on);
                self.before = Before::LINE;
                end.end
            }
            Scan::Restart(at) => {
                self.close_without_mark(&view[..at], offset, on);
                self.before = Before::LINE;
                at
            }
            Scan::More(_) => {
                let bytes = view.len();
                on(Event::Rejected(Rejected { reason: RejectReason::Oversize, offset, bytes, seal: None }));
                self.before = self.before.after(view);
                bytes
            }
        }
    }

    fn close(&self, bytes: &[u8], offset: u64, end: End, on: &mut impl FnMut(Event<'_>)) {
        let End { mark, digits, crooked, .. } = end;
        let computed = crc16(&bytes[..=mark]);
        let in_file = bytes[mark + 1..mark + 1 + digits].iter().fold(0, |crc, &digit| {
            let value = char::from(digit).to_digit(16).unwrap_or_default();
            crc << 4 | value as u16
        });
        let reject = |reason| Some(Rejected { reason, offset, bytes: bytes.len(), seal: None });
        let (proof, rejected) = if digits == 0 && crooked {
            (Proof::Failed, reject(RejectReason::CrcUnreadable { computed }))
        } else if digits == 0 {
            let required = self.settings.crc == CrcPolicy::Require;
            (Proof::Absent, if required { reject(RejectReason::NoCrc) } else { None })
        } else if in_file == computed && !crooked {
            (Proof::Verified, None)
        } else {
            (Proof::Failed, reject(RejectReason::Crc { in_file, computed }))
        };
        match rejected {
            Some(rejected) if self.settings.crc != CrcPolicy::Ignore => on(Event::Rejected(rejected)),
            _ => on(Event::Frame(Frame {
                bytes,
                offset,
                ident_end: ident_end(bytes),
                mark: Some(mark),
                digits,
                computed: Some(computed),
                proof,
                sealed: None,
            })),
        }
    }

    /// A telegram ended without an end mark. Some meters of DSMR 2 never send one; but a telegram that should
    /// have a CRC, or that stops in the middle of a line, was cut.
    fn close_without_mark(&self, bytes: &[u8], offset: u64, on: &mut impl FnMut(Event<'_>)) {
        let whole = match self.settings.crc {
            CrcPolicy::Ignore => true,
            CrcPolicy::Require => false,
            CrcPolicy::Auto => ends_with_an_object(bytes) && !has_crc_by_its_objects(bytes),
        };
        if whole {
            let ident_end = ident_end(bytes);
            on(Event::Frame(Frame {
                bytes,
                offset,
                ident_end,
                mark: None,
                digits: 0,
                computed: None,
                proof: Proof::Absent,
                sealed: None,
            }));
        } else {
            let bytes = bytes.len();
            on(Event::Rejected(Rejected { reason: RejectReason::Truncated, offset, bytes, seal: None }));
        }
    }
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

#[cfg(test)]
mod tests;
