//! Where the record lies, where its meters stand, and what instants someone means.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::bail;
use jiff::civil;

use dsmrd::config::Settings;
use dsmrd::meter::Zone;
use dsmrd::store::{Archive, Range, Resolution};

/// The zone of a database that is read without a configuration.
pub(in crate::cli) const DEFAULT_ZONE: &str = "Europe/Amsterdam";

/// Whether whoever reads what is written has gone.
pub(in crate::cli) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Whether somebody sent standard output into a file.
pub(in crate::cli) fn is_file(out: &io::Stdout) -> bool {
    use std::os::fd::AsFd;
    let file = out.as_fd().try_clone_to_owned().map(std::fs::File::from);
    file.and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.is_file())
}

/// Where the database lies, and where its meters stand.
pub(in crate::cli) struct Zones {
    pub(in crate::cli) path: PathBuf,
    meters: Vec<(String, String)>,
    fixed: Option<String>,
}

impl Zones {
    /// Of a database by itself, or that of a configuration; in the zones of the meters, or all in one.
    pub(in crate::cli) fn new(
        database: Option<&Path>,
        settings: Option<&Settings>,
        fixed: Option<&str>,
    ) -> Self {
        let meters = settings.into_iter().flat_map(|settings| &settings.meters);
        let meters = meters.map(|meter| (meter.name.clone(), meter.source.zone_name().to_owned()));
        let configured = settings.map(|settings| settings.store.path.as_path());
        let path = database.or(configured).unwrap_or(Path::new("")).to_owned();
        Self { path, meters: meters.collect(), fixed: fixed.map(str::to_owned) }
    }

    /// The zone of a meter; of one that is not configured any more, and of none, that of the first.
    pub(in crate::cli) fn of_meter(&self, meter: Option<&str>) -> anyhow::Result<Zone> {
        let named = self.meters.iter().find(|(name, _)| meter == Some(name)).or_else(|| self.meters.first());
        let configured = named.map_or(DEFAULT_ZONE, |(_, zone)| zone);
        Ok(Zone::new(self.fixed.as_deref().unwrap_or(configured))?)
    }
}

/// Seconds since 1970-01-01 00:00 UTC of what someone typed.
pub(in crate::cli) fn instant(text: &str, zone: &Zone) -> anyhow::Result<i64> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(instant.as_second());
    }
    let local = text
        .parse::<civil::DateTime>()
        .or_else(|_| text.parse::<civil::Date>().map(civil::Date::into))
        .map_err(|_| anyhow::anyhow!("write 2026-11-21, 2026-11-21T14:30 or 2026-11-21T14:30:00+01:00"))?;
    Ok(local.to_zoned(zone.time_zone().clone())?.timestamp().as_second())
}

/// Says where readings were given up.
pub(in crate::cli) fn tell_thinned(
    archive: &Archive,
    range: &Range,
    resolution: Resolution,
    zone: &Zone,
) -> anyhow::Result<()> {
    if let Some(last) = archive.thinned(range, resolution)? {
        let last = jiff::Timestamp::from_second(last)?.to_zoned(zone.time_zone().clone());
        complain!(
            "dsmrd: up to {} readings were given up (store.raw_days, store.minute_days): there is one of each minute \
             or quarter-hour, with the last values of it",
            last.strftime("%Y-%m-%d %H:%M%:z")
        );
    }
    Ok(())
}

/// Names meters and equipment that the record does not know.
pub(in crate::cli) fn check_names(archive: &Archive, zones: &Zones, range: &Range) -> anyhow::Result<()> {
    if let Some(name) = &range.meter {
        let known = archive.meters()?;
        if !known.contains(name) && !zones.meters.iter().any(|(configured, _)| configured == name) {
            let known = Vec::from_iter(known).join(", ");
            bail!(
                "{}: no readings of a meter named {name:?}; there are some of: {known}",
                zones.path.display()
            );
        }
    }
    if let Some(id) = &range.equipment_id {
        let everywhere = Range { meter: range.meter.clone(), ..Range::default() };
        let mut known: Vec<String> =
            archive.epochs(&everywhere)?.into_iter().filter_map(|epoch| epoch.equipment_id).collect();
        if !known.contains(id) {
            known.sort();
            known.dedup();
            bail!(
                "{}: no readings of equipment {id:?}; there are some of: {}",
                zones.path.display(),
                known.join(", ")
            );
        }
    }
    Ok(())
}
