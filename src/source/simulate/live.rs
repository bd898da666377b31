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
pub struct Live {
    seed: u64,
    clock: Clock,
    simulator: Simulator,
    telegram: Vec<u8>,
    used: usize,
}

impl Live {
    /// Starts with the telegram of the next full second.
    pub fn new(seed: u64, clock: Clock) -> Self {
        let simulator = Simulator::new(seed, clock.wall().div_euclid(1_000) + 1);
        Self { seed, clock, simulator, telegram: Vec::new(), used: 0 }
    }

    /// The telegram of the second that begins next. Cancelling loses nothing.
    pub async fn next_telegram(&mut self) -> Vec<u8> {
        let now = self.clock.wall();
        let wait = match self.simulator.utc() * 1_000 - now {
            due if due <= 0 => 0,
            due if due <= 2_000 => due,
            // The machine's clock was set back: the meter goes on at its own pace.
            _ => 1_000 - now.rem_euclid(1_000),
        };
        sleep(Duration::from_millis(wait as u64)).await;
        let now = self.clock.wall().div_euclid(1_000);
        if !(-FALL_BACK..=CATCH_UP).contains(&(now - self.simulator.utc())) {
            self.simulator = Simulator::new(self.seed, now);
        }
        self.simulator.next_telegram()
    }

    /// The next bytes of the stream of telegrams. Cancelling loses nothing.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used == self.telegram.len() {
            (self.telegram, self.used) = (self.next_telegram().await, 0);
        }
        let taken = buffer.len().min(self.telegram.len() - self.used);
        buffer[..taken].copy_from_slice(&self.telegram[self.used..self.used + taken]);
        self.used += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-02-01 00:00 UTC.
    const START: i64 = 1_706_745_600;

    async fn second(live: &mut Live) -> String {
        let telegram = String::from_utf8(live.next_telegram().await).unwrap();
        telegram.lines().find_map(|line| line.strip_prefix("0-0:1.0.0(")).unwrap()[..12].to_owned()
    }

    #[tokio::test]
    async fn a_short_delay_is_made_up_for_and_a_long_one_is_jumped_over() {
        let clock = Clock::manual(START * 1_000);
        let mut live = Live::new(1, clock.clone());
        clock.advance(3_000);
        let mut seconds = Vec::new();
        for _ in 0..3 {
            seconds.push(second(&mut live).await);
        }
        assert_eq!(seconds, ["240201010001", "240201010002", "240201010003"]);
        clock.advance(3_600_000);
        assert_eq!(second(&mut live).await, "240201020003");
    }
}
