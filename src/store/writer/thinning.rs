//! Readings given up after a while, a few blocks after each commit.

use crate::meter::UnixMillis;
use crate::store::db::Database;
use crate::store::retention::{Progress, Retention};

/// Blocks that are packed anew in one transaction, and transactions after one commit: a year of hours is done in
/// eight days, and a commit writes a few hundred kilobytes more at most.
const BLOCKS: u64 = 12;
const STEPS: u32 = 4;

/// What is given up, where anything is.
#[derive(Debug, Default)]
pub(super) struct Thinning {
    progress: Option<Progress>,
}

impl Thinning {
    /// Gives up readings from now on.
    pub(super) fn begin(&mut self, retention: Retention, database: &Database) {
        self.progress = (retention != Retention::default()).then(|| Progress::new(retention));
        if self.progress.is_some() && matches!(database.can_give_back(), Ok(false)) {
            tracing::warn!(
                "the database was made by an earlier dsmrd: what retention frees is used again, but the file stays as \
                 long as it is; \"VACUUM\" with sqlite3, while dsmrd is stopped, makes it short once"
            );
        }
    }

    /// A few steps. A failure costs nothing: they are tried again after the next commit.
    pub(super) fn step(&mut self, database: &mut Database, now: UnixMillis) {
        let Some(progress) = &mut self.progress else { return };
        for _ in 0..STEPS {
            match progress.step(database, now, BLOCKS) {
                Ok(done) if done.blocks + done.left == 0 => return,
                Ok(done) => tracing::debug!(
                    blocks = done.blocks,
                    before = done.before,
                    after = done.after,
                    left = done.left,
                    "gave up old readings for what they come to"
                ),
                Err(error) => {
                    tracing::warn!(error = %error, "could not give up old readings; they stay until the next try");
                    return;
                }
            }
        }
    }
}
