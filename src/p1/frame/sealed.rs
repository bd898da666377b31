//! Encrypted telegrams in the framer's stream.

use super::close;
use super::doubt::Doubt;
use super::event::{CrcPolicy, Event, Frame, Proof, RejectReason, Rejected};
use super::{Before, Framer};
use crate::p1::cipher::{Found, Header, Opener, Seal, Tag, readable};
use crate::p1::scan::{self, Scan};

/// What became of a frame that came whole.
enum Opened<'a> {
    /// It is delivered, and proven over so many bytes.
    Telegram(Frame<'a>, usize),
    /// It is not, but it was opened: it ends where it says.
    Sure(RejectReason, Seal),
    /// It is not, and its header may be wrong about all.
    Unsure(RejectReason, Seal),
}

impl Framer {
    /// As [`Framer::judge`], for what begins with `DB`.
    pub(super) fn judge_sealed(
        &mut self,
        view: &[u8],
        complete: bool,
        on: &mut impl FnMut(Event<'_>),
    ) -> Option<usize> {
        let header = match Header::find(view, self.settings.max_bytes) {
            Found::Header(header) => header,
            Found::More if !complete && view.len() < self.settings.max_bytes => return None,
            // The stream ends within what is a header as far as it goes.
            Found::More if view.len() > 1 => {
                let before = Before::LINE;
                return Some(self.reject(view, Some(RejectReason::Truncated), 0, before, on));
            }
            Found::More | Found::No => return Some(self.skip(view)),
        };
        let whole = view.len() >= header.total();
        let mut reads = true;
        if self.doubt.active {
            if !complete && !whole && view.len() < header.ciphertext_start() + 16 {
                return None;
            }
            reads = self.opener.as_ref().is_some_and(|opener| opener.reads(&header, view));
            if !reads && self.doubt.system_title.is_some_and(|title| title != header.system_title) {
                return Some(self.skip(view));
            }
        }
        if !whole && !complete {
            return None;
        }
        if !whole {
            let seal = header.seal(view, Tag::Unchecked);
            return Some(self.reject_sealed(view, RejectReason::Truncated, seal, on));
        }
        let wire = &view[..header.total()];
        let mut plain = std::mem::take(&mut self.plain);
        let used = match self.open_sealed(&header, wire, reads, &mut plain) {
            Opened::Telegram(frame, proven) => {
                let (offset, until) = (self.position, self.position + wire.len() as u64);
                self.deliver(frame, on);
                if proven < wire.len() {
                    // Without a right tag the rest may belong to the next frame.
                    let system_title = Some(header.system_title);
                    let idents_from = offset;
                    self.doubt =
                        Doubt { active: true, until, idents_from, system_title, before: Before::LINE };
                    self.before = self.before.after(&wire[..proven]);
                }
                proven
            }
            Opened::Sure(reason, seal) => {
                let (offset, bytes) = (self.position, wire.len());
                self.doubt = Doubt::NONE;
                self.before = Before::LINE;
                on(Event::Rejected(Rejected { reason, offset, bytes, seal: Some(seal) }));
                wire.len()
            }
            Opened::Unsure(reason, seal) => self.reject_sealed(wire, reason, seal, on),
        };
        self.plain = plain;
        Some(used)
    }

    /// A frame that was not opened: it may have been cut, and the next one of the same meter stand within it.
    fn reject_sealed(
        &mut self,
        wire: &[u8],
        reason: RejectReason,
        seal: Seal,
        on: &mut impl FnMut(Event<'_>),
    ) -> usize {
        let next = next_of_the_same(wire);
        let bytes = next.unwrap_or(wire.len());
        let rejected = Rejected { reason, offset: self.position, bytes, seal: Some(seal) };
        self.doubtful(rejected, Before::LINE, on);
        self.skip(wire)
    }

    /// Decrypts a frame into `plain` and judges what comes out. `reads`: its first block is worth a closer look.
    fn open_sealed<'a>(
        &mut self,
        header: &Header,
        wire: &'a [u8],
        reads: bool,
        plain: &'a mut Vec<u8>,
    ) -> Opened<'a> {
        let policy = self.settings.crc;
        let Some(opener) = self.opener.as_deref_mut() else {
            return Opened::Unsure(RejectReason::NoKey, header.seal(wire, Tag::Unchecked));
        };
        let tag = if reads { opener.open(header, wire, plain) } else { Tag::Wrong };
        // The next frame within this one: it was cut, and nothing that came out of it counts. A right tag needs no
        // such look, which would cost every telegram.
        if tag != Tag::Verified && next_of_the_same(wire).is_some() {
            return Opened::Unsure(RejectReason::Truncated, header.seal(wire, Tag::Unchecked));
        }
        let mut seal = header.seal(wire, tag);
        let text: &'a [u8] = if reads { plain } else { &[] };
        let unreadable = unreadable(opener, header);
        let Some((frame, reason, end)) = telegram(text, policy) else {
            return match tag {
                tag if tag.is_verified() => {
                    seal.counter = opener.note(header);
                    Opened::Sure(RejectReason::Truncated, seal)
                }
                _ if reads && readable(text) => Opened::Unsure(RejectReason::DamagedCipher, seal),
                _ => Opened::Unsure(unreadable, seal),
            };
        };
        let verified = frame.proof == Proof::Verified;
        let proof = match (tag, verified) {
            (tag, _) if tag.is_verified() => frame.proof,
            (_, true) if opener.allows_unverified_tag() => Proof::Unauthenticated,
            // The authentication key fits this meter: so it is the tag that is damaged.
            (Tag::Wrong, true) if opener.knows(header.system_title) => {
                return Opened::Unsure(RejectReason::DamagedCipher, seal);
            }
            (_, true) => return Opened::Unsure(RejectReason::WrongAuthKey, seal),
            (_, false) if !readable(text) => return Opened::Unsure(unreadable, seal),
            (_, false) if policy == CrcPolicy::Ignore => Proof::Failed,
            (Tag::Missing, false) => {
                return Opened::Unsure(reason.unwrap_or(RejectReason::NoCrc), seal);
            }
            (_, false) => return Opened::Unsure(RejectReason::DamagedCipher, seal),
        };
        if proof != Proof::Failed || tag.is_verified() {
            seal.counter = opener.note(header);
        }
        let proven = if tag.is_verified() { wire.len() } else { header.ciphertext_start() + end };
        match reason {
            Some(reason) => Opened::Sure(reason, seal),
            None => {
                let sealed = Some((wire, seal));
                Opened::Telegram(Frame { offset: self.position, proof, sealed, ..frame }, proven)
            }
        }
    }
}

/// Where the header of another frame of the same meter stands within a frame.
fn next_of_the_same(wire: &[u8]) -> Option<usize> {
    let front = wire.get(..10)?;
    memchr::memmem::find(&wire[1..], front).map(|at| at + 1)
}

/// Why a frame is rejected that nothing readable comes out of.
fn unreadable(opener: &Opener, header: &Header) -> RejectReason {
    // The key fits this meter: so it is the header, which the text depends on.
    if opener.knows(header.system_title) { RejectReason::DamagedCipher } else { RejectReason::WrongKey }
}

/// The telegram in a decrypted text, why it is not delivered, if so, and where it ends. Padding may stand around
/// it.
fn telegram(text: &[u8], policy: CrcPolicy) -> Option<(Frame<'_>, Option<RejectReason>, usize)> {
    let start = memchr::memchr(b'/', text)?;
    let text = &text[start..];
    let (frame, reason) = match scan::end(text, 0, true) {
        Scan::End(end) => close::marked(&text[..end.end], end, policy),
        Scan::Restart(at) => close::unmarked(&text[..at], policy),
        Scan::More(_) => close::unmarked(text, policy),
    };
    Some((frame, reason, start + frame.bytes().len()))
}

#[cfg(test)]
mod tests;
