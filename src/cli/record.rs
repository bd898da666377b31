//! The arguments of every subcommand that reads the record: which one, where its meters stand, what of it.

use std::path::PathBuf;

use anyhow::Context;

use dsmrd::config::{self, Settings};
use dsmrd::meter::Zone;
use dsmrd::store::Range;

use super::ConfigFile;
use super::export::{Zones, instant};

/// Which record.
#[derive(Debug, clap::Args)]
pub(super) struct RecordArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// The database; the configuration is not read then.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

/// Which record, and in which zone it is told.
#[derive(Debug, clap::Args)]
pub(super) struct ZonedRecordArgs {
    #[command(flatten)]
    record: RecordArgs,
    /// The time zone of dates and times, an IANA name; the meter's by default.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
}

/// What of it.
#[derive(Debug, clap::Args)]
pub(super) struct RangeArgs {
    /// Not before this: RFC 3339, a date or date and time where the meter stands, today, yesterday, tomorrow, now, or so
    /// long before now: -90s, -15m, -6h, -1d, -2w, -1y.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Before this, written as --from; a date alone is its midnight.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Of this meter alone.
    #[arg(long, value_name = "NAME")]
    pub(super) meter: Option<String>,
    /// Of the meter with this equipment identifier alone: a name in the configuration may have had several.
    #[arg(long, value_name = "ID")]
    equipment: Option<String>,
}

impl RecordArgs {
    /// The configuration, unless a database stands in its place.
    pub(super) fn settings(&self) -> anyhow::Result<Option<Settings>> {
        match &self.database {
            Some(_) => Ok(None),
            None => Ok(Some(config::load(&self.config.config)?.settings)),
        }
    }

    /// The database.
    pub(super) fn path(&self) -> anyhow::Result<PathBuf> {
        Ok(self.path_with(self.settings()?.as_ref()))
    }

    /// The same, with [`RecordArgs::settings`].
    pub(super) fn path_with(&self, settings: Option<&Settings>) -> PathBuf {
        let configured = settings.map(|settings| settings.store.path.clone());
        self.database.clone().or(configured).unwrap_or_default()
    }
}

impl ZonedRecordArgs {
    /// The database and where its meters stand, with the configuration, unless a database stands in its place.
    pub(super) fn zones(&self) -> anyhow::Result<(Zones, Option<Settings>)> {
        let settings = self.record.settings()?;
        let zones = Zones::new(self.record.database.as_deref(), settings.as_ref(), self.timezone.as_deref());
        Ok((zones, settings))
    }
}

impl RangeArgs {
    /// What was typed, by the clocks of a zone.
    pub(super) fn range(&self, zone: &Zone) -> anyhow::Result<Range> {
        let limit = |name: &str, text: &Option<String>| {
            text.as_deref()
                .map(|text| instant(text, zone).with_context(|| format!("--{name} {text}")))
                .transpose()
        };
        Ok(Range {
            meter: self.meter.clone(),
            equipment_id: self.equipment.clone(),
            from: limit("from", &self.from)?,
            to: limit("to", &self.to)?,
        })
    }
}
