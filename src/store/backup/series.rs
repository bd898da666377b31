//! What backups in a folder are called, and which of its files are backups of ours.

use std::path::{Path, PathBuf};

use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use crate::meter::UnixMillis;

const END: &str = ".sqlite.gz";
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// The backups of one record on one machine: `dsmrd-attic-20261121T040000Z.sqlite.gz` is one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    prefix: String,
}

impl Series {
    /// Those of a database on a machine of this name: machines may share a folder.
    pub fn new(record: &Path, host: &str) -> Self {
        let stem = record.file_stem().unwrap_or_default().to_string_lossy();
        let host = host.split('.').next().unwrap_or_default();
        let plain = |text: &str| -> String {
            text.chars()
                .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' })
                .collect()
        };
        Self { prefix: format!("{}-{}-", plain(&stem), plain(host)) }
    }

    /// The name of one made now.
    pub fn name(&self, now: UnixMillis) -> String {
        let stamp = jiff::Timestamp::from_millisecond(now).unwrap_or_default().strftime(STAMP).to_string();
        format!("{}{stamp}{END}", self.prefix)
    }

    /// When a file of this name was made, in seconds since 1970-01-01 00:00 UTC; none of a file that is not ours. The
    /// name must be ours letter by letter, since what is ours may be deleted.
    pub fn time_of(&self, name: &str) -> Option<i64> {
        let stamp = name.strip_prefix(&self.prefix)?.strip_suffix(END)?;
        let time = strtime::parse(STAMP, stamp).ok()?.to_datetime().ok()?;
        let time = time.to_zoned(TimeZone::UTC).ok()?.timestamp();
        (time.strftime(STAMP).to_string() == stamp).then(|| time.as_second())
    }

    /// The backups in a folder, the oldest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self, folder: &Path) -> std::io::Result<Vec<(i64, PathBuf)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let time = entry.file_name().to_str().and_then(|name| self.time_of(name));
            if let Some(time) = time
                && entry.file_type()?.is_file()
            {
                found.push((time, entry.path()));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Whether a file is what a backup of ours that was cut short leaves: the name of a backup with `.part` behind it,
    /// or its database before it was compressed. The name of the backup.
    pub(super) fn part_of(&self, name: &str) -> Option<String> {
        let whole = match name.strip_suffix(".gz.part") {
            Some(stem) => format!("{stem}.gz"),
            None => {
                format!("{}.gz", name.strip_suffix(".part").or_else(|| name.strip_suffix(".part-journal"))?)
            }
        };
        self.time_of(&whole).map(|_| whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nobody_elses() {
        let series = Series::new(Path::new("/var/lib/dsmrd/dsmrd.sqlite"), "Attic.example.net");
        let name = series.name(1_795_233_600_123);
        assert_eq!(name, "dsmrd-attic-20261121T040000Z.sqlite.gz");
        assert_eq!(series.time_of(&name), Some(1_795_233_600));
        for other in [
            "dsmrd-attic-20261121T040000Z.sqlite.gz.part",
            "dsmrd-attic-20261121T040000Z.sqlite",
            "dsmrd-attic-2-20261121T040000Z.sqlite.gz",
            "dsmrd-attic-20261321T040000Z.sqlite.gz",
            "dsmrd-attic-20261121T04000Z.sqlite.gz",
            "dsmrd-attic-+0261121T040000Z.sqlite.gz",
            "dsmrd-barn-20261121T040000Z.sqlite.gz",
            "old-dsmrd-attic-20261121T040000Z.sqlite.gz",
            "dsmrd-attic-20261121T040000Z (1).sqlite.gz",
            "dsmrd-attic-.sqlite.gz",
            "",
        ] {
            assert_eq!(series.time_of(other), None, "{other}");
        }
        for part in [".gz.part", ".part", ".part-journal"] {
            let part = name.replace(".gz", part);
            assert_eq!(series.part_of(&part).as_deref(), Some(name.as_str()), "{part}");
        }
        assert_eq!(series.part_of(&name), None);
        assert_eq!(series.part_of("holiday.part"), None);
    }
}
