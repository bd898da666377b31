//! Every counter is a field of one of the structs here, and the sums balance.

use std::sync::atomic::{AtomicU64, Ordering};

use super::StoreTroubles;

/// A count that only rises, or a level that is set.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Sets a level.
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// Takes one off a level.
    pub fn dec(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of one meter. `frames = delivered + rejected_*`, and
/// `bytes = delivered_bytes + rejected_bytes + noise_bytes` and what is under way. (A recording that is replayed has
/// `bytes` alone.)
#[derive(Debug, Default)]
pub struct MeterCounters {
    /// Bytes read from the source.
    pub bytes: Counter,
    /// Those of telegrams that became a reading; of encrypted ones the frame around them.
    pub delivered_bytes: Counter,
    /// Those of telegrams that were rejected.
    pub rejected_bytes: Counter,
    /// Those that belong to no telegram.
    pub noise_bytes: Counter,
    /// Ends of telegrams, good or bad, that the framer came to.
    pub frames: Counter,
    /// Telegrams that became a reading.
    pub delivered: Counter,
    /// Telegrams whose CRC failed.
    pub rejected_crc: Counter,
    /// Telegrams cut by the start of the next, or by the end of the source.
    pub rejected_truncated: Counter,
    /// Telegrams over the size limit.
    pub rejected_oversize: Counter,
    /// Telegrams without a CRC where one is demanded.
    pub rejected_no_crc: Counter,
    /// Telegrams that are encrypted and cannot be opened: no key, a wrong key, or a wrong authentication key.
    pub rejected_key: Counter,
    /// Telegrams that a server had kept back, and that do not say of what time they are.
    pub rejected_stale: Counter,
    /// Telegrams delivered that a server had kept back: they are for the record and not for the live view.
    pub late: Counter,
    /// Telegrams delivered whose frame counter did not rise: they may have been sent again.
    pub counter_not_rising: Counter,
    /// Telegrams delivered whose authentication tag was not verified.
    pub unauthenticated: Counter,
    /// Lines that no grammar covers, in telegrams that were delivered.
    pub unrecognised_lines: Counter,
    /// Objects whose value cannot be read, in telegrams that were delivered.
    pub unreadable_objects: Counter,
    /// Times another protocol than P1 was heard.
    pub foreign: Counter,
    /// Times the source was opened.
    pub opens: Counter,
    /// Times opening failed.
    pub open_failures: Counter,
    /// Times the source was reopened because it was silent.
    pub silences: Counter,
}

impl MeterCounters {
    /// Telegrams rejected for whatever reason.
    pub fn rejected(&self) -> u64 {
        let rejected = [
            &self.rejected_crc,
            &self.rejected_truncated,
            &self.rejected_oversize,
            &self.rejected_no_crc,
            &self.rejected_key,
            &self.rejected_stale,
        ];
        rejected.into_iter().map(Counter::get).sum()
    }
}

/// Counters of the store. `offered = stored + dropped_* + waiting`.
#[derive(Debug, Default)]
pub struct StoreCounters {
    /// Readings handed to the store.
    pub offered: Counter,
    /// Readings that are in the journal (and later in a block).
    pub stored: Counter,
    /// Readings dropped because the store's queue was full.
    pub dropped_queue_full: Counter,
    /// Readings dropped because writing failed.
    pub dropped_write_error: Counter,
    /// Blocks written to SQLite.
    pub blocks: Counter,
    /// Syncs of the journal.
    pub syncs: Counter,
    /// Level: bytes of database, WAL and journal on disk.
    pub disk_bytes: Counter,
    /// Level: readings that are in memory and not on the medium.
    pub waiting: Counter,
    /// Times the record's files were let go of, because they were gone or failed for long.
    pub let_go: Counter,
    /// Times there was a record again after that.
    pub had_again: Counter,
    /// What does not work; see [`StoreCounters::health`].
    pub troubles: StoreTroubles,
}

/// Counters of one broker.
/// `offered = acked + superseded + deduplicated + dropped + pending`.
#[derive(Debug, Default)]
pub struct BrokerCounters {
    /// Messages offered to the queue.
    pub offered: Counter,
    /// Messages the broker acknowledged (with QoS 0: that were sent).
    pub acked: Counter,
    /// Messages that a newer one of the same topic replaced before they were sent, or before they were
    /// acknowledged on a link that broke.
    pub superseded: Counter,
    /// Messages not sent because the broker holds, or is about to hold, the same.
    pub deduplicated: Counter,
    /// Messages refused: larger than the broker takes, or not a valid topic.
    pub dropped: Counter,
    /// Level: messages waiting or in flight.
    pub pending: Counter,
    /// Level: 1 while connected.
    pub connected: Counter,
    /// Connections made.
    pub connects: Counter,
    /// Connections that failed or broke.
    pub disconnects: Counter,
    /// Readings this broker's task was too slow to see.
    pub skipped_readings: Counter,
}

/// Counters of the share of one meter. `connects = clients + left + dropped + turned_away`.
#[derive(Debug, Default)]
pub struct ShareCounters {
    /// Level: clients served at this moment.
    pub clients: Counter,
    /// Clients that connected.
    pub connects: Counter,
    /// Clients that hung up, or were there when the share ended.
    pub left: Counter,
    /// Clients dropped because they did not take what they were sent, or did not answer any more.
    pub dropped: Counter,
    /// Clients turned away because there were too many.
    pub turned_away: Counter,
    /// Telegrams sent, each client's counted.
    pub telegrams: Counter,
    /// Bytes of these telegrams.
    pub bytes: Counter,
    /// Times the address could not be had.
    pub bind_failures: Counter,
}
