//! What a new configuration changes, so that a reload restarts that and nothing else.

use super::settings::{MeterSettings, Settings};

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

    /// `name` gives a thing's name, `part` what of it counts.
    fn between<T, P: PartialEq>(
        old: &[T],
        new: &[T],
        name: impl Fn(&T) -> &str,
        part: impl Fn(&T) -> &P,
    ) -> Self {
        let find = |all: &[T], wanted: &str| all.iter().position(|item| name(item) == wanted);
        let mut named = Self::default();
        for item in new {
            match find(old, name(item)) {
                None => named.added.push(name(item).to_owned()),
                Some(at) if part(&old[at]) != part(item) => named.changed.push(name(item).to_owned()),
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
    /// Meters by their names: where their telegrams come from and how they are read, without their shares.
    pub meters: Named,
    /// Shares by the names of their meters. A meter that is new or gone brings or takes its share; one whose source
    /// alone changed leaves it as it is, so that clients stay connected.
    pub shares: Named,
    /// By the names of the brokers.
    pub brokers: Named,
    /// The `[store]` table.
    pub store: bool,
    /// The `[backup]` table, or the zone of its times.
    pub backup: bool,
    /// The `[prices]` table or a contract.
    pub prices: bool,
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

fn shares(old: &Settings, new: &Settings) -> Named {
    let of = |settings: &Settings| {
        let share = |meter: &MeterSettings| Some((meter.name.clone(), meter.share.clone()?));
        settings.meters.iter().filter_map(share).collect::<Vec<_>>()
    };
    Named::between(&of(old), &of(new), |(name, _)| name, |(_, share)| share)
}

/// What `new` changes in `old`. The order of meters and brokers is no change.
pub fn diff(old: &Settings, new: &Settings) -> Changes {
    Changes {
        meters: Named::between(&old.meters, &new.meters, |meter| &meter.name, |meter| &meter.source),
        shares: shares(old, new),
        brokers: Named::between(&old.mqtt, &new.mqtt, |broker| &broker.name, |broker| broker),
        store: old.store != new.store || old.tail != new.tail || old.retention != new.retention,
        backup: old.backup != new.backup,
        prices: old.prices != new.prices,
        log: old.log != new.log,
        watchdog: old.watchdog != new.watchdog,
    }
}
