//! Other protocols that come out of the same plug: they are named to the user and never half-read.

use std::fmt;

mod marks;

use marks::Looks;

/// A protocol that is not P1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// DLMS in HDLC frames (`7E A0 … 7E`): Norway, Denmark, Switzerland, Slovenia's HAN-NVE.
    Hdlc,
    /// M-Bus long frames (`68 LL LL 68`), with DLMS inside: Austria's Kaifa and Iskra.
    Mbus,
    /// IEC 62056-21 mode C, request and response: an optical or service port (`/?!`).
    Iec1107,
    /// SML (`1B 1B 1B 1B 01 01 01 01`): Germany.
    Sml,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hdlc => "DLMS in HDLC frames, as HAN ports of Norway and Switzerland send it; not P1",
            Self::Mbus => "M-Bus frames with DLMS inside, as some meters of Austria send them; not P1",
            Self::Iec1107 => {
                "IEC 62056-21 request and response, as optical and service ports speak it; not P1"
            }
            Self::Sml => "SML, as meters of Germany send it; not P1",
        })
    }
}

/// Looks at a stream, in whatever pieces it comes, and tells which other protocol it is.
///
/// It names one when it saw a whole frame whose checks hold: of random bytes that happens once in many
/// gigabytes, and of telegrams never. It holds at most one frame back.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// What began like a frame and is not all there yet.
    held: Vec<u8>,
}

impl Watch {
    /// Looks at the next bytes; the protocol, once it is sure, and again whenever it is seen again.
    pub fn look(&mut self, bytes: &[u8]) -> Option<Protocol> {
        if self.held.is_empty() {
            let (named, rest) = walk(bytes);
            self.held.extend_from_slice(&bytes[rest..]);
            return named;
        }
        self.held.extend_from_slice(bytes);
        let (named, rest) = walk(&self.held);
        self.held.drain(..rest);
        named
    }

    /// A telegram came: what looked like another protocol was none.
    pub fn reset(&mut self) {
        self.held.clear();
    }
}

/// The last protocol named in `bytes`, and from where on they are to be looked at again with more of them.
fn walk(bytes: &[u8]) -> (Option<Protocol>, usize) {
    let mut named = None;
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|&byte| marks::may_begin(byte)) {
        at += next;
        match marks::look(&bytes[at..]) {
            Looks::No => at += 1,
            Looks::More => return (named, at),
            Looks::Like(protocol, length) => {
                named = Some(protocol);
                at += length;
            }
        }
    }
    (named, bytes.len())
}

#[cfg(test)]
mod tests;
