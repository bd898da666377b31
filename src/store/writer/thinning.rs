//! Readings given up after a while: a few blocks after each commit, and never many at a time.

use super::Writer;
use crate::clock::MonoMillis;
use crate::meter::UnixMillis;
use crate::store::db::Database;
use crate::store::retention::{Progress, Retention};

/// Blocks after one commit: a year of hours is done in sixteen days, and a commit writes a few hundred kilobytes more
/// at most.
const BLOCKS: u64 = 48;
/// Blocks in one step, which nothing interrupts: a second of a Pi Zero.
const STEP: u64 = 2;
/// Steps follow each other for so many milliseconds; then they wait until nothing else does.
const AT_ONCE: MonoMillis = 300;
/// However busy the store is, a step is taken once in so many rounds.
const ROUNDS: u32 = 16;

/// What is given up, where anything is.
#[derive(Debug, Default)]
pub(super) struct Thinning {
    progress: Option<Progress>,
    /// Blocks that may still be packed anew before the next commit.
    left: u64,
    rounds: u32,
}

impl Thinning {
    /// Gives up readings from now on.
    pub(super) fn begin(&mut self, retention: Retention, database: &Database) {
        self.progress = (retention != Retention::default()).then(|| Progress::new(retention));
        if self.progress.is_some() && matches!(database.can_give_back(), Ok(false)) {
            tracing::warn!(
                "the database was made by an earlier dsmrd: what retention frees is used again, but the file stays as \
                 long as it is; \"dsmrd db vacuum\", while dsmrd is stopped, makes it short, once and for all"
            );
        }
    }

    /// One step; false when there is nothing left to do before the next commit. A failure costs nothing: it is tried
    /// again after that.
    fn step(&mut self, database: &mut Database, now: UnixMillis) -> bool {
        let Some(progress) = self.progress.as_mut().filter(|_| self.left > 0) else { return false };
        match progress.step(database, now, STEP.min(self.left)) {
            Ok(done) if done.blocks + done.left == 0 => self.left = 0,
            Ok(done) => {
                self.left = self.left.saturating_sub(done.blocks + done.left);
                tracing::debug!(
                    blocks = done.blocks,
                    before = done.before,
                    after = done.after,
                    left = done.left,
                    "gave up old readings for what they come to"
                );
            }
            Err(error) => {
                self.left = 0;
                tracing::warn!(error = %error, "could not give up old readings; they stay until the next try");
            }
        }
        self.left > 0
    }
}

impl Writer {
    /// Begins with what became old since the last commit.
    pub(super) fn thin_at_commit(&mut self) {
        self.thinning.left = BLOCKS;
        let until = self.clock.mono() + AT_ONCE;
        while self.thinning.step(&mut self.database, self.clock.wall()) && self.clock.mono() < until {}
    }

    /// Goes on with it, if there is anything.
    pub(super) fn thin(&mut self, idle: bool) {
        self.thinning.rounds += 1;
        if (idle || self.thinning.rounds >= ROUNDS) && !self.commit_trouble.is_failing() {
            self.thinning.rounds = 0;
            self.thinning.step(&mut self.database, self.clock.wall());
        }
    }
}
