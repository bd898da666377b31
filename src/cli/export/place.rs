//! Where the record lies, where its meters stand, and what instants someone means.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::bail;
use jiff::civil;

use dsmrd::clock::Clock;
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
    when(text, zone, jiff::Timestamp::from_millisecond(Clock::system().wall())?)
}

/// The same, where `now` is now.
fn when(text: &str, zone: &Zone, now: jiff::Timestamp) -> anyhow::Result<i64> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(instant.as_second());
    }
    let (local, zone) = (now.to_zoned(zone.time_zone().clone()), zone.time_zone().clone());
    let named = match text {
        // Of a second that has begun the readings are among those before.
        "now" => return Ok(now.as_second() + 1),
        "today" => Some(local.date()),
        "yesterday" => Some(local.date().yesterday()?),
        "tomorrow" => Some(local.date().tomorrow()?),
        _ => None,
    };
    if let Some(span) = text.strip_prefix('-').and_then(before) {
        return Ok(local.checked_sub(span)?.timestamp().as_second());
    }
    let typed = match named {
        Some(date) => date.into(),
        None => text
            .parse::<civil::DateTime>()
            .or_else(|_| text.parse::<civil::Date>().map(civil::Date::into))
            .map_err(|_| {
                anyhow::anyhow!(
                    "write 2026-11-21, 2026-11-21T14:30 or 2026-11-21T14:30:00+01:00; today, yesterday, tomorrow or now; or so \
                     long before now: -90s, -15m, -6h, -1d, -2w, -1y"
                )
            })?,
    };
    Ok(typed.to_zoned(zone)?.timestamp().as_second())
}

/// A number and a unit: `15m`. Days and longer go by the calendar: a day before now the clock showed the same.
fn before(text: &str) -> Option<jiff::Span> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number >= 0)?;
    let span = jiff::Span::new();
    match unit {
        's' => span.try_seconds(number).ok(),
        'm' => span.try_minutes(number).ok(),
        'h' => span.try_hours(number).ok(),
        'd' => span.try_days(number).ok(),
        'w' => span.try_weeks(number).ok(),
        'y' => span.try_years(number).ok(),
        _ => None,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_as_people_type_them() {
        let zone = Zone::new("Europe/Amsterdam").expect("a zone");
        // The afternoon after the night in which summer time ended.
        let now: jiff::Timestamp = "2026-10-25T14:30:10.5+01:00".parse().expect("an instant");
        for (text, expected) in [
            ("2026-10-25", "2026-10-25T00:00:00+02:00"),
            ("2026-10-26", "2026-10-26T00:00:00+01:00"),
            ("2026-10-25T14:30", "2026-10-25T14:30:00+01:00"),
            ("2026-10-25 14:30", "2026-10-25T14:30:00+01:00"),
            // An hour that comes twice is the first one; one that never comes begins where it would.
            ("2026-10-25T02:30", "2026-10-25T02:30:00+02:00"),
            ("2026-10-25T02:30:00+01:00", "2026-10-25T02:30:00+01:00"),
            ("2026-03-29T02:30", "2026-03-29T03:30:00+02:00"),
            ("2026-10-25T12:00Z", "2026-10-25T13:00:00+01:00"),
            ("today", "2026-10-25T00:00:00+02:00"),
            ("yesterday", "2026-10-24T00:00:00+02:00"),
            ("tomorrow", "2026-10-26T00:00:00+01:00"),
            ("now", "2026-10-25T14:30:11+01:00"),
            ("-90s", "2026-10-25T14:28:40+01:00"),
            ("-15m", "2026-10-25T14:15:10+01:00"),
            ("-24h", "2026-10-24T15:30:10+02:00"),
            ("-1d", "2026-10-24T14:30:10+02:00"),
            ("-2w", "2026-10-11T14:30:10+02:00"),
            ("-1y", "2025-10-25T14:30:10+02:00"),
        ] {
            let expected = expected.parse::<jiff::Timestamp>().expect("an instant").as_second();
            assert_eq!(when(text, &zone, now).expect(text), expected, "{text}");
        }
        for wrong in
            ["", "-", "-d", "--1d", "-1", "1d", "-1x", "-1.5h", "-9999999999999y", "soon", "2026-13-01"]
        {
            assert!(when(wrong, &zone, now).is_err(), "{wrong}");
        }
    }
}
