//! The `[backup]` table.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Time;

use super::raw::Typed;
use super::reader::Reader;
use super::value::quote;
use crate::store::StoreSettings;
use crate::store::backup::Keep;

/// The `[backup]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSettings {
    /// Where backups go; without it none are made.
    pub folder: Option<PathBuf>,
    /// At which time of the day.
    pub at: Time,
    /// Every so many days.
    pub every: u32,
    /// How many stay.
    pub keep: Keep,
    /// What copies each elsewhere.
    pub command: Option<CopyCommand>,
    /// How long that may take.
    pub command_timeout: Duration,
    /// The machine's name, which is part of the names of backups.
    pub host: String,
    /// The zone of `at`, by its IANA name.
    pub zone: String,
}

impl Default for BackupSettings {
    fn default() -> Self {
        Self {
            folder: None,
            at: Time::constant(4, 0, 0, 0),
            every: 1,
            keep: Keep { daily: 7, weekly: 4, monthly: 3 },
            command: None,
            command_timeout: Duration::from_secs(3_600),
            host: String::new(),
            zone: "UTC".to_owned(),
        }
    }
}

/// A program and its arguments, in which a password may stand.
#[derive(Clone, PartialEq, Eq)]
pub struct CopyCommand(Vec<String>);

impl CopyCommand {
    /// A program with arguments; none without a program.
    pub fn new(command: Vec<String>) -> Option<Self> {
        command.first().is_some_and(|program| !program.is_empty()).then_some(Self(command))
    }

    /// The program.
    pub fn program(&self) -> &str {
        &self.0[0]
    }

    /// Its arguments, for a file.
    pub fn arguments(&self, file: &str, name: &str) -> Vec<String> {
        let fill = |argument: &String| {
            // Piece by piece, so that nothing in the file's path is taken for a placeholder.
            let pieces = argument.split("{file}").map(|piece| piece.replace("{name}", name));
            pieces.collect::<Vec<_>>().join(file)
        };
        self.0[1..].iter().map(fill).collect()
    }
}

impl fmt::Debug for CopyCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CopyCommand({:?}, ***)", self.program())
    }
}

pub(super) fn resolve(
    reader: &mut Reader<'_, '_>,
    host: &str,
    zone: Option<&str>,
    store: Option<&StoreSettings>,
) -> Option<BackupSettings> {
    let folder = reader.path("folder");
    let at = reader.time_of_day("at");
    let every = reader.integer("every");
    let daily = reader.integer("keep_daily");
    let weekly = reader.integer("keep_weekly");
    let monthly = reader.integer("keep_monthly");
    let command = reader.command("command");
    let command_timeout = reader.duration("command_timeout");
    if let Some(folder) = &folder {
        let files = reader.context.facts.files;
        match files.can_read(folder).map_err(|error| error.kind()) {
            Err(io::ErrorKind::NotFound) => {
                reader.warning("folder", "it is not there yet; backups fail until it is");
            }
            Err(io::ErrorKind::TimedOut) => {
                reader.warning("folder", "its disk or share does not answer; backups wait until it does");
            }
            _ => {}
        }
        let disks = store.map(|store| (files.disk_of(&store.path), files.disk_of(folder)));
        if let Some((Some(record), Some(backups))) = disks
            && record == backups
        {
            reader.warning(
                "folder",
                "it is on the same disk as the record: each backup wears it as much as the record does in a month \
                 or more, and when it dies both are gone; another disk, a USB stick or a share is better",
            );
        }
    } else if !reader.is_set("folder") {
        // What "config show" prints has every default, and means nothing by it.
        let usual = BackupSettings::default();
        let differs =
            |number: Option<u64>, usual: u32| number.is_some_and(|number| number != u64::from(usual));
        let wishes = [
            ("command", reader.is_set("command")),
            ("at", at.is_some_and(|at| at != usual.at)),
            ("every", differs(every, usual.every)),
            ("keep_daily", differs(daily, usual.keep.daily)),
            ("keep_weekly", differs(weekly, usual.keep.weekly)),
            ("keep_monthly", differs(monthly, usual.keep.monthly)),
        ];
        if let Some((key, _)) = wishes.into_iter().find(|(_, wished)| *wished) {
            reader.warning(key, "without a folder no backups are made, and nothing is copied");
        }
    }
    if let Some(command) = &command
        && !command.iter().skip(1).any(|word| word.contains("{file}") || word.contains("{name}"))
    {
        reader.warning("command", "it does not say what to copy; {file} stands for the backup's path");
    }
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Some(BackupSettings {
        folder,
        at: at?,
        every: narrow(every?),
        keep: Keep { daily: narrow(daily?), weekly: narrow(weekly?), monthly: narrow(monthly?) },
        command: command.and_then(CopyCommand::new),
        command_timeout: command_timeout?,
        host: host.to_owned(),
        zone: zone.unwrap_or("UTC").to_owned(),
    })
}

/// A time of the day, to the minute or second.
pub(super) fn time(typed: &Typed) -> Result<Time, String> {
    let parsed = match typed {
        Typed::Text(text) | Typed::Variable(text) | Typed::Date(text) => text.trim().parse::<Time>().ok(),
        _ => None,
    };
    parsed.filter(|time| time.subsec_nanosecond() == 0).ok_or_else(|| {
        format!("{} is no time of the day; write one in quotes, such as \"04:00\"", typed.describe())
    })
}

/// As short as it can be said.
pub(super) fn print_time(time: Time) -> String {
    let format = if time.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    time.strftime(format).to_string()
}

/// What was typed is not told, apart from the program: it may have a password in it.
pub(super) fn command(typed: &Typed) -> Result<Vec<String>, String> {
    const SHAPE: &str = "write a list such as [\"rclone\", \"copyto\", \"{file}\", \"remote:dsmrd/{name}\"]";
    let words: Vec<String> = match typed {
        Typed::List(items) => items
            .iter()
            .map(|item| match item {
                Typed::Text(text) => Ok(text.clone()),
                _ => Err(format!("something that is not text stands in the list; {SHAPE}")),
            })
            .collect::<Result<_, _>>()?,
        Typed::Variable(text) => text.split(',').map(|word| word.trim().to_owned()).collect(),
        _ => return Err(format!("this is no list; {SHAPE}")),
    };
    let Some(program) = words.first().filter(|program| !program.trim().is_empty()) else {
        return Err(format!("the list names no program; {SHAPE}"));
    };
    if program.contains(' ') && words.len() == 1 {
        return Err(format!(
            "{} is a program and its arguments in one; {SHAPE}",
            quote(program.split(' ').next().unwrap_or_default())
        ));
    }
    if words.iter().any(|word| word.contains('\0') || word.len() > 65_535) {
        return Err("an argument is too long, or has a zero byte in it".to_owned());
    }
    Ok(words)
}
