//! The work of one backup: made, older ones given up, copied elsewhere.

use std::path::Path;

use super::copy::{self, CopyError};
use crate::clock::Clock;
use crate::config::BackupSettings;
use crate::meter::Zone;
use crate::store::backup::{self, BackupError, Interrupt, Made, Series, schedule};

/// What became of one.
#[derive(Debug)]
pub struct Outcome {
    /// The backup.
    pub made: Result<Made, BackupError>,
    /// How many older ones were given up.
    pub removed: usize,
    /// What the command said; none where there is none, or nothing to copy.
    pub copied: Option<Result<(), CopyError>>,
}

/// Makes a backup as the settings say, whatever the time: what an earlier one left is removed, and when it is good older
/// ones are given up and the command runs.
pub fn once(settings: &BackupSettings, record: &Path, clock: &Clock, interrupt: &Interrupt) -> Outcome {
    let Some(folder) = &settings.folder else {
        let made = Err(BackupError::NoFolder("backup.folder".into()));
        return Outcome { made, removed: 0, copied: None };
    };
    let series = Series::new(record, &settings.host);
    if folder.is_dir()
        && let Err(error) = backup::clean(folder, &series)
    {
        tracing::warn!(folder = %folder.display(), %error, "could not remove what an earlier backup left");
    }
    match backup::make(record, &folder.join(series.name(clock.wall())), interrupt) {
        Ok(made) => {
            let removed = rotate(settings, folder, &series, clock);
            let copied = copy::copy(settings, &made.file, interrupt);
            Outcome { made: Ok(made), removed, copied }
        }
        made => Outcome { made, removed: 0, copied: None },
    }
}

fn rotate(settings: &BackupSettings, folder: &Path, series: &Series, clock: &Clock) -> usize {
    let (Ok(zone), Ok(found)) = (Zone::new(&settings.zone), series.list(folder)) else { return 0 };
    let times: Vec<i64> = found.iter().map(|(time, _)| *time).collect();
    let now = clock.wall().div_euclid(1_000);
    let gone = schedule::given_up(&times, settings.keep, zone.time_zone(), now);
    let mut removed = 0;
    for (_, file) in found.iter().filter(|(time, _)| gone.contains(time)) {
        match std::fs::remove_file(file) {
            Ok(()) => {
                removed += 1;
                tracing::debug!(file = %file.display(), "removed an older backup");
            }
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "could not remove an older backup");
            }
        }
    }
    removed
}

/// Lets everything else go first, as far as the system lets us: this thread's share of processor and disk.
pub(super) fn stand_back() {
    #[cfg(target_os = "linux")]
    {
        const NICE: libc::c_int = 10;
        const WHO_THREAD: libc::c_int = 1;
        // The idle class of ioprio_set(2): the disk is ours when nobody else wants it.
        const IDLE: libc::c_int = 3 << 13;
        // SAFETY: plain system calls about this thread alone; where they are refused nothing changes.
        unsafe {
            libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
            libc::syscall(libc::SYS_ioprio_set, WHO_THREAD, 0, IDLE);
        }
    }
}
