//! The user's program that copies a backup elsewhere.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{self, BackupSettings, CopyCommand};
use crate::store::backup::Interrupt;

/// Lines of what it prints that go to the log, and bytes of each.
const LINES: usize = 100;
const WIDTH: usize = 500;
/// How often it is looked after.
const LOOK: Duration = Duration::from_millis(50);
/// How long it gets between being asked to end and being ended.
const GRACE: Duration = Duration::from_secs(2);

/// Why a backup was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The program could not be started.
    #[error("the program {0:?} of backup.command cannot be started: {1}")]
    Start(String, io::Error),
    /// It failed.
    #[error("the program {0:?} of backup.command failed ({1})")]
    Failed(String, ExitStatus),
    /// It took too long.
    #[error(
        "the program {0:?} of backup.command was ended after {1:?}; backup.command_timeout gives it longer"
    )]
    Timeout(String, Duration),
    /// Somebody asked to stop.
    #[error("it was interrupted")]
    Interrupted,
}

/// Runs the program of the settings for a backup; none where there is none.
pub(super) fn copy(
    settings: &BackupSettings,
    file: &Path,
    interrupt: &Interrupt,
) -> Option<Result<(), CopyError>> {
    let command = settings.command.as_ref()?;
    Some(run(command, file, settings.command_timeout, interrupt))
}

fn run(command: &CopyCommand, file: &Path, limit: Duration, interrupt: &Interrupt) -> Result<(), CopyError> {
    let program = command.program().to_owned();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut child = Command::new(&program)
        .args(command.arguments(&file.to_string_lossy(), &name))
        .env_clear()
        .envs(config::inherited())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that what it starts can be ended with it.
        .process_group(0)
        .spawn()
        .map_err(|error| CopyError::Start(program.clone(), error))?;
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as _),
        child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ];
    let tellers: Vec<JoinHandle<()>> =
        pipes.into_iter().flatten().map(|pipe| tell(program.clone(), pipe)).collect();
    let outcome = wait(&mut child, &program, limit, interrupt);
    if outcome.is_ok() {
        // Without what it left running in the background, which may hold the pipes for ever.
        let clock = Clock::system();
        let until = clock.mono() + GRACE.as_millis() as u64;
        while clock.mono() < until && !tellers.iter().all(JoinHandle::is_finished) {
            std::thread::sleep(LOOK);
        }
    }
    match outcome? {
        status if status.success() => Ok(()),
        status => Err(CopyError::Failed(program, status)),
    }
}

fn wait(
    child: &mut Child,
    program: &str,
    limit: Duration,
    interrupt: &Interrupt,
) -> Result<ExitStatus, CopyError> {
    let clock = Clock::system();
    let until = clock.mono() + limit.as_millis() as u64;
    let failed = |error| CopyError::Start(program.to_owned(), error);
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(status);
        }
        if interrupt.is_requested() {
            end(child);
            return Err(CopyError::Interrupted);
        }
        if clock.mono() >= until {
            end(child);
            return Err(CopyError::Timeout(program.to_owned(), limit));
        }
        std::thread::sleep(LOOK);
    }
}

/// Asks it and what it started to end, then ends them.
fn end(child: &mut Child) {
    let clock = Clock::system();
    let Ok(group) = libc::pid_t::try_from(child.id()) else { return };
    // SAFETY: the child has not been waited for, so that the group is still its own.
    unsafe { libc::kill(-group, libc::SIGTERM) };
    let until = clock.mono() + GRACE.as_millis() as u64;
    while clock.mono() < until {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(LOOK);
    }
    // SAFETY: as above.
    unsafe { libc::kill(-group, libc::SIGKILL) };
    let _ = child.wait();
}

/// Puts what it prints into the log, and reads on when that is enough.
fn tell(program: String, pipe: Box<dyn Read + Send>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(pipe);
        let (mut line, mut told) = (Vec::new(), 0);
        // A line without an end is told in pieces.
        while matches!((&mut lines).take(WIDTH as u64).read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line);
            if told < LINES && !text.trim().is_empty() {
                tracing::info!(program, line = text.trim_end(), "the backup's command says");
                told += 1;
                if told == LINES {
                    tracing::info!(program, "what it says further is left out");
                }
            }
            line.clear();
        }
    })
}
