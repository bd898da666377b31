//! What the framer is told, and what it says.

use crate::p1::cipher::Seal;

/// How a telegram was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// Its CRC was verified.
    Verified,
    /// It has no CRC, as those of DSMR 2 and 3.
    Absent,
    /// Its CRC failed and it was asked for all the same; never stored.
    Failed,
    /// It was decrypted and its CRC verified, but not its authentication tag: the frame has none, or it is
    /// wrong and [`Keys::allow_unverified_tag`](crate::p1::cipher::Keys::allow_unverified_tag) says that it may be.
    Unauthenticated,
}

impl Proof {
    /// Its name in topics and exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Absent => "absent",
            Self::Failed => "failed",
            Self::Unauthenticated => "unauthenticated",
        }
    }
}

/// What to demand of a telegram's CRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum CrcPolicy {
    /// A CRC that is there must be right. One that is not makes the telegram [`Proof::Absent`].
    #[default]
    Auto,
    /// There must be a CRC, and it must be right.
    Require,
    /// Deliver everything; the frame's [`Proof`] tells.
    Ignore,
}

/// The framer's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FramerSettings {
    /// The largest telegram in bytes, from `/` to the line end behind the CRC. The largest seen has 2,523.
    pub max_bytes: usize,
    /// What to demand of the CRC.
    pub crc: CrcPolicy,
    /// Clear bit 7 of every byte: for a line of seven data bits that the port reads as eight.
    pub mask_bit7: bool,
}

impl Default for FramerSettings {
    fn default() -> Self {
        Self { max_bytes: 8_192, crc: CrcPolicy::Auto, mask_bit7: false }
    }
}

/// What the framer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A telegram.
    Frame(Frame<'a>),
    /// A telegram that is not delivered.
    Rejected(Rejected),
}

/// A telegram that is not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rejected {
    /// Why.
    pub reason: RejectReason,
    /// Where it began, in bytes from the start of the stream.
    pub offset: u64,
    /// How many bytes were dropped.
    pub bytes: usize,
    /// What stood around it, when it was encrypted.
    pub seal: Option<Seal>,
}

/// Why a telegram is not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// The CRC is another than the one of its bytes.
    Crc {
        /// The number behind the `!`.
        in_file: u16,
        /// The number of its bytes.
        computed: u16,
    },
    /// What stands behind the `!` is no hex number.
    CrcUnreadable {
        /// The number of its bytes.
        computed: u16,
    },
    /// It has no CRC, and one is demanded.
    NoCrc,
    /// The next telegram, a silence or the end of the stream came before its `!`.
    Truncated,
    /// It is larger than [`FramerSettings::max_bytes`].
    Oversize,
    /// It is encrypted, and there is no key.
    NoKey,
    /// It is encrypted with another key: nothing readable comes out.
    WrongKey,
    /// It decrypts to a telegram whose CRC verifies, but its tag is wrong (the authentication key is another, or
    /// the meter computes the tag in its own way) or missing: [`Seal::tag`](crate::p1::cipher::Seal::tag) tells.
    WrongAuthKey,
    /// It is encrypted with this key, and damaged: neither its tag nor the CRC within verifies.
    DamagedCipher,
    /// It is encrypted in a way that nobody outside the grid company can read (Stoen, Poland).
    ForeignCipher,
}

impl std::fmt::Display for RejectReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Crc { in_file, computed } => write!(f, "CRC is {in_file:04X}, should be {computed:04X}"),
            Self::CrcUnreadable { computed } => write!(f, "CRC is unreadable, should be {computed:04X}"),
            Self::NoCrc => f.write_str("no CRC, and one is required"),
            Self::Truncated => f.write_str("cut short: no end mark"),
            Self::Oversize => f.write_str("larger than the limit"),
            Self::NoKey => f.write_str("encrypted, and no key is given"),
            Self::WrongKey => f.write_str("encrypted with another key: nothing readable comes out"),
            Self::WrongAuthKey => f.write_str(
                "decrypted with a right CRC, but its authentication tag is wrong or missing: check the \
                 authentication key, or allow an unverified tag",
            ),
            Self::DamagedCipher => f.write_str("encrypted with this key, and damaged on its way"),
            Self::ForeignCipher => {
                f.write_str("encrypted in a way that only the grid company can read (Stoen, Poland)")
            }
        }
    }
}

/// A whole telegram, proven as its [`Proof`] says. Only the framer makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) offset: u64,
    pub(super) ident_end: usize,
    pub(super) mark: Option<usize>,
    pub(super) digits: usize,
    pub(super) computed: Option<u16>,
    pub(super) proof: Proof,
    /// The encrypted frame as received, and what stands around the telegram in it.
    pub(super) sealed: Option<(&'a [u8], Seal)>,
}

impl<'a> Frame<'a> {
    /// All its bytes, from `/` to the line end behind the CRC.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where it began, in bytes from the start of the stream.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The identification line, `/` included, without its line end.
    pub fn ident(&self) -> &'a [u8] {
        let line = &self.bytes[..self.ident_end];
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// What stands between the identification line and the end mark, line ends as sent.
    pub fn body(&self) -> &'a [u8] {
        let end = self.mark.unwrap_or(self.bytes.len());
        self.bytes.get(self.ident_end + 1..end).unwrap_or_default()
    }

    /// The bytes as they came over the wire: of an encrypted telegram the frame around it, else the telegram.
    pub fn wire(&self) -> &'a [u8] {
        self.sealed.map_or(self.bytes, |(wire, _)| wire)
    }

    /// What stood around it, when it was encrypted.
    pub fn seal(&self) -> Option<&Seal> {
        self.sealed.as_ref().map(|(_, seal)| seal)
    }

    /// How it was proven.
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// The CRC as written behind the end mark.
    pub fn crc_in_file(&self) -> Option<&'a [u8]> {
        let digits = self.mark? + 1;
        (self.digits > 0).then(|| &self.bytes[digits..digits + self.digits])
    }

    /// The CRC of its bytes from `/` to `!`; `None` without an end mark.
    pub fn crc_computed(&self) -> Option<u16> {
        self.computed
    }
}
