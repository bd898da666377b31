//! What a salvage brought back and what it did not, and the note that one is to be done.

use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};

use crate::store::db::beside;

/// What became of the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SavedTotals {
    /// The damaged database had none.
    #[default]
    None,
    /// Counters and positions are those of the damaged database.
    Kept,
    /// They were in doubt and are made anew of the readings.
    MadeAnew,
}

/// What a salvage brought back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Readings that are in the record now and were not before.
    pub readings: u64,
    /// Readings found that the record had already.
    pub known: u64,
    /// The time of the earliest reading that was found whole, in seconds since 1970-01-01 00:00 UTC, and of the latest.
    pub span: Option<(i64, i64)>,
    /// Blocks that are known to have been there and could not be read.
    pub lost_blocks: u64,
    /// Readings in them, as far as their rows still tell.
    pub lost_readings: u64,
    /// The start of the earliest hour that is lost or lost in part, and of the latest.
    pub lost_span: Option<(i64, i64)>,
    /// Prices found.
    pub prices: u64,
    /// Rows of other tables.
    pub rows: u64,
    /// Pages of 4096 bytes that the card does not give.
    pub unreadable_pages: u64,
    /// What became of the totals.
    pub totals: SavedTotals,
}

impl Salvaged {
    pub(super) fn found(&mut self, first: i64, last: i64) {
        widen(&mut self.span, first, last);
    }

    pub(super) fn lost(&mut self, hour: i64, readings: u64) {
        self.lost_blocks += 1;
        self.lost_readings += readings;
        let start = hour.saturating_mul(3_600);
        widen(&mut self.lost_span, start, start);
    }

    /// Tells the log.
    pub(super) fn tell(&self, file: &Path) {
        let time =
            |time: i64| jiff::Timestamp::from_second(time).map(|time| time.to_string()).unwrap_or_default();
        let span = |span: Option<(i64, i64)>| {
            span.map_or_else(String::new, |(a, b)| format!("{} to {}", time(a), time(b)))
        };
        let (saved, lost) = (span(self.span), span(self.lost_span));
        tracing::warn!(
            file = %file.display(),
            readings = self.readings,
            known = self.known,
            saved,
            prices = self.prices,
            totals = ?self.totals,
            "what could be read of the damaged database is saved; its file is kept, and may be deleted"
        );
        if self.lost_blocks > 0 || self.unreadable_pages > 0 {
            tracing::error!(
                file = %file.display(),
                blocks = self.lost_blocks,
                readings = self.lost_readings,
                hours = lost,
                unreadable_pages = self.unreadable_pages,
                "some of the damaged database could not be read: these readings are lost"
            );
        }
    }
}

fn widen(span: &mut Option<(i64, i64)>, first: i64, last: i64) {
    *span = Some(span.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
}

/// The note beside a file that was set aside: it is to be salvaged, and how far that has come. Work that a lost note
/// repeats changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Note {
    file: PathBuf,
}

const END: &str = ".salvage";

impl Note {
    /// That of a file.
    pub(in crate::store) fn of(file: &Path) -> Self {
        Self { file: file.to_owned() }
    }

    /// Those beside a database, the oldest first.
    pub(in crate::store) fn beside(database: &Path) -> Vec<Self> {
        let (Some(folder), Some(name)) =
            (database.parent(), database.file_name().and_then(|name| name.to_str()))
        else {
            return Vec::new();
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let begin = format!("{name}.corrupt-");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut files: Vec<PathBuf> = names
            .filter(|name| name.starts_with(&begin))
            .filter_map(|name| Some(folder.join(name.strip_suffix(END)?)))
            .collect();
        files.sort();
        files.into_iter().map(|file| Self { file }).collect()
    }

    /// The file.
    pub(in crate::store) fn file(&self) -> &Path {
        &self.file
    }

    fn path(&self) -> PathBuf {
        beside(&self.file, END)
    }

    /// Says that the file is to be salvaged.
    pub(in crate::store) fn make(&self) -> io::Result<()> {
        std::fs::write(self.path(), "")
    }

    /// The last hour that is done, and what was brought back up to it: hours are done from the latest to the earliest.
    pub(super) fn read(&self) -> Option<(i64, Salvaged)> {
        let text = std::fs::read_to_string(self.path()).ok()?;
        let numbers: Vec<i64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        let [hour, readings, known, first, last, lost_blocks, lost_readings, lost_first, lost_last] =
            numbers[..]
        else {
            return None;
        };
        let span = |(first, last): (i64, i64)| (first <= last).then_some((first, last));
        let done = Salvaged {
            readings: readings.max(0) as u64,
            known: known.max(0) as u64,
            span: span((first, last)),
            lost_blocks: lost_blocks.max(0) as u64,
            lost_readings: lost_readings.max(0) as u64,
            lost_span: span((lost_first, lost_last)),
            ..Salvaged::default()
        };
        Some((hour, done))
    }

    /// Notes how far it has come.
    pub(super) fn write(&self, hour: i64, done: &Salvaged) -> io::Result<()> {
        let (first, last) = done.span.unwrap_or((0, -1));
        let (lost_first, lost_last) = done.lost_span.unwrap_or((0, -1));
        let mut text = String::new();
        for number in [
            hour,
            done.readings as i64,
            done.known as i64,
            first,
            last,
            done.lost_blocks as i64,
            done.lost_readings as i64,
            lost_first,
            lost_last,
        ] {
            write!(text, "{number} ").map_err(|fmt::Error| io::Error::other("no memory"))?;
        }
        let new = beside(&self.file, ".salvage-new");
        std::fs::write(&new, text)?;
        std::fs::rename(new, self.path())
    }

    /// It is done.
    pub(super) fn remove(&self) -> io::Result<()> {
        std::fs::remove_file(self.path())
    }
}
