//! `dsmrd replay`: recorded telegrams through the whole pipeline, into the record and to the brokers. What is
//! replayed twice is stored twice.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::{mpsc, oneshot};

use dsmrd::app::{Books, Brokers, Control, MeterRegistry, signals};
use dsmrd::clock::Clock;
use dsmrd::config::{self, LogFormat, MeterSettings, Settings};
use dsmrd::exit;
use dsmrd::feed::{CAPACITY, Event, Feed, MeterId};
use dsmrd::mqtt::Hooks;
use dsmrd::p1::foreign::Protocol;
use dsmrd::p1::frame::Rejected;
use dsmrd::source::replay::{Recording, Replayed};
use dsmrd::store::Store;
use dsmrd::telemetry::{MeterCounters, StoreCounters, log};

use super::{ConfigFile, Outcome};

/// How long brokers get at the end for their farewell; by then nothing is pending.
const FAREWELL: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recordings, in the order to replay them; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
    /// How many times as fast as the telegrams' own clock, or `max`.
    #[arg(long, default_value = "1", value_name = "N|max")]
    speed: Speed,
    /// The meter the telegrams are of; the first of the configuration by default.
    #[arg(long, value_name = "NAME")]
    meter: Option<String>,
}

/// How fast a recording is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speed {
    /// This many thousandths of real time.
    Times(u64),
    /// As fast as it goes.
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{fraction:0<3}");
        let plain = fraction.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
        match digits.parse() {
            Ok(thousandths) if plain && thousandths > 0 => Ok(Self::Times(thousandths)),
            _ => {
                Err("give a number above 0 with at most three decimals, such as 1, 60 or 0.5, or max"
                    .to_owned())
            }
        }
    }
}

impl Speed {
    /// How long to wait for `millis` of the telegrams' time.
    fn wait(self, millis: i64) -> Duration {
        match self {
            Self::Max => Duration::ZERO,
            Self::Times(thousandths) => {
                Duration::from_millis((millis.max(0) as u64).saturating_mul(1000) / thousandths)
            }
        }
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut settings = config::load(&args.config.config)?.settings;
    let clock = Clock::system();
    let format = match settings.log.format {
        LogFormat::Text => log::Format::Text,
        LogFormat::Json => log::Format::Json,
    };
    log::init(settings.log.level, format, !config::under_journald(), clock.clone());
    let meter = match &args.meter {
        None => settings.meters[0].clone(),
        Some(name) => match settings.meters.iter().find(|meter| meter.name == *name) {
            Some(meter) => meter.clone(),
            None => bail!("no meter is named {name:?} in {}", args.config.config.display()),
        },
    };
    for broker in &mut settings.mqtt {
        // A running dsmrd keeps its own session, and its own word on whether it lives.
        broker.client_id.push_str("-replay");
        broker.status_topic.push_str("/replay");
    }
    super::runtime()?.block_on(async {
        let controls = signals::listen().context("cannot listen for signals")?;
        Replay::open(settings, clock)?.run(args, &meter, controls).await
    })
}

/// The pipeline without readers: the recording is the reader.
struct Replay {
    store: Store,
    books: Books,
    feed: Feed,
    brokers: Brokers,
    meters: MeterRegistry,
    clock: Clock,
    store_counters: Arc<StoreCounters>,
}

impl Replay {
    fn open(settings: Settings, clock: Clock) -> anyhow::Result<Self> {
        let store_counters = Arc::new(StoreCounters::default());
        let books = Books::new(settings.store.path.clone());
        let store = Store::open(settings.store.clone(), Arc::clone(&store_counters), clock.clone())?;
        let feed = Feed::default();
        let meters = MeterRegistry::default();
        let mut brokers = Brokers::new(feed.clone(), meters.clone(), Hooks::none().prices, clock.clone());
        for broker in &settings.mqtt {
            brokers.start(broker)?;
        }
        for meter in &settings.meters {
            books.open(meter, &settings.prices, store.latest(&meter.name).as_ref());
        }
        Ok(Self { store, books, feed, brokers, meters, clock, store_counters })
    }

    async fn run(
        mut self,
        args: &Args,
        meter: &MeterSettings,
        mut controls: mpsc::Receiver<Control>,
    ) -> Outcome {
        let counters = self.meters.of(&MeterId { name: meter.name.as_str().into() });
        let work = async {
            let (mut first_rejected, mut foreign) = (None, None);
            for file in &args.files {
                let left = self.file(file, args.speed, meter, &counters).await?;
                let of_file = left.first_rejected.map(|Rejected { reason, offset, .. }| {
                    format!("{reason} (byte {offset} of {})", file.display())
                });
                first_rejected = first_rejected.or(of_file);
                foreign = foreign
                    .or(left.foreign.map(|protocol| format!("{}: this is {protocol}", file.display())));
            }
            self.brokers.drained().await;
            anyhow::Ok((first_rejected, foreign))
        };
        let outcome = tokio::select! {
            outcome = work => outcome,
            () = stop_asked(&mut controls) => Err(anyhow::anyhow!("asked to stop before the end")),
        };
        self.brokers.stop(|_| true, FAREWELL).await;
        self.store.close().await.context("the record could not be closed")?;
        complain!(
            "{} telegrams, {} of them rejected: {} readings stored, {} dropped; {} messages acknowledged, {} \
             deduplicated",
            counters.frames.get(),
            counters.rejected(),
            self.store_counters.stored.get(),
            self.store_counters.dropped_queue_full.get() + self.store_counters.dropped_write_error.get(),
            self.brokers.total(|broker| broker.acked.get()),
            self.brokers.total(|broker| broker.deduplicated.get()),
        );
        match outcome? {
            (Some(why), _) if counters.delivered.get() > 0 => complain!("the first one rejected: {why}"),
            _ if counters.delivered.get() > 0 => {}
            // What looked like telegrams within another protocol is not worth a word.
            (_, Some(foreign)) => bail!("no telegram found; {foreign}"),
            (Some(why), None) => bail!("no telegram could be read: {why}"),
            (None, None) => bail!("no telegram found; a telegram begins with a line like /ISK5\\2M550T-1012"),
        }
        Ok(exit::OK)
    }

    /// One recording, paced by its telegrams' clock; what of it became no reading.
    async fn file(
        &self,
        file: &Path,
        speed: Speed,
        meter: &MeterSettings,
        counters: &Arc<MeterCounters>,
    ) -> anyhow::Result<Left> {
        let source = &meter.source;
        let recording = Recording::open(
            file,
            source.max_telegram,
            source.interpreter(),
            source.keys.clone(),
            self.clock.wall(),
            Arc::clone(counters),
        )?;
        let id = MeterId { name: meter.name.as_str().into() };
        let bar = progress(recording.length());
        let (mut telegrams, left) = read_ahead(recording)?;
        let mut last = None;
        while let Some(item) = telegrams.recv().await {
            let item = item.with_context(|| format!("cannot read {}", file.display()))?;
            let at = item.reading.received_at;
            let wait = speed.wait(last.map_or(0, |last| at - last));
            last = Some(at);
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            let reading = Arc::new(item.reading);
            self.store.put(&id, Arc::clone(&reading)).await;
            let totals = self.books.take(&id, &reading);
            self.feed.publish(Event::Reading { meter: id.clone(), reading, totals });
            while self.feed.backlog() > CAPACITY / 2 {
                // Brokers see every reading, however fast the recording is.
                tokio::task::yield_now().await;
            }
            bar.set_position(item.offset);
        }
        bar.finish_and_clear();
        Ok(left.await.unwrap_or_default())
    }
}

/// What of a recording became no reading, for a message.
#[derive(Default)]
struct Left {
    first_rejected: Option<Rejected>,
    foreign: Option<Protocol>,
}

/// What the thread that reads a recording has to say: its telegrams, and at the end what was left of it.
type Reading = (mpsc::Receiver<std::io::Result<Replayed>>, oneshot::Receiver<Left>);

/// Reads the recording on a thread of its own: standard input may have nothing to say for a while.
fn read_ahead(mut recording: Recording) -> anyhow::Result<Reading> {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let (at_the_end, left) = oneshot::channel();
    let read = move || {
        for item in &mut recording {
            if sender.blocking_send(item).is_err() {
                return;
            }
        }
        let (first_rejected, foreign) = (recording.first_rejected(), recording.foreign());
        drop(at_the_end.send(Left { first_rejected, foreign }));
    };
    std::thread::Builder::new().name("recording".into()).spawn(read).context("cannot start a thread")?;
    Ok((receiver, left))
}

async fn stop_asked(controls: &mut mpsc::Receiver<Control>) {
    while let Some(control) = controls.recv().await {
        if control == Control::Stop {
            return;
        }
    }
}

/// A bar on a terminal; nothing elsewhere, and nothing for a stream without an end.
fn progress(total: Option<u64>) -> ProgressBar {
    let Some(total) = total else { return ProgressBar::hidden() };
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} %  {bytes_per_sec}  {eta} left") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_numbers_or_max() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("60".parse(), Ok(Speed::Times(60_000)));
        assert_eq!("0.5".parse(), Ok(Speed::Times(500)));
        for bad in ["0", "-1", "", "fast", "1e3", "0.0001"] {
            assert!(bad.parse::<Speed>().is_err(), "{bad}");
        }
        assert_eq!(Speed::Times(2_000).wait(1_000), Duration::from_millis(500));
        assert_eq!(Speed::Times(1_000).wait(-5), Duration::ZERO);
    }
}
