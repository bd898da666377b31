//! The watchdog: a thread that ends the process when a part of it no longer moves, since neither supervisord
//! nor a broker can tell a hung process from a quiet one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::exit;

/// A part of the process that must move: a count that it raises at least once a second.
#[derive(Clone, Debug)]
pub struct Pulse {
    /// Its name in the log.
    pub name: &'static str,
    /// The count.
    pub beats: Arc<AtomicU64>,
    /// How many times the limit it may stand still.
    pub patience: u64,
}

/// Of each pulse, what it was and for how many looks it has stood still.
#[derive(Debug, Default)]
struct Watch {
    seen: Vec<(u64, u64)>,
}

impl Watch {
    /// Looks at every pulse once; the first that has stood still for `limit` looks is returned.
    ///
    /// Looks are counted, not seconds: a process that was stopped and continued has not hung.
    fn look(&mut self, pulses: &[Pulse], limit: u64) -> Option<&'static str> {
        self.seen.resize(pulses.len(), (0, 0));
        let mut stuck = None;
        for (pulse, (last, still)) in pulses.iter().zip(&mut self.seen) {
            let beats = pulse.beats.load(Ordering::Relaxed);
            *still = if beats == *last { *still + 1 } else { 0 };
            *last = beats;
            if *still >= limit * pulse.patience && stuck.is_none() {
                stuck = Some(pulse.name);
            }
        }
        stuck
    }
}

/// The watchdog watches for as long as this lives: an appliance that ended in order has no pulse any more.
#[must_use]
#[derive(Debug)]
pub struct Watchdog {
    _alive: Arc<()>,
}

/// Watches `pulses`, a look a second. One that stands still for `limit`, as often as it has patience, ends the process with
/// [`exit::WATCHDOG`]. While all move, systemd's watchdog is fed too.
///
/// # Errors
/// When its thread cannot be started.
pub fn spawn(pulses: Vec<Pulse>, limit: Duration) -> std::io::Result<Watchdog> {
    let looks = limit.as_secs().max(2);
    let alive = Arc::new(());
    let watched = Arc::downgrade(&alive);
    thread::Builder::new().name("watchdog".to_owned()).stack_size(64 * 1024).spawn(move || {
        let mut watch = Watch::default();
        loop {
            thread::sleep(Duration::from_secs(1));
            if watched.strong_count() == 0 {
                return;
            }
            if let Some(part) = watch.look(&pulses, looks) {
                let seconds =
                    looks * pulses.iter().find(|pulse| pulse.name == part).map_or(1, |p| p.patience);
                tracing::error!(
                    part,
                    seconds,
                    "a part of the process hangs: ending it, so that the supervisor starts it again"
                );
                std::process::exit(i32::from(exit::WATCHDOG));
            }
            // Without systemd there is no socket to notify, which is no error.
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        }
    })?;
    Ok(Watchdog { _alive: alive })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_that_stands_still_is_found() {
        let pulse = |name| Pulse { name, beats: Arc::default(), patience: 1 };
        let pulses = [pulse("runtime"), pulse("store")];
        let mut watch = Watch::default();
        for _ in 0..10 {
            pulses[0].beats.fetch_add(1, Ordering::Relaxed);
            pulses[1].beats.fetch_add(1, Ordering::Relaxed);
            assert_eq!(watch.look(&pulses, 3), None);
        }
        for looks in 1..=3 {
            pulses[0].beats.fetch_add(1, Ordering::Relaxed);
            assert_eq!(watch.look(&pulses, 3), (looks == 3).then_some("store"));
        }
        pulses[1].beats.fetch_add(1, Ordering::Relaxed);
        pulses[0].beats.fetch_add(1, Ordering::Relaxed);
        assert_eq!(watch.look(&pulses, 3), None);
    }

    #[test]
    fn a_part_that_waits_for_the_medium_may_stand_still_for_longer() {
        let pulses = [Pulse { name: "store", beats: Arc::default(), patience: 10 }];
        let mut watch = Watch::default();
        for looks in 1..=30 {
            assert_eq!(watch.look(&pulses, 3), (looks == 30).then_some("store"));
        }
    }

    #[test]
    fn it_ends_with_what_it_watches() {
        let beats: Arc<AtomicU64> = Arc::default();
        let pulse = Pulse { name: "runtime", beats: Arc::clone(&beats), patience: 1 };
        drop(spawn(vec![pulse], Duration::from_secs(2)).expect("a thread"));
        // Its thread lets go of the pulse instead of taking the process down.
        while Arc::strong_count(&beats) > 1 {
            thread::sleep(Duration::from_millis(20));
        }
    }
}
