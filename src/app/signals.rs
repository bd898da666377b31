//! Signals, as the requests they are.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::Control;
use crate::exit;

/// Listens for SIGTERM and SIGINT (stop; a second one ends the process at once) and SIGHUP (reload).
///
/// # Errors
/// When the process may not install the handlers.
pub fn listen() -> std::io::Result<mpsc::Receiver<Control>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        let mut stopping = false;
        loop {
            let control = tokio::select! {
                Some(()) = next(&mut terminate) => Control::Stop,
                Some(()) = next(&mut interrupt) => Control::Stop,
                Some(()) = next(&mut hangup) => Control::Reload,
                else => return,
            };
            if control == Control::Stop && std::mem::replace(&mut stopping, true) {
                tracing::warn!("asked to stop a second time: ending at once");
                std::process::exit(i32::from(exit::ABORTED));
            }
            // The last place in the queue is for the request to stop: while a reload takes its time, more of
            // them must not shut it out. Those before it are enough to read the newest file.
            if control == Control::Stop || sender.capacity() > 1 {
                let _ = sender.try_send(control);
            }
        }
    });
    Ok(receiver)
}

async fn next(signal: &mut Signal) -> Option<()> {
    signal.recv().await
}
