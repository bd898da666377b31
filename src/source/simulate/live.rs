//! The simulated meter in real time: a telegram every second.

use std::io;
use std::time::Duration;

use tokio::time::sleep;

use super::Simulator;
use crate::clock::Clock;

/// Behind by more than this (the machine slept, or its clock was set), the meter jumps instead of catching up.
const CATCH_UP: i64 = 10;
/// Ahead by more than this, the meter follows the machine's clock back.
const FALL_BACK: i64 = 3_600;

/// A stream that says what the port of a simulated meter would say now.
#[derive(Debug)]
pub(crate) struct Live {
    seed: u64,
    clock: Clock,
    simulator: Simulator,
    telegram: Vec<u8>,
    used: usize,
}

impl Live {
    /// Starts with the telegram of the next full second.
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        let simulator = Simulator::new(seed, clock.wall().div_euclid(1_000) + 1);
        Self { seed, clock, simulator, telegram: Vec::new(), used: 0 }
    }

    /// The next bytes; waits for the second to begin. Cancelling loses nothing.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used == self.telegram.len() {
            let wait = 1_000 - self.clock.wall().rem_euclid(1_000);
            sleep(Duration::from_millis(wait as u64)).await;
            // The wait may end a little before the second.
            let now = (self.clock.wall() + 100).div_euclid(1_000);
            let behind = now - self.simulator.utc();
            if !(-FALL_BACK..=CATCH_UP).contains(&behind) {
                self.simulator = Simulator::new(self.seed, now);
            }
            (self.telegram, self.used) = (self.simulator.next_telegram(), 0);
        }
        let taken = buffer.len().min(self.telegram.len() - self.used);
        buffer[..taken].copy_from_slice(&self.telegram[self.used..self.used + taken]);
        self.used += taken;
        Ok(taken)
    }
}
