//! Other protocols that come out of the same plug: they are named to the user and never half-read.

use std::fmt;

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
#[derive(Clone, Debug, Default)]
pub struct Watch {}

impl Watch {
    /// Looks at the next bytes; the protocol, once it is sure, and again whenever it is seen again after
    /// [`Watch::reset`].
    pub fn look(&mut self, _bytes: &[u8]) -> Option<Protocol> {
        None
    }

    /// A telegram came: what looked like another protocol was none.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
