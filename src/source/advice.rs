//! What the log advises, in words for someone with a meter cupboard.

use crate::p1::foreign::Protocol;
use crate::p1::frame::RejectReason;

pub(super) const NOISE: &str = "nothing that looks like a telegram: check `line` (115200 8N1 against 9600 7E1) and \
                                that the cable inverts the signal";
pub(super) const NOISE_NOW: &str =
    "noise where telegrams were a while ago: a loose cable, or another device on the port";
pub(super) const INVERTED: &str = "the signal is upside down: use a cable that inverts it (many FTDI cables can be \
                                   told to with FT_PROG: Invert RS232 Signals, RXD), or an inverter";
pub(super) const ENDLESS: &str = "telegrams without an end: check `line` and the cable; only a meter that sends \
                                  very long texts needs a larger `max_telegram`";
pub(super) const NO_CRC: &str = "telegrams without a CRC where one is required";
pub(super) const ALL_DAMAGED: &str =
    "every telegram is damaged: check `line`, the cable, and that the signal is inverted once";
pub(super) const ALL_DAMAGED_WITH_PARITY: &str =
    "every telegram is damaged; the line carries parity bits: set `line` to a 7E1 setting";
pub(super) const SOME_DAMAGED: &str = "some telegrams are damaged: a long or loose cable, a weak 5 V supply, or a \
                                       computer too busy to read";
pub(super) const REPEATED: &str = "the frame counter of encrypted telegrams does not rise: something on the way sends \
                                   old ones again, or the meter got a new key";

/// What to do about encrypted telegrams that cannot be opened.
pub(super) fn key(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::NoKey => {
            "encrypted, and no key is given: set `key` or `key_file` for this meter; the grid company gives it to \
             the customer"
        }
        RejectReason::WrongAuthKey => {
            "the authentication key is wrong: set `auth_key` (in Austria the GAK); where it is right and the meter \
             reckons its tag in its own way, `allow_unverified_tag` accepts telegrams by their CRC alone"
        }
        RejectReason::ForeignCipher => {
            "encrypted in a way that only the grid company can read (Stoen, Poland): ask it for an open port"
        }
        _ => {
            "the key is wrong: nothing readable comes out; compare `key` digit by digit with what the grid company \
             sent, and mind that a new meter has a new key"
        }
    }
}

/// What to do about another protocol.
pub(super) fn foreign(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Hdlc => {
            "this is DLMS in HDLC frames (a HAN port of Norway, Denmark, Switzerland or Slovenia), not P1: dsmrd \
             cannot read it; ask the grid company whether the port can be set to P1 (DSMR)"
        }
        Protocol::Mbus => {
            "these are M-Bus frames with DLMS inside (meters of Kaifa and Iskra in Austria), not P1: dsmrd cannot \
             read them; a meter with a P1 port sends telegrams that begin with /"
        }
        Protocol::Iec1107 => {
            "this is IEC 62056-21 request and response (an optical or service port), not P1: dsmrd cannot read it; \
             plug the cable into the port marked P1"
        }
        Protocol::Sml => {
            "this is SML (meters of Germany), not P1: dsmrd cannot read it; use a reader for SML"
        }
    }
}
