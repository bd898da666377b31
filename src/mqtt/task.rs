//! The handle of a driver: start, wait, stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::BrokerSettings;
use super::driver::Driver;
use super::layouts::{Hooks, Layouts};
use crate::clock::Clock;
use crate::feed::{Feed, MeterId};
use crate::meter::Reading;
use crate::publish::{LayoutError, Message};
use crate::telemetry::{BrokerCounters, StoreHealth};
use crate::totals::Totals;

/// Turns what meters report into messages.
pub trait Render: Send {
    /// The messages of a reading and what it comes to over time.
    fn reading(
        &mut self,
        meter: &MeterId,
        reading: &Reading,
        totals: Option<&Totals>,
        out: &mut Vec<Message>,
    );
    /// The messages of a meter's link that came up or went down.
    fn link(&mut self, meter: &MeterId, online: bool, out: &mut Vec<Message>);

    /// The messages of how the record is.
    fn store(&mut self, _health: &StoreHealth, _out: &mut Vec<Message>) {}

    /// The topic filters to listen to.
    fn subscriptions(&self) -> Vec<String> {
        Vec::new()
    }

    /// The messages in answer to one that the broker kept (`retained`) or passes on.
    fn heard(&mut self, _topic: &str, _payload: &[u8], _retained: bool, _out: &mut Vec<Message>) {}
}

/// What the handle asks of its task.
#[derive(Debug)]
pub(super) enum Command {
    /// Tell when everything so far is acknowledged.
    Drained(oneshot::Sender<()>),
    /// Leave in order.
    Stop { within: Duration, done: oneshot::Sender<bool> },
}

/// A running driver. Dropping it ends it without a farewell, as a crash would.
#[derive(Debug)]
pub struct BrokerTask {
    name: String,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

impl BrokerTask {
    /// The broker's name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for the task's end, which before [`BrokerTask::stop`] is a fault in the program: the error, if it
    /// panicked.
    pub async fn ended(&mut self) -> Option<tokio::task::JoinError> {
        (&mut self.task).await.err()
    }

    /// Waits until everything published to the feed so far is acknowledged; for ever, if the broker is away.
    pub async fn drained(&self) {
        let (sender, receiver) = oneshot::channel();
        if self.commands.send(Command::Drained(sender)).await.is_ok() {
            let _ = receiver.await;
        }
    }

    /// Delivers what waits, says `offline`, and leaves in order, all within the given time. False when that
    /// was not possible; the broker then publishes the will.
    pub async fn stop(mut self, within: Duration) -> bool {
        let (done, receiver) = oneshot::channel();
        let farewell = self.commands.send(Command::Stop { within, done }).await.is_ok()
            && tokio::time::timeout(within, receiver).await.is_ok_and(|answer| answer.unwrap_or(false));
        self.task.abort();
        let _ = (&mut self.task).await;
        farewell
    }
}

impl Drop for BrokerTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts the driver of a broker with the layouts of its settings; `None` for one that is switched off, which
/// opens no socket. Runs on the current runtime.
///
/// # Errors
///
/// When a layout cannot be built, which a checked configuration rules out.
pub fn spawn(
    settings: BrokerSettings,
    hooks: Hooks,
    feed: &Feed,
    counters: Arc<BrokerCounters>,
    clock: Clock,
) -> Result<Option<BrokerTask>, LayoutError> {
    let layouts = Layouts::new(&settings, hooks)?;
    Ok(spawn_rendered(settings, Box::new(layouts), feed, counters, clock))
}

/// As [`spawn`], with messages of another making.
pub fn spawn_rendered(
    settings: BrokerSettings,
    render: Box<dyn Render>,
    feed: &Feed,
    counters: Arc<BrokerCounters>,
    clock: Clock,
) -> Option<BrokerTask> {
    if !settings.enabled {
        return None;
    }
    let name = settings.name.clone();
    let (commands, receiver) = mpsc::channel(4);
    let driver = Driver::new(settings, render, feed, counters, clock);
    let task = tokio::spawn(driver.run(receiver));
    Some(BrokerTask { name, commands, task })
}
