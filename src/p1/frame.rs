//! The framer: a stream of bytes in, proven telegrams and rejections out.
//!
//! A push state machine. It resynchronises by itself, keeps at most one telegram of at most
//! [`FramerSettings::max_bytes`], looks at every byte a bounded number of times, and gives the same events
//! for the same bytes however they are cut into chunks. A telegram that lies whole within one chunk is
//! delivered from there, without a copy.
//!
//! A telegram begins with a `/`, or, encrypted, with the header of a frame; whichever comes first. What is
//! rejected is looked through again, for the next telegram may have begun within it.

mod close;
mod doubt;
mod event;
mod sealed;

pub use event::{CrcPolicy, Event, Frame, FramerSettings, Proof, RejectReason, Rejected};

use super::cipher::{Found, Header, Keys, Opener};
use super::scan::{self, Before, Scan};
use doubt::{Doubt, Looks};

/// Finds telegrams in a stream of bytes.
#[derive(Debug, Clone)]
pub struct Framer {
    settings: FramerSettings,
    /// What opens encrypted telegrams.
    opener: Option<Box<Opener>>,
    /// The text of the encrypted telegram at hand; kept for its allocation.
    plain: Vec<u8>,
    /// The open telegram, when one is carried from chunk to chunk; its first byte is its `/` or `DB`.
    open: Vec<u8>,
    /// How far the open telegram was looked through.
    seen: usize,
    /// Whether the open telegram was found to look like one, where that is asked.
    sure: bool,
    /// Where the next byte pushed stands in the stream.
    position: u64,
    /// What stands in front of it, or in front of the open telegram.
    before: Before,
    /// What is looked through again.
    doubt: Doubt,
}

impl Framer {
    /// A framer at the start of a stream.
    pub fn new(settings: FramerSettings) -> Self {
        Self {
            settings: FramerSettings { max_bytes: settings.max_bytes.max(16), ..settings },
            opener: None,
            plain: Vec::new(),
            open: Vec::new(),
            seen: 0,
            sure: false,
            position: 0,
            before: Before::LINE,
            doubt: Doubt::NONE,
        }
    }

    /// The same framer, which opens encrypted telegrams with `keys`.
    #[must_use]
    pub fn with_keys(self, keys: Option<Keys>) -> Self {
        Self { opener: keys.map(|keys| Box::new(Opener::new(keys))), ..self }
    }

    /// Back to the start of a stream; what is open is forgotten. The frame counters of encrypted telegrams are
    /// not: it is the same meter.
    pub fn reset(&mut self) {
        self.forget_open();
        self.position = 0;
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
    /// is closed when it is of a kind without a CRC, else rejected as truncated, and so is an encrypted one
    /// whose bytes did not all come. The stream may go on; a `/` then begins a telegram.
    pub fn finish(&mut self, on: &mut impl FnMut(Event<'_>)) {
        // Behind the start of the telegram that was cut another one may be open.
        while !self.open.is_empty() {
            let open = std::mem::take(&mut self.open);
            let used = self.settle_open(&open, true, on).unwrap_or(open.len());
            self.take_again(open, used, on);
        }
        self.forget_open();
    }

    fn forget_open(&mut self) {
        self.open.clear();
        self.seen = 0;
        self.sure = false;
        self.before = Before::LINE;
        self.doubt.active = false;
    }

    fn take(&mut self, mut bytes: &[u8], on: &mut impl FnMut(Event<'_>)) {
        while !bytes.is_empty() {
            let used = if self.open.is_empty() { self.begin(bytes, on) } else { self.carry_on(bytes, on) };
            bytes = &bytes[used..];
        }
    }

    /// No telegram is open: finds the next one in `bytes`; the number of bytes dealt with.
    fn begin(&mut self, bytes: &[u8], on: &mut impl FnMut(Event<'_>)) -> usize {
        let start = self.start(bytes);
        let view = &bytes[start..];
        let view = &view[..view.len().min(self.settings.max_bytes)];
        self.position += start as u64;
        if view.is_empty() {
            return start;
        }
        let used = self.judge(view, false, on).unwrap_or_else(|| {
            self.open.extend_from_slice(view);
            view.len()
        });
        self.position += used as u64;
        start + used
    }

    /// A telegram is open: goes on with it in `bytes`; the number of bytes dealt with.
    fn carry_on(&mut self, bytes: &[u8], on: &mut impl FnMut(Event<'_>)) -> usize {
        let carried = self.open.len();
        let more = bytes.len().min(self.settings.max_bytes - carried);
        self.open.extend_from_slice(&bytes[..more]);
        self.position += more as u64;
        let open = std::mem::take(&mut self.open);
        match self.settle_open(&open, false, on) {
            None => {
                self.open = open;
                more
            }
            // The end lies in the new bytes: what is behind it is taken from there.
            Some(used) if used >= carried => {
                self.position -= (open.len() - used) as u64;
                self.open = open;
                self.open.clear();
                used - carried
            }
            Some(used) => {
                self.take_again(open, used, on);
                more
            }
        }
    }

    /// Judges the bytes carried, behind which the position is.
    fn settle_open(&mut self, open: &[u8], complete: bool, on: &mut impl FnMut(Event<'_>)) -> Option<usize> {
        self.position -= open.len() as u64;
        let used = self.judge(open, complete, on);
        self.position += open.len() as u64;
        used
    }

    /// Takes the bytes carried once more, but for those that were dealt with.
    fn take_again(&mut self, mut open: Vec<u8>, used: usize, on: &mut impl FnMut(Event<'_>)) {
        self.position -= (open.len() - used) as u64;
        self.take(&open[used..], on);
        if self.open.is_empty() {
            // The allocation is kept for the next telegram.
            open.clear();
            self.open = open;
        }
    }

    /// The index in `bytes`, which begin at the position, where a telegram may begin; their number when none
    /// does.
    fn start(&mut self, bytes: &[u8]) -> usize {
        let mut from = 0;
        if self.doubt.active {
            let doubtful = self.doubt.until.saturating_sub(self.position).min(bytes.len() as u64) as usize;
            let found = memchr::memchr2_iter(b'/', 0xDB, &bytes[..doubtful]).find(|&at| match bytes[at] {
                b'/' => {
                    self.position + at as u64 >= self.doubt.idents_from
                        && doubt::ident(&bytes[at..], false) != Looks::No
                }
                _ => self.is_frame(bytes, at),
            });
            if let Some(at) = found {
                self.before = self.before.after(&bytes[..at]);
                return at;
            }
            if self.position + (doubtful as u64) < self.doubt.until {
                self.before = self.before.after(bytes);
                return bytes.len();
            }
            self.doubt.active = false;
            self.before = self.doubt.before;
            from = doubtful;
        }
        let fresh = &bytes[from..];
        // The common case: telegram behind telegram.
        if fresh.first() == Some(&b'/') && self.before.starts() {
            return from;
        }
        let found = memchr::memchr2_iter(b'/', 0xDB, fresh).find(|&at| match fresh[at] {
            b'/' => self.before.after(&fresh[..at]).starts(),
            _ => self.is_frame(fresh, at),
        });
        let at = found.unwrap_or(fresh.len());
        self.before = self.before.after(&fresh[..at]);
        from + at
    }

    /// Whether an encrypted frame begins, or may begin, at this index.
    fn is_frame(&self, bytes: &[u8], at: usize) -> bool {
        Header::find(&bytes[at..], self.settings.max_bytes) != Found::No
            && !self.before.after(&bytes[..at]).is_of_another_protocol()
    }

    /// What begins with `view`, at the position, came so far; the number of bytes dealt with, or `None` when
    /// more are needed. `complete`: no more come.
    fn judge(&mut self, view: &[u8], complete: bool, on: &mut impl FnMut(Event<'_>)) -> Option<usize> {
        if view[0] != b'/' {
            return self.judge_sealed(view, complete, on);
        }
        let full = view.len() == self.settings.max_bytes;
        if self.doubt.active && !self.sure {
            match doubt::ident(view, complete || full) {
                Looks::Yes => self.sure = true,
                Looks::More => return None,
                Looks::No => return Some(self.skip(view)),
            }
        }
        match scan::end(view, self.seen, complete) {
            Scan::More(seen) if !complete && !full => {
                self.seen = seen;
                None
            }
            scan => {
                self.seen = 0;
                self.sure = false;
                Some(self.settle(view, scan, complete, on))
            }
        }
    }

    /// No telegram begins here after all.
    fn skip(&mut self, view: &[u8]) -> usize {
        self.before = self.before.after(&view[..1]);
        1
    }

    /// The telegram in `view`, which begins at the position, came to an end of some kind; the number of bytes
    /// dealt with.
    fn settle(&mut self, view: &[u8], scan: Scan, complete: bool, on: &mut impl FnMut(Event<'_>)) -> usize {
        let policy = self.settings.crc;
        let (bytes, (frame, reason)) = match scan {
            Scan::End(end) => {
                let bytes = &view[..end.end];
                let (frame, reason) = close::marked(bytes, end, policy);
                let failed = frame.proof == Proof::Failed;
                match failed.then(|| doubt::verified_inside(bytes, end)).flatten() {
                    Some(at) => (&view[..at], close::unmarked(&view[..at], policy)),
                    None => (bytes, (frame, reason)),
                }
            }
            Scan::Restart(at) => (&view[..at], close::unmarked(&view[..at], policy)),
            Scan::More(_) if complete => (view, close::unmarked(view, policy)),
            Scan::More(_) => {
                let next = doubt::last_ident(view).unwrap_or(view.len());
                let before = self.before.after(view);
                let reason = close::unproven(view, Some(RejectReason::Oversize), policy);
                return self.reject(view, reason, next, before, on);
            }
        };
        let reason = match frame.proof {
            Proof::Verified => None,
            // Only what verifies is taken from bytes in doubt.
            _ if self.doubt.active => close::unproven(bytes, reason.or(Some(RejectReason::NoCrc)), policy),
            _ => close::unproven(bytes, reason, policy),
        };
        if reason.is_some() {
            return self.reject(bytes, reason, bytes.len(), Before::LINE, on);
        }
        self.deliver(Frame { offset: self.position, ..frame }, on);
        bytes.len()
    }

    /// A telegram, behind which the stream is read afresh.
    fn deliver(&mut self, frame: Frame<'_>, on: &mut impl FnMut(Event<'_>)) {
        self.doubt.active = false;
        self.before = Before::LINE;
        on(Event::Frame(frame));
    }

    /// `bytes` at the position are no telegram, and are looked through again from the second one: for frames,
    /// and from the index `next` on for identification lines.
    fn reject(
        &mut self,
        bytes: &[u8],
        reason: Option<RejectReason>,
        next: usize,
        before: Before,
        on: &mut impl FnMut(Event<'_>),
    ) -> usize {
        let offset = self.position;
        if let Some(reason) = reason {
            self.doubtful(Rejected { reason, offset, bytes: bytes.len(), seal: None }, before, on);
        }
        self.doubt.idents_from = self.doubt.idents_from.max(offset + next as u64);
        self.skip(bytes)
    }

    /// Tells of a rejection, unless it lies within an earlier one, and notes where it ends.
    fn doubtful(&mut self, rejected: Rejected, before: Before, on: &mut impl FnMut(Event<'_>)) {
        let until = rejected.offset + rejected.bytes as u64;
        let doubt = &mut self.doubt;
        if !doubt.active {
            *doubt = Doubt { active: true, ..Doubt::NONE };
        }
        if until > doubt.until {
            doubt.until = until;
            doubt.before = before;
            doubt.system_title = rejected.seal.map(|seal| seal.system_title);
            on(Event::Rejected(rejected));
        }
    }
}

#[cfg(test)]
mod tests;
