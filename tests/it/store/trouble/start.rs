//! The appliance on a medium that is of no use at its start: it meters, tells, and opens the record when it can.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dsmrd::app::{App, Control};
use dsmrd::clock::Clock;
use dsmrd::config::{self, Settings};
use dsmrd::exit;
use dsmrd::feed::{Event, Feed};
use tokio::sync::mpsc;

use super::fault;
use crate::appliance::daemon::stored;
use crate::appliance::meter::{Meter, telegram};
use crate::store::disk::{Card, Faults};
use crate::store::runtime;
use crate::support::until;

/// A configuration with a meter on a pseudo-terminal.
fn configure(folder: &Path) -> (PathBuf, Meter) {
    let config = folder.join("dsmrd.toml");
    let text = "[[meter]]\nname = \"home\"\nsource = \"tty\"\nline = \"115200 8N1\"\n\
                [store]\npath = \"card/record.sqlite\"\n";
    std::fs::write(&config, text).unwrap();
    std::fs::create_dir_all(folder.join("card")).unwrap();
    (config, Meter::plug_in(&folder.join("tty")))
}

fn settings(config: &Path) -> Settings {
    config::load(config).unwrap().settings
}

/// How many readings the feed has shown, and how the record is said to be.
struct Seen {
    readings: usize,
    states: Vec<&'static str>,
}

impl Seen {
    fn look(&mut self, events: &mut tokio::sync::broadcast::Receiver<Event>) {
        while let Ok(event) = events.try_recv() {
            match event {
                Event::Reading { .. } => self.readings += 1,
                Event::Store(health) if self.states.last() != Some(&health.state()) => {
                    self.states.push(health.state());
                }
                _ => {}
            }
        }
    }
}

/// Runs the appliance on `card` while `work` goes on; the code of its end.
async fn live<F: Future<Output = ()>>(
    card: &Card,
    config: &Path,
    work: impl FnOnce(Feed, mpsc::Sender<Control>) -> F,
) -> u8 {
    let app = App::bind_on(Some(Arc::new(card.clone())), settings(config), Clock::system(), None).unwrap();
    let running = app.start().unwrap();
    let (sender, controls) = mpsc::channel(4);
    let feed = running.feed().clone();
    let path = config.to_owned();
    let run = running.run(controls, move || config::load(&path).map(|loaded| loaded.settings), |_| ());
    let (ending, ()) = tokio::join!(run, work(feed, sender));
    ending.code
}

#[test]
fn a_medium_that_takes_very_long_keeps_no_meter_waiting_at_the_start() {
    let folder = crate::support::scratch();
    let (config, mut meter) = configure(folder.path());
    let card = Card::of(&folder.path().join("card"));
    // A new record is many syncs.
    card.fail(Faults { sync_hangs: true, ..Faults::default() });
    runtime().block_on(async {
        let code = live(&card, &config, async |feed, control| {
            let (mut seen, mut events) = (Seen { readings: 0, states: Vec::new() }, feed.subscribe().1);
            for n in 1..=5 {
                meter.send(&telegram(n));
            }
            until(Duration::from_secs(20), "readings are shown before the record is open", || {
                seen.look(&mut events);
                seen.readings == 5 && seen.states == ["closed"]
            })
            .await;
            card.heal();
            until(Duration::from_secs(40), "the record is open", || {
                seen.look(&mut events);
                seen.states == ["closed", "ok"]
            })
            .await;
            control.send(Control::Stop).await.unwrap();
        })
        .await;
        assert_eq!(code, exit::OK);
    });
    assert_eq!(stored(&config), (1..=5).collect::<Vec<_>>());
}

#[test]
fn it_starts_on_a_read_only_medium_and_stores_what_it_read_when_that_passes() {
    let folder = crate::support::scratch();
    let (config, mut meter) = configure(folder.path());
    let card = Card::of(&folder.path().join("card"));
    runtime().block_on(async {
        // The record has a past.
        let code = live(&card, &config, async |feed, control| {
            meter.send(&telegram(1));
            until(Duration::from_secs(20), "a reading", || feed.snapshot().iter().any(is_reading)).await;
            control.send(Control::Stop).await.unwrap();
        })
        .await;
        assert_eq!(code, exit::OK);
        card.fail(fault("read-only"));
        let code = live(&card, &config, async |feed, control| {
            let (mut seen, mut events) = (Seen { readings: 0, states: Vec::new() }, feed.subscribe().1);
            for n in 2..=30 {
                meter.send(&telegram(n));
            }
            until(Duration::from_secs(20), "readings are shown", || {
                seen.look(&mut events);
                seen.readings == 29 && seen.states == ["closed"]
            })
            .await;
            card.heal();
            until(Duration::from_secs(10), "the record is open", || {
                seen.look(&mut events);
                seen.states == ["closed", "ok"]
            })
            .await;
            meter.send(&telegram(31));
            until(Duration::from_secs(20), "it goes on", || stored(&config).len() == 31).await;
            control.send(Control::Stop).await.unwrap();
        })
        .await;
        assert_eq!(code, exit::OK);
    });
    assert_eq!(stored(&config), (1..=31).collect::<Vec<_>>());
}

fn is_reading(event: &Event) -> bool {
    matches!(event, Event::Reading { .. })
}

#[test]
fn asked_to_stop_while_it_waits_it_tries_a_last_time() {
    for heals in [true, false] {
        let folder = crate::support::scratch();
        let (config, mut meter) = configure(folder.path());
        let card = Card::of(&folder.path().join("card"));
        card.fail(fault("write error"));
        let code = runtime().block_on(live(&card, &config, async |feed, control| {
            let (mut seen, mut events) = (Seen { readings: 0, states: Vec::new() }, feed.subscribe().1);
            for n in 1..=3 {
                meter.send(&telegram(n));
            }
            until(Duration::from_secs(20), "readings are shown", || {
                seen.look(&mut events);
                seen.readings == 3
            })
            .await;
            if heals {
                card.heal();
            }
            control.send(Control::Stop).await.unwrap();
        }));
        let (ends_with, kept) = if heals { (exit::OK, vec![1, 2, 3]) } else { (exit::STORE, Vec::new()) };
        assert_eq!((code, stored(&config)), (ends_with, kept));
    }
}

#[test]
fn a_record_that_another_process_has_ends_the_start() {
    let folder = crate::support::scratch();
    let (config, _meter) = configure(folder.path());
    let card: Card = Card::of(&folder.path().join("card"));
    let open = || App::bind_on(Some(Arc::new(card.clone())), settings(&config), Clock::system(), None);
    runtime().block_on(async {
        let _first = open().unwrap();
        assert!(open().is_err_and(|error| error.to_string().contains("another dsmrd")));
    });
}
