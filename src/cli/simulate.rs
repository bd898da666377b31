//! `dsmrd simulate`: the simulated meter alone.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use dsmrd::clock::Clock;
use dsmrd::exit;
use dsmrd::source::fanout::Fanout;
use dsmrd::source::pty::Pty;
use dsmrd::source::simulate::Simulator;

use super::Outcome;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Stop after so many telegrams, one a second of the meter's time [default: 86400 into standard output or a
    /// file, else none]
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,

    /// The household: equal seeds give equal telegrams
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// The meter's time at the start, such as 2026-01-31, 2026-01-31T18:00 (Dutch time) or
    /// 2026-01-31T17:00:00Z [default: now]
    #[arg(long, value_name = "T", value_parser = start)]
    start: Option<i64>,

    /// How many times faster than real time, or `max` [default: max into standard output or a file, else 1]
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
    Stream(Box<dyn Write>),
    Pty(Pty),
    Network(Fanout),
}

pub(super) fn run(args: &Args) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(simulate(args))
}

async fn simulate(args: &Args) -> Outcome {
    let target = if args.pty {
        let pty = Pty::open().context("cannot open a pseudo-terminal")?;
        println!("{}", pty.path().display());
        Target::Pty(pty)
    } else if let Some(address) = &args.listen {
        let fanout = Fanout::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        println!("tcp://{}", fanout.address());
        Target::Network(fanout)
    } else if let Some(path) = &args.output {
        let file = std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Target::Stream(Box::new(io::BufWriter::with_capacity(1 << 16, file)))
    } else {
        Target::Stream(Box::new(io::BufWriter::with_capacity(1 << 16, io::stdout().lock())))
    };
    let stream = matches!(target, Target::Stream(_));
    let seconds = args.seconds.unwrap_or(if stream { 86_400 } else { u64::MAX });
    let speed = args.speed.unwrap_or(if stream { Speed::Max } else { Speed::Times(1) });
    let now = Clock::system().wall().div_euclid(1_000);
    let mut simulator = Simulator::new(args.seed, args.start.unwrap_or(now));

    let (mut stop, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let feed = feed(&mut simulator, target, seconds, speed);
    tokio::select! {
        fed = feed => fed?,
        _ = stop.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(exit::OK)
}

async fn feed(
    simulator: &mut Simulator,
    mut target: Target,
    seconds: u64,
    speed: Speed,
) -> anyhow::Result<()> {
    let begin = Instant::now();
    for number in 0..seconds {
        if let Speed::Times(times) = speed {
            sleep_until(begin + Duration::from_micros(number.saturating_mul(1_000_000 / u64::from(times))))
                .await;
        } else if number % 64 == 0 {
            // Lets signals in, and the clients of the network take what was sent.
            tokio::task::yield_now().await;
        }
        let telegram = simulator.next_telegram();
        match &mut target {
            Target::Stream(out) => {
                let written = out.write_all(&telegram);
                // At a pace, every telegram goes out at once.
                let written = if speed == Speed::Max { written } else { written.and_then(|()| out.flush()) };
                if !quiet_end(written)? {
                    return Ok(());
                }
            }
            Target::Pty(pty) if speed == Speed::Max => pty.write_all(&telegram).await?,
            Target::Pty(pty) => drop(pty.offer(&telegram)?),
            Target::Network(fanout) => fanout.send(&telegram),
        }
    }
    match target {
        Target::Stream(mut out) => {
            quiet_end(out.flush())?;
        }
        // What was sent last is still on its way.
        Target::Pty(pty) => drain(&pty).await?,
        Target::Network(fanout) => {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let dropped = fanout.counters().dropped.get();
            if dropped > 0 {
                eprintln!("dsmrd: {dropped} clients were dropped: too slow, or too many");
            }
            fanout.close().await;
        }
    }
    Ok(())
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
    fn speeds_are_numbers_or_max() {
        assert_eq!(speed("10"), Ok(Speed::Times(10)));
        assert_eq!(speed("max"), Ok(Speed::Max));
        assert!(speed("0").is_err() && speed("fast").is_err());
    }
}
