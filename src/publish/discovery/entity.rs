//! What Home Assistant is told of a topic: the kind of entity, its classes, its unit.
//!
//! Pairs of device class, state class and unit are those that Home Assistant takes (its `sensor/const.py`); a pair that it
//! does not know costs the whole component, so that none is given where there is doubt.

use std::borrow::Cow;

use crate::meter::Unit;

/// A kind of entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Platform {
    Sensor,
    BinarySensor,
}

impl Platform {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sensor => "sensor",
            Self::BinarySensor => "binary_sensor",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Sensor, Self::BinarySensor].into_iter().find(|platform| platform.name() == name)
    }
}

/// How the state follows from the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is the value.
    Value,
    /// It is the value as far as a state goes, which has 255 characters.
    Long,
    /// It is the value, an instant; a meter without summer time in its clock tells local time.
    Time,
    /// The value is the place of a word.
    Words(&'static [&'static str]),
    /// The value is one of these words.
    Word(&'static [&'static str]),
    /// `on` or `off`.
    Switch,
    /// The running period's JSON has it, with the start of the period.
    Cost(&'static str),
}

/// An entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entity {
    pub(super) platform: Platform,
    /// None takes the name of its device.
    pub(super) name: Option<Cow<'static, str>>,
    pub(super) device_class: Option<&'static str>,
    pub(super) state_class: Option<&'static str>,
    pub(super) unit: Option<Cow<'static, str>>,
    /// Digits behind the point.
    pub(super) precision: Option<usize>,
    pub(super) diagnostic: bool,
    /// Whether it is switched on when Home Assistant first sees it.
    pub(super) enabled: bool,
    pub(super) state: State,
}

/// A unit as Home Assistant writes it.
pub(super) const fn symbol(unit: Unit) -> &'static str {
    match unit {
        Unit::CubicMetre => "m³",
        unit => unit.symbol(),
    }
}

impl Entity {
    /// A text.
    pub(super) fn text(name: impl Into<Cow<'static, str>>, state: State) -> Self {
        let device_class = match state {
            State::Time => Some("timestamp"),
            State::Words(_) | State::Word(_) => Some("enum"),
            _ => None,
        };
        Self {
            platform: if state == State::Switch { Platform::BinarySensor } else { Platform::Sensor },
            name: Some(name.into()),
            device_class,
            state_class: None,
            unit: None,
            precision: None,
            diagnostic: false,
            enabled: true,
            state,
        }
    }

    /// A number that goes up and down.
    pub(super) fn measured(name: impl Into<Cow<'static, str>>, unit: Unit, precision: usize) -> Self {
        let device_class = match unit {
            Unit::KiloWatt => Some("power"),
            Unit::KiloVar => Some("reactive_power"),
            Unit::KiloVoltAmpere => Some("apparent_power"),
            Unit::Volt => Some("voltage"),
            Unit::Ampere => Some("current"),
            Unit::Hertz => Some("frequency"),
            Unit::Second => Some("duration"),
            _ => None,
        };
        Self::number(name, device_class, "measurement", unit, precision)
    }

    /// A number that only goes up, or begins anew.
    pub(super) fn counted(name: impl Into<Cow<'static, str>>, unit: Unit, precision: usize) -> Self {
        let device_class = match unit {
            Unit::KiloWattHour | Unit::GigaJoule => Some("energy"),
            Unit::KiloVarHour => Some("reactive_energy"),
            Unit::CubicMetre => Some("volume"),
            _ => None,
        };
        Self::number(name, device_class, "total_increasing", unit, precision)
    }

    fn number(
        name: impl Into<Cow<'static, str>>,
        device_class: Option<&'static str>,
        state_class: &'static str,
        unit: Unit,
        precision: usize,
    ) -> Self {
        let symbol = symbol(unit);
        Self {
            device_class,
            state_class: Some(state_class),
            unit: (!symbol.is_empty()).then_some(Cow::Borrowed(symbol)),
            precision: Some(precision),
            ..Self::text(name, State::Value)
        }
    }

    /// Money, in whatever unit.
    pub(super) fn money(name: impl Into<Cow<'static, str>>, unit: String, precision: usize) -> Self {
        Self {
            state_class: Some("measurement"),
            unit: Some(unit.into()),
            precision: Some(precision),
            ..Self::text(name, State::Value)
        }
    }

    /// Of the meter rather than of what it measures.
    pub(super) fn diagnostic(self) -> Self {
        Self { diagnostic: true, ..self }
    }

    /// For those who look for it.
    pub(super) fn hidden(self) -> Self {
        Self { enabled: false, ..self }
    }

    /// Hidden unless.
    pub(super) fn shown_if(self, enabled: bool) -> Self {
        Self { enabled, ..self }
    }
}
