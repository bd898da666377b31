//! What was written down for the thread while it was at the card, and readings that nothing takes any more.

use super::Writer;
use crate::store::error::FlushError;
use crate::store::journal::Waiting;

impl Writer {
    /// Where readings are written down on their way here.
    pub(in crate::store) fn waiting(&self) -> Waiting {
        self.waiting.clone()
    }

    /// What an earlier process had not come to is in the journal now, or in a block; it may be written over once the kernel
    /// has it there.
    pub(super) fn settle_at_open(&mut self) {
        // The thread tries again.
        let _ = self.journal.write();
        self.settle();
    }

    /// Tells that nothing waits, where this is so.
    pub(super) fn settle(&mut self) {
        if self.journal.is_written() {
            let head = self.journal.waits(self.standing.stored);
            self.waiting.settle(self.taken, head, self.journal.next_sequence());
        }
    }

    /// Makes everything safe for the end of the thread; what does not reach the card stays in memory.
    pub(super) fn end(&mut self) -> Result<(), FlushError> {
        let flushed = self.flush();
        if self.journal.is_written() {
            self.waiting.remove();
        }
        self.journal.end();
        flushed
    }

    pub(super) fn drop_one(&mut self, reason: &'static str) {
        // Those behind it come one number earlier than they were told.
        self.waiting.spoil();
        self.counters.dropped_write_error.inc();
        if self.drop_trouble.failed(self.clock.mono()) {
            let dropped = self.counters.dropped_write_error.get();
            tracing::error!(reason, dropped, "a reading is lost");
        }
    }
}
