//! The bounded queue between the readers of meters and the store's thread.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::error::FlushError;
use super::journal::Waiting;
use super::prices::ImportSummary;
use super::retention::Retention;
use crate::feed::MeterId;
use crate::meter::Reading;
use crate::prices::Slot;

/// Readings that wait at most: more than an hour of one meter.
pub(super) const CAPACITY: usize = 4_096;
/// Entries taken at a time, so that one write takes them all and waiting senders move on.
const BATCH: usize = 256;

/// What the thread is asked.
#[derive(Debug)]
pub(super) enum Request {
    /// Keep this.
    Reading(MeterId, Arc<Reading>),
    /// Put these prices into the table, then answer.
    Prices(Vec<Slot>, oneshot::Sender<Result<ImportSummary, FlushError>>),
    /// Give up readings after a while, from now on.
    Retain(Retention),
    /// Make everything so far safe, then answer.
    Flush(oneshot::Sender<Result<(), FlushError>>),
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<Request>,
    closed: bool,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    filled: Condvar,
    room: Notify,
    waiting: Waiting,
}

impl Queue {
    /// An empty queue, whose readings are also written down in `waiting` before anybody is told that they are in it.
    pub(super) fn new(waiting: Waiting) -> Self {
        Self { waiting, ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request unless the queue is full; a flush always finds room.
    pub(super) fn offer(&self, request: Request) -> Result<(), Request> {
        let mut inner = self.lock();
        let bounded = !matches!(request, Request::Flush(..));
        if inner.closed || (bounded && inner.entries.len() >= CAPACITY) {
            return Err(request);
        }
        if let Request::Reading(meter, reading) = &request {
            self.waiting.joins(&meter.name, reading);
        }
        inner.entries.push_back(request);
        drop(inner);
        self.filled.notify_one();
        Ok(())
    }

    /// Adds a request, waiting for room; false when the queue is closed.
    pub(super) async fn put(&self, mut request: Request) -> bool {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            // Listening starts before the look, so that no room is missed.
            room.as_mut().enable();
            match self.offer(request) {
                Ok(()) => return true,
                Err(_) if self.lock().closed => return false,
                Err(back) => request = back,
            }
            room.await;
        }
    }

    /// Requests that wait.
    pub(super) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// No more requests; those inside are still taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
        self.room.notify_waiters();
    }

    /// The thread is gone: nobody is left waiting for an answer.
    pub(super) fn abandon(&self) {
        self.close();
        self.lock().entries.clear();
    }

    /// Takes what there is into `batch`, waiting for it up to `limit`; false when closed and empty.
    pub(super) fn take(&self, batch: &mut Vec<Request>, limit: Duration) -> bool {
        let mut inner = self.lock();
        if inner.entries.is_empty() && !inner.closed {
            inner = self.filled.wait_timeout(inner, limit).unwrap_or_else(PoisonError::into_inner).0;
        }
        let count = inner.entries.len().min(BATCH);
        batch.extend(inner.entries.drain(..count));
        let goes_on = !batch.is_empty() || !inner.closed;
        drop(inner);
        self.room.notify_waiters();
        goes_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Proof;

    fn reading() -> Request {
        Request::Reading(MeterId { name: "home".into() }, Arc::new(Reading::new(0, Proof::Verified)))
    }

    #[test]
    fn a_full_queue_refuses_readings_and_takes_flushes() {
        let queue = Queue::default();
        for _ in 0..CAPACITY {
            assert!(queue.offer(reading()).is_ok());
        }
        assert!(queue.offer(reading()).is_err());
        assert!(queue.offer(Request::Flush(oneshot::channel().0)).is_ok());
    }

    #[tokio::test]
    async fn put_waits_for_room_and_ends_with_the_queue() {
        let queue = Arc::new(Queue::default());
        for _ in 0..CAPACITY {
            assert!(queue.put(reading()).await);
        }
        let waiting = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { (queue.put(reading()).await, queue.put(reading()).await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let mut batch = Vec::new();
        assert!(queue.take(&mut batch, Duration::ZERO));
        assert_eq!(batch.len(), BATCH);
        assert_eq!(waiting.await.expect("it does not panic"), (true, true));
        queue.close();
        assert!(!queue.put(reading()).await);
    }

    #[tokio::test]
    async fn an_abandoned_queue_leaves_nobody_waiting() {
        let queue = Queue::default();
        let (answer, answered) = oneshot::channel();
        assert!(queue.offer(Request::Flush(answer)).is_ok());
        queue.abandon();
        assert!(answered.await.is_err());
        assert!(!queue.take(&mut Vec::new(), Duration::ZERO));
    }
}
