//! Backups by the clock: a task that waits, and a thread of its own for the work, which nothing else waits for.

mod copy;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, MonoMillis};
use crate::config::BackupSettings;
use crate::meter::Zone;
use crate::store::backup::{Interrupt, Series, schedule};
use crate::telemetry::BackupState;
pub use copy::CopyError;
pub use work::{Outcome, once};

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// A backup that is due at the start waits this long: meters and brokers come first.
const GRACE: MonoMillis = 60_000;
/// What failed is tried again after this.
const RETRY: MonoMillis = 3_600_000;
/// A look into the folder that takes longer than this is told as a problem.
const LIST: Duration = Duration::from_secs(60);
/// A backup that takes longer than this is.
const MAKE: Duration = Duration::from_secs(6 * 3_600);
/// How long the end waits for a backup that it interrupts.
const FAREWELL: Duration = Duration::from_secs(5);

/// The backups of one record.
#[derive(Debug)]
pub struct Backups {
    clock: Clock,
    state: Arc<BackupState>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Backups {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Arc::default(), running: None }
    }

    /// What became of them.
    pub fn state(&self) -> Arc<BackupState> {
        Arc::clone(&self.state)
    }

    /// Makes backups of `record` from now on, if the settings say so.
    pub fn start(&mut self, settings: &BackupSettings, record: &Path) {
        self.state.set_problem(None);
        let Some(folder) = settings.folder.clone() else { return };
        let stop = CancellationToken::new();
        let plan = Plan {
            series: Series::new(record, &settings.host),
            folder,
            settings: settings.clone(),
            record: record.to_owned(),
            clock: self.clock.clone(),
            state: Arc::clone(&self.state),
        };
        let task = tokio::spawn(plan.run(stop.clone()));
        self.running = Some(Running { stop, task });
    }

    /// Makes no more of them. One that is being made is interrupted, and leaves nothing.
    pub async fn stop(&mut self) {
        let Some(Running { stop, task }) = self.running.take() else { return };
        stop.cancel();
        if tokio::time::timeout(FAREWELL, task).await.is_err() {
            tracing::warn!("a backup does not end; what it leaves is removed before the next one");
        }
    }
}

/// What one task goes by.
struct Plan {
    settings: BackupSettings,
    series: Series,
    folder: PathBuf,
    record: PathBuf,
    clock: Clock,
    state: Arc<BackupState>,
}

impl Plan {
    async fn run(self, stop: CancellationToken) {
        let mut not_before = self.clock.mono() + GRACE;
        // The folder is looked at once: every look would wake a disk that sleeps.
        let mut made: Option<Vec<i64>> = None;
        let mut uncopied: Option<PathBuf> = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if self.clock.mono() < not_before {
                continue;
            }
            let times = match made.take() {
                Some(times) => times,
                None => {
                    let (series, folder) = (self.series.clone(), self.folder.clone());
                    let list = move |_: &Interrupt| series.list(&folder);
                    match self.patiently(LIST, aside(list, &stop)).await {
                        Some(Ok(found)) => found.into_iter().map(|(time, _)| time).collect(),
                        _ if stop.is_cancelled() => return,
                        // Not there: the attempt says it best.
                        _ => Vec::new(),
                    }
                }
            };
            self.state.last_good.set(times.last().map_or(0, |time| time.unsigned_abs()));
            if self.is_due(&times) {
                let failed = self.make(&mut uncopied, &stop).await;
                not_before = self.clock.mono() + if failed { RETRY } else { 0 };
            } else {
                if let Some(file) = uncopied.take()
                    && !self.copy(&file, &stop).await
                {
                    uncopied = Some(file);
                    not_before = self.clock.mono() + RETRY;
                }
                made = Some(times);
            }
        }
    }

    fn is_due(&self, made: &[i64]) -> bool {
        let now = self.clock.wall().div_euclid(1_000);
        let zone = Zone::new(&self.settings.zone);
        zone.is_ok_and(|zone| {
            schedule::due(made, self.settings.at, self.settings.every, zone.time_zone(), now) <= now
        })
    }

    /// Waits for work, and says so when it takes too long: a share whose server is gone answers never. Only a stop ends it.
    async fn patiently<T>(&self, limit: Duration, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        if let Ok(done) = tokio::time::timeout(limit, &mut work).await {
            return done;
        }
        let folder = self.folder.display();
        self.state.set_problem(Some(format!("{folder}: its disk or share does not answer")));
        tracing::error!(%folder, ?limit, "the folder for backups does not answer; no backup is made until it does");
        let done = work.await;
        self.state.set_problem(None);
        done
    }

    /// Makes one; whether anything of it failed.
    async fn make(&self, uncopied: &mut Option<PathBuf>, stop: &CancellationToken) -> bool {
        let (settings, record, clock) = (self.settings.clone(), self.record.clone(), self.clock.clone());
        let work = move |interrupt: &Interrupt| once(&settings, &record, &clock, interrupt);
        let Some(outcome) = self.patiently(MAKE, aside(work, stop)).await else {
            self.state.failed.inc();
            self.state.set_problem(Some("the backup's thread failed".to_owned()));
            return true;
        };
        match outcome.made {
            Ok(made) => {
                self.state.made.inc();
                self.state.set_problem(None);
                tracing::info!(
                    file = %made.file.display(),
                    readings = made.contents.readings,
                    bytes = made.packed,
                    removed = outcome.removed,
                    "made a backup of the record"
                );
                match outcome.copied {
                    None => false,
                    Some(copied) => {
                        let failed = !self.copied(&made.file, copied, stop);
                        *uncopied = failed.then_some(made.file);
                        failed
                    }
                }
            }
            Err(_) if stop.is_cancelled() => true,
            Err(error) => {
                self.state.failed.inc();
                self.state.set_problem(Some(error.to_string()));
                tracing::error!(%error, "could not make a backup of the record; it is tried again in an hour");
                true
            }
        }
    }

    /// Copies one that could not be copied; whether that went well.
    async fn copy(&self, file: &Path, stop: &CancellationToken) -> bool {
        if !file.exists() {
            return true;
        }
        let (settings, of) = (self.settings.clone(), file.to_owned());
        let outcome = aside(move |interrupt: &Interrupt| copy::copy(&settings, &of, interrupt), stop).await;
        match outcome.flatten() {
            Some(outcome) => self.copied(file, outcome, stop),
            None => true,
        }
    }

    fn copied(&self, file: &Path, outcome: Result<(), CopyError>, stop: &CancellationToken) -> bool {
        match outcome {
            Ok(()) => {
                self.state.copied.inc();
                self.state.set_problem(None);
                tracing::info!(file = %file.display(), "the command copied the backup");
                true
            }
            Err(_) if stop.is_cancelled() => false,
            Err(error) => {
                self.state.copies_failed.inc();
                self.state.set_problem(Some(error.to_string()));
                let failures = self.state.copies_failed.get();
                tracing::error!(
                    file = %file.display(), %error, failures,
                    "the backup could not be copied; it is tried again in an hour"
                );
                false
            }
        }
    }
}

/// Does work on a thread of its own, which the end interrupts. None when the thread failed.
async fn aside<T: Send + 'static>(
    work: impl FnOnce(&Interrupt) -> T + Send + 'static,
    stop: &CancellationToken,
) -> Option<T> {
    let (interrupt, (answer, mut answered)) = (Interrupt::default(), oneshot::channel());
    let thread = std::thread::Builder::new().name("backup".into()).spawn({
        let interrupt = interrupt.clone();
        move || {
            work::stand_back();
            // Nobody may be waiting any more.
            let _ = answer.send(work(&interrupt));
        }
    });
    if let Err(error) = thread {
        tracing::error!(%error, "no thread could be started for the backup");
        return None;
    }
    tokio::select! {
        done = &mut answered => done.ok(),
        () = stop.cancelled() => {
            interrupt.request();
            answered.await.ok()
        }
    }
}
