//! Breakers, relays and valves: one coding for all of them.

use super::reading::{MbusDevice, Reading};
use super::register::Field;
use crate::p1::value;

/// The position of a breaker, a relay or a valve (DSMR P1 4.0, tables 6-1 and 6-3; COSEM disconnect control,
/// IEC 62056-6-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SwitchState {
    /// 0, `OFF`: nothing passes.
    Disconnected,
    /// 1, `ON`: it passes.
    Connected,
    /// 2: nothing passes until someone at the meter switches it on.
    ReadyForReconnection,
}

impl SwitchState {
    /// The position that a meter writes; `None` for what is none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.eq_ignore_ascii_case(b"on") {
            return Some(Self::Connected);
        }
        if text.eq_ignore_ascii_case(b"off") {
            return Some(Self::Disconnected);
        }
        Self::from_code(u8::try_from(value::whole(text)?).ok()?)
    }

    /// The position of a code.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Disconnected),
            1 => Some(Self::Connected),
            2 => Some(Self::ReadyForReconnection),
            _ => None,
        }
    }

    /// Its code: 0, 1 or 2.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// In words, of a breaker or a relay.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Connected => "connected",
            Self::ReadyForReconnection => "ready for reconnection",
        }
    }

    /// In words, of a valve.
    pub const fn valve_name(self) -> &'static str {
        match self {
            Self::Disconnected => "closed",
            Self::Connected => "open",
            Self::ReadyForReconnection => "released",
        }
    }
}

impl Reading {
    /// The position in a field of [`Kind::Switch`](super::Kind::Switch): [`Field::Breaker`], the relays,
    /// [`Field::BreakerState`].
    pub fn switch(&self, field: Field) -> Option<SwitchState> {
        SwitchState::parse(self.text(field)?)
    }
}

impl MbusDevice {
    /// The position of its valve or switch.
    pub fn valve_state(&self) -> Option<SwitchState> {
        SwitchState::from_code(self.valve?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_as_meters_write_them() {
        for (text, state) in [
            (&b"0"[..], Some(SwitchState::Disconnected)),
            (b"1", Some(SwitchState::Connected)),
            (b"002", Some(SwitchState::ReadyForReconnection)),
            (b"ON", Some(SwitchState::Connected)),
            (b"off", Some(SwitchState::Disconnected)),
            (b"", None),
            (b"3", None),
            (b"-1", None),
            (b"257", None),
            (b"1*A", None),
        ] {
            assert_eq!(SwitchState::parse(text), state, "{}", text.escape_ascii());
        }
        for code in 0..=2 {
            assert_eq!(SwitchState::from_code(code).map(SwitchState::code), Some(code));
        }
    }

    #[test]
    fn a_valve_of_an_unknown_code_has_no_position() {
        let device = |valve| MbusDevice { valve, ..MbusDevice::default() };
        assert_eq!(device(Some(2)).valve_state(), Some(SwitchState::ReadyForReconnection));
        assert_eq!(device(Some(9)).valve_state(), None);
        assert_eq!(device(None).valve_state(), None);
    }
}
