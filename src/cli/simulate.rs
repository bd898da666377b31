//! `dsmrd simulate`: the simulated meter alone.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use dsmrd::clock::Clock;
use dsmrd::exit;
use dsmrd::p1::cipher::{self, Envelope, Keys};
use dsmrd::source::fanout::Fanout;
use dsmrd::source::pty::Pty;
use dsmrd::source::simulate::Simulator;

use super::Outcome;
use super::keys::KeyArgs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Stop after so many telegrams, one a second of the meter's time [default: 86400 into a file or pipe, else
    /// none]
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,

    /// The household: equal seeds give equal telegrams
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// The meter's time at the start, such as 2026-01-31, 2026-01-31T18:00 (Dutch time) or
    /// 2026-01-31T17:00:00Z [default: now]
    #[arg(long, value_name = "T", value_parser = start)]
    start: Option<i64>,

    /// How many times faster than real time, or `max` [default: max into a file or pipe, else 1]
    #[arg(long, value_name = "N|max", value_parser = speed)]
    speed: Option<Speed>,

    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE", group = "target")]
    output: Option<PathBuf>,

    /// Feed a new pseudo-terminal and print its path
    #[arg(long, group = "target")]
    pty: bool,

    /// Serve every client that connects, such as 127.0.0.1:2001
    #[arg(long, value_name = "ADDR", group = "target")]
    listen: Option<String>,

    #[command(flatten)]
    keys: KeyArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speed {
    /// So many seconds of the meter in one second.
    Times(u32),
    Max,
}

fn speed(text: &str) -> Result<Speed, String> {
    match text {
        "max" => Ok(Speed::Max),
        _ => match text.parse() {
            Ok(times @ 1..) => Ok(Speed::Times(times)),
            _ => Err("a whole number of at least 1, or `max`".to_owned()),
        },
    }
}

fn start(text: &str) -> Result<i64, String> {
    let instant = text.parse::<jiff::Timestamp>().or_else(|_| {
        let zone = TimeZone::get("Europe/Amsterdam")?;
        zone.to_timestamp(text.parse::<DateTime>()?)
    });
    let seconds =
        instant.map_err(|_| "a date (2026-01-31), a time (2026-01-31T18:00), or an instant".to_owned())?;
    let life = Simulator::life();
    if life.contains(&seconds.as_second()) {
        return Ok(seconds.as_second());
    }
    Err("the simulated meter lives from 2024-01-01 to 2099-12-31".to_owned())
}

/// Where the telegrams go.
enum Target {
    Stream(Box<dyn Write + Send>),
    Pty(Pty),
    Network(Fanout),
}

impl Target {
    async fn open(args: &Args) -> anyhow::Result<Self> {
        if args.pty {
            let pty = Pty::open().context("cannot open a pseudo-terminal")?;
            say!("{}", pty.path().display());
            return Ok(Self::Pty(pty));
        }
        if let Some(address) = &args.listen {
            let fanout =
                Fanout::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
            say!("tcp://{}", fanout.address());
            return Ok(Self::Network(fanout));
        }
        let out: Box<dyn Write + Send> = match &args.output {
            Some(path) => {
                let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
                Box::new(file)
            }
            None => Box::new(io::stdout()),
        };
        Ok(Self::Stream(Box::new(io::BufWriter::with_capacity(1 << 16, out))))
    }
}

/// The frame around each telegram of a meter that encrypts.
struct Sealer {
    keys: Keys,
    system_title: [u8; 8],
}

impl Sealer {
    fn new(keys: Keys, seed: u64) -> Self {
        let [.., a, b, c, d] = seed.to_be_bytes();
        Self { keys, system_title: [b'S', b'I', b'M', b'1', a, b, c, d] }
    }

    /// `utc` is the telegram's second. As the frame counter it rises by one a telegram, over restarts too, so that
    /// none is used twice.
    fn seal(&self, telegram: &[u8], utc: i64) -> Vec<u8> {
        let counter = u32::try_from(utc).unwrap_or(u32::MAX);
        cipher::seal(telegram, &Envelope::new(self.system_title, counter), &self.keys)
    }
}

/// What to send, and how.
struct Feed {
    simulator: Simulator,
    sealer: Option<Sealer>,
    seconds: u64,
    speed: Speed,
    stop: CancellationToken,
}

pub(super) fn run(args: &Args) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(simulate(args))
}

async fn simulate(args: &Args) -> Outcome {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let sealer = args.keys.keys(false)?.map(|keys| Sealer::new(keys, args.seed));
    let target = Target::open(args).await?;
    // Somebody who looks on wants to see a meter; a file or pipe wants telegrams.
    let looked_at = args.output.is_none() && io::stdout().is_terminal();
    let bulk = matches!(target, Target::Stream(_)) && !looked_at;
    let now = Clock::system().wall().div_euclid(1_000);
    let feed = Feed {
        sealer,
        simulator: Simulator::new(args.seed, args.start.unwrap_or(now)),
        seconds: args.seconds.unwrap_or(if bulk { 86_400 } else { u64::MAX }),
        speed: args.speed.unwrap_or(if bulk { Speed::Max } else { Speed::Times(1) }),
        stop: CancellationToken::new(),
    };
    let stop = feed.stop.clone();
    let mut fed = match target {
        Target::Stream(out) => apart(feed, out)?,
        target => tokio::spawn(feed.run(target)),
    };
    let outcome = tokio::select! {
        outcome = &mut fed => outcome,
        _ = terminate.recv() => ended(&stop, &mut fed).await,
        _ = interrupt.recv() => ended(&stop, &mut fed).await,
    };
    outcome?.map(|()| exit::OK)
}

/// A pipe that nobody empties blocks whoever writes into it, signals or not: a thread of its own does.
fn apart(feed: Feed, out: Box<dyn Write + Send>) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let (done, fed) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("simulate".into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let outcome = match runtime {
            Ok(runtime) => runtime.block_on(feed.run(Target::Stream(out))),
            Err(error) => Err(error.into()),
        };
        let _ = done.send(outcome);
    })?;
    Ok(tokio::spawn(async move { fed.await? }))
}

/// Asked to stop: what is under way gets a moment to end.
async fn ended(
    stop: &CancellationToken,
    fed: &mut JoinHandle<anyhow::Result<()>>,
) -> Result<anyhow::Result<()>, JoinError> {
    stop.cancel();
    timeout(Duration::from_secs(1), fed).await.unwrap_or(Ok(Ok(())))
}

impl Feed {
    async fn run(mut self, mut target: Target) -> anyhow::Result<()> {
        let stop = self.stop.clone();
        // A telegram under way to a pseudo-terminal or client may be cut; a file is written to a telegram's end.
        let ended = match &mut target {
            Target::Stream(_) => self.send(&mut target).await,
            _ => stop.run_until_cancelled(self.send(&mut target)).await.unwrap_or(Ok(())),
        };
        ended?;
        match target {
            Target::Stream(mut out) => {
                quiet_end(out.flush())?;
            }
            // What was sent last is still on its way.
            Target::Pty(pty) => drain(&pty).await?,
            Target::Network(fanout) => {
                tokio::time::sleep(Duration::from_millis(200)).await;
                let dropped = fanout.counters().dropped.get();
                if dropped > 0 {
                    complain!("dsmrd: {dropped} clients were dropped: too slow, or too many");
                }
                fanout.close().await;
            }
        }
        Ok(())
    }

    async fn send(&mut self, target: &mut Target) -> anyhow::Result<()> {
        let begin = Instant::now();
        for number in 0..self.seconds {
            if let Speed::Times(times) = self.speed {
                let due = begin + Duration::from_micros(number.saturating_mul(1_000_000 / u64::from(times)));
                if self.stop.run_until_cancelled(sleep_until(due)).await.is_none() {
                    return Ok(());
                }
            } else if number % 64 == 0 {
                // Lets signals in.
                tokio::task::yield_now().await;
            }
            if self.stop.is_cancelled() || !Simulator::life().contains(&self.simulator.utc()) {
                return Ok(());
            }
            let utc = self.simulator.utc();
            let mut telegram = self.simulator.next_telegram();
            if let Some(sealer) = &self.sealer {
                telegram = sealer.seal(&telegram, utc);
            }
            match target {
                Target::Stream(out) => {
                    let written = out.write_all(&telegram);
                    // At a pace, every telegram goes out at once.
                    let flush = self.speed != Speed::Max;
                    let written = if flush { written.and_then(|()| out.flush()) } else { written };
                    if !quiet_end(written)? {
                        return Ok(());
                    }
                }
                Target::Pty(pty) if self.speed == Speed::Max => pty.write_all(&telegram).await?,
                Target::Pty(pty) => drop(pty.offer(&telegram)?),
                Target::Network(fanout) if self.speed == Speed::Max => {
                    fanout.send_at_their_pace(&telegram).await
                }
                Target::Network(fanout) => fanout.send(&telegram),
            }
        }
        Ok(())
    }
}

/// Waits a moment for a reader to take the last telegram.
async fn drain(pty: &Pty) -> io::Result<()> {
    for _ in 0..20 {
        if pty.unread()? == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Whether to go on; a reader that has seen enough (`| head`) is no failure.
fn quiet_end(written: io::Result<()>) -> anyhow::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write the telegrams"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_dates_times_and_instants() {
        assert_eq!(start("2026-01-31"), Ok(1_769_814_000));
        assert_eq!(start("2026-01-31T18:00"), Ok(1_769_814_000 + 18 * 3_600));
        assert_eq!(start("2026-01-31T17:00:00Z"), Ok(1_769_814_000 + 18 * 3_600));
        assert!(start("yesterday").unwrap_err().contains("2026-01-31"));
        assert!(start("1999-01-01").unwrap_err().contains("2024-01-01 to 2099-12-31"));
    }

    #[test]
    fn no_frame_counter_is_used_twice() {
        let key = "000102030405060708090A0B0C0D0E0F".parse().unwrap();
        let sealer = Sealer::new(Keys::new(key), 7);
        let frames = [1_769_814_000, 1_769_814_001].map(|utc| sealer.seal(b"/SIM5\r\n", utc));
        assert_eq!(frames[0][..13], *b"\xDB\x08SIM1\0\0\0\x07\x82\0\x18");
        let counters = frames.map(|frame| u32::from_be_bytes(frame[14..18].try_into().unwrap()));
        assert_eq!(counters, [1_769_814_000, 1_769_814_001]);
    }

    #[test]
    fn speeds_are_numbers_or_max() {
        assert_eq!(speed("10"), Ok(Speed::Times(10)));
        assert_eq!(speed("max"), Ok(Speed::Max));
        assert!(speed("0").is_err() && speed("fast").is_err());
    }
}
