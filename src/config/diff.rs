//! What a new configuration changes, so that a reload restarts that and nothing else.

use super::settings::Settings;

/// What changed among things that have names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Names that are new.
    pub added: Vec<String>,
    /// Names that are gone.
    pub removed: Vec<String>,
    /// Names whose settings are no longer the same.
    pub changed: Vec<String>,
}

impl Named {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn between<T: PartialEq>(old: &[T], new: &[T], name: impl Fn(&T) -> &str) -> Self {
        let find = |all: &[T], wanted: &str| all.iter().position(|item| name(item) == wanted);
        let mut named = Self::default();
        for item in new {
            match find(old, name(item)) {
                None => named.added.push(name(item).to_owned()),
                Some(at) if old[at] != *item => named.changed.push(name(item).to_owned()),
                Some(_) => {}
            }
        }
        named.removed =
            old.iter().map(&name).filter(|wanted| find(new, wanted).is_none()).map(str::to_owned).collect();
        named
    }
}

/// The difference of two configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// By the names of the meters.
    pub meters: Named,
    /// By the names of the brokers.
    pub brokers: Named,
    /// The `[store]` table.
    pub store: bool,
    /// The `[log]` table.
    pub log: bool,
    /// `process.watchdog`.
    pub watchdog: bool,
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What `new` changes in `old`. The order of meters and brokers is no change.
pub fn diff(old: &Settings, new: &Settings) -> Changes {
    Changes {
        meters: Named::between(&old.meters, &new.meters, |meter| &meter.name),
        brokers: Named::between(&old.mqtt, &new.mqtt, |broker| &broker.name),
        store: old.store != new.store,
        log: old.log != new.log,
        watchdog: old.watchdog != new.watchdog,
    }
}
