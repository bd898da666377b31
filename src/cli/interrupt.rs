//! Ctrl-C and its like for commands that would leave half a file behind.

use std::sync::OnceLock;

use dsmrd::exit;
use dsmrd::store::backup::{BackupError, Interrupt};

use super::Outcome;

static ASKED: OnceLock<Interrupt> = OnceLock::new();

/// Work that is asked to end by SIGINT, SIGTERM or SIGHUP tidies up first; asked a second time the process ends at once.
/// A signal that whoever started it had ignored stays so: behind `nohup` it goes on when the terminal is closed.
pub(super) fn by_signals() -> Interrupt {
    let interrupt = ASKED.get_or_init(Interrupt::default).clone();
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler only reads and writes atomics; zeroes are a mask of no signals; both structs are ours.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, std::ptr::null(), &raw mut action);
            if action.sa_sigaction == libc::SIG_IGN {
                continue;
            }
            action = std::mem::zeroed();
            let handler: extern "C" fn(libc::c_int) = asked;
            action.sa_sigaction = handler as libc::sighandler_t;
            // A read that waits for an answer ends as well.
            action.sa_flags = libc::SA_RESETHAND;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
    interrupt
}

extern "C" fn asked(_signal: libc::c_int) {
    if let Some(interrupt) = ASKED.get() {
        interrupt.request();
    }
}

/// The end of a command that may have been interrupted; `left` says what became of its work then.
pub(super) fn outcome(done: Outcome, left: &str) -> Outcome {
    match done {
        Err(error)
            if matches!(error.downcast_ref(), Some(BackupError::Interrupted))
                || error.is::<Interrupted>() =>
        {
            complain!("dsmrd: interrupted; {left}");
            Ok(exit::ABORTED)
        }
        done => done,
    }
}

/// Somebody asked to stop.
#[derive(Debug, thiserror::Error)]
#[error("it was interrupted")]
pub(super) struct Interrupted;
