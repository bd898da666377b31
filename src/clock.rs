//! The only file that reads the clocks. Everything else is given a [`Clock`] or a `now`.
#![expect(clippy::disallowed_methods, reason = "this is their one home")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::meter::UnixMillis;

/// Milliseconds on a clock that only goes forward; its zero is arbitrary.
pub type MonoMillis = u64;

/// Where time comes from: the machine, or a test's hand.
#[derive(Clone, Debug)]
pub struct Clock(Inner);

#[derive(Clone, Debug)]
enum Inner {
    System { origin: Instant },
    Manual { elapsed: Arc<AtomicI64>, start: UnixMillis },
}

impl Clock {
    /// The machine's clocks.
    pub fn system() -> Self {
        Self(Inner::System { origin: Instant::now() })
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it; clones share it.
    pub fn manual(start: UnixMillis) -> Self {
        Self(Inner::Manual { elapsed: Arc::default(), start })
    }

    /// The wall clock, which may jump.
    pub fn wall(&self) -> UnixMillis {
        match &self.0 {
            Inner::System { .. } => SystemTime::now().duration_since(UNIX_EPOCH).map_or_else(
                |early| -(early.duration().as_millis() as i64),
                |since| since.as_millis() as i64,
            ),
            Inner::Manual { elapsed, start } => start + elapsed.load(Ordering::Relaxed),
        }
    }

    /// The monotonic clock, for intervals.
    pub fn mono(&self) -> MonoMillis {
        match &self.0 {
            Inner::System { origin } => origin.elapsed().as_millis() as u64,
            Inner::Manual { elapsed, .. } => elapsed.load(Ordering::Relaxed) as u64,
        }
    }

    /// Moves a manual clock on; the machine's clocks are not ours to move.
    pub fn advance(&self, millis: u64) {
        if let Inner::Manual { elapsed, .. } = &self.0 {
            elapsed.fetch_add(millis as i64, Ordering::Relaxed);
        }
    }
}
