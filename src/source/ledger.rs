//! Where every byte went: into telegrams, into what was rejected, or nowhere.

/// The book of one framer. What is neither in a telegram nor in a rejected one is noise, or still under way.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Bytes that were pushed.
    pushed: u64,
    /// Bytes from the start of the stream whose fate is known.
    settled: u64,
}

impl Ledger {
    /// Bytes go into the framer.
    pub(super) fn pushed(&mut self, bytes: usize) {
        self.pushed += bytes as u64;
    }

    /// The framer tells of `length` bytes at `offset`: how much noise lies in front of them, and how many of
    /// them are new. (Where a frame was found within one that was given up, bytes come twice and count once.)
    pub(super) fn event(&mut self, offset: u64, length: usize) -> (u64, u64) {
        let end = offset + length as u64;
        let noise = offset.saturating_sub(self.settled);
        let own = end.saturating_sub(offset.max(self.settled));
        self.settled = self.settled.max(end);
        (noise, own)
    }

    /// Nothing is to come of all but the last `open` bytes: how many of them had not been told of.
    pub(super) fn settle(&mut self, open: u64) -> u64 {
        let noise = self.under_way().saturating_sub(open);
        self.settled += noise;
        noise
    }

    /// Bytes whose fate is not known.
    pub(super) fn under_way(&self) -> u64 {
        self.pushed.saturating_sub(self.settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_balances() {
        let mut ledger = Ledger::default();
        ledger.pushed(1_000);
        assert_eq!(ledger.event(100, 300), (100, 300));
        // A second frame found within the first, and beyond it.
        assert_eq!(ledger.event(350, 100), (0, 50));
        assert_eq!((ledger.under_way(), ledger.settle(200)), (550, 350));
        assert_eq!(ledger.event(850, 150), (50, 150));
        assert_eq!(ledger.settle(0), 0);
    }
}
