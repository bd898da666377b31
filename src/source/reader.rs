//! The task of one meter: bytes in, readings out at once, and the source opened again whenever it fails.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::desk::Desk;
use super::error::OpenError;
use super::line::{Chooser, FAIR};
use super::settings::{Line, LineSettings, Parity, SourceSettings, SourceUrl};
use super::stream::Stream;
use crate::clock::Clock;
use crate::feed::MeterId;
use crate::meter::Reading;
use crate::telemetry::MeterCounters;

/// What a meter's task hands out.
#[derive(Debug)]
pub enum Delivery {
    /// A reading, with the telegram it was made from.
    Reading(Reading),
    /// A reading that a server had kept back while nobody read it: for the record, not for the live view.
    Late(Reading),
    /// Telegrams come in (true), or the source cannot be opened or says nothing (false). Told on changes only.
    Link(bool),
}

/// A pause within a telegram that ends it, for meters that send no end mark (DSMR 2).
const PAUSE: Duration = Duration::from_secs(1);
/// The same failure is told again after this time.
const REMINDER: Duration = Duration::from_secs(600);
/// Bytes read at once: more than a telegram of most meters.
const BUFFER: usize = 4_096;

/// Why a stream was given up.
enum Over {
    Shutdown,
    HungUp(Option<io::Error>),
    Reopen,
}

/// Reads one meter until `shutdown`. Nothing that happens to the source ends it: a source that fails is opened
/// again, with growing waits; one that is silent (`settings.silence`, or three times the interval learned) is
/// opened anew. A recording is read once, and then there is nothing more to come.
///
/// `deliver` is called from within the read, so it must not wait.
pub async fn run(
    meter: MeterId,
    settings: SourceSettings,
    clock: Clock,
    counters: Arc<MeterCounters>,
    deliver: impl FnMut(Delivery),
    shutdown: CancellationToken,
) {
    let (url, opener) = (settings.url.clone(), clock.clone());
    let open = async move |line| Stream::open(&url, line, &opener).await;
    run_by(open, meter, settings, clock, counters, deliver, shutdown).await;
}

/// The same by whatever `open` opens.
async fn run_by(
    open: impl AsyncFn(LineSettings) -> Result<Stream, OpenError>,
    meter: MeterId,
    settings: SourceSettings,
    clock: Clock,
    counters: Arc<MeterCounters>,
    deliver: impl FnMut(Delivery),
    shutdown: CancellationToken,
) {
    let line = if matches!(settings.url, SourceUrl::Serial(_)) {
        settings.line
    } else {
        Line::Fixed(LineSettings::M115200_8N1)
    };
    let seed = meter
        .name
        .bytes()
        .fold(clock.wall() as u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut desk = Desk::new(meter, &settings, Chooser::new(line, Instant::now()), clock, counters, deliver);
    let mut backoff = Backoff::new(seed);
    let mut failures = Failures::default();
    loop {
        let line = desk.chooser.current();
        let Some(opened) = shutdown.run_until_cancelled(open(line)).await else { return };
        let over = match opened {
            Ok(stream) => {
                desk.counters.opens.inc();
                failures.opened(&desk.meter, &settings.url, line);
                let (serial, server) = match settings.url {
                    SourceUrl::Serial(_) => (true, false),
                    SourceUrl::Tcp { .. } => (false, true),
                    _ => (false, false),
                };
                desk.opened(line, serial, server);
                session(stream, &mut desk, &shutdown).await
            }
            Err(error) => {
                desk.counters.open_failures.inc();
                failures.failed(&desk.meter, &error.to_string());
                desk.link(false);
                Over::HungUp(None)
            }
        };
        if desk.take_success() {
            backoff.reset();
        }
        if !matches!(over, Over::Shutdown) {
            desk.look_for_silence(Instant::now());
        }
        match over {
            Over::Shutdown => return,
            // Silence is answered at once: the wait for telegrams was long enough.
            Over::Reopen => continue,
            Over::HungUp(error) => {
                if let Some(error) = error {
                    let error = format!("{} hung up: {error}", Place(&settings.url));
                    failures.failed(&desk.meter, &error);
                }
                desk.chooser.lost();
            }
        }
        if shutdown.run_until_cancelled(tokio::time::sleep(backoff.wait())).await.is_none() {
            return;
        }
    }
}

async fn session<D: FnMut(Delivery)>(
    mut stream: Stream,
    desk: &mut Desk<D>,
    shutdown: &CancellationToken,
) -> Over {
    let mut buffer = vec![0; BUFFER];
    let start = Instant::now();
    // Silence is measured from here, or from the last good telegram.
    let mut quiet_from = start;
    let mut last_byte = start;
    let mut unfinished = false;
    loop {
        let mut deadline = desk.last_good.max(quiet_from) + desk.rhythm.silence();
        if unfinished {
            deadline = deadline.min(last_byte + PAUSE);
        }
        if let Some(held) = desk.held_until() {
            deadline = deadline.min(held);
        }
        if desk.chooser.refuted() {
            deadline = deadline.min(start + FAIR);
        }
        // Whether nothing came up to the deadline. A pause is one of the source's: what already waits to be read, while
        // this process stood still, comes first.
        let nothing_came = tokio::select! {
            biased;
            () = shutdown.cancelled() => {
                desk.finish();
                return Over::Shutdown;
            }
            read = stream.read(&mut buffer) => match read {
                Ok(0) if stream.ends() => {
                    desk.finish();
                    tracing::info!(meter = %desk.meter.name, "the recording is read to its end");
                    shutdown.cancelled().await;
                    return Over::Shutdown;
                }
                Ok(0) => {
                    desk.finish();
                    let hung_up = io::Error::new(io::ErrorKind::UnexpectedEof, "a cable was pulled, or a server stopped");
                    return Over::HungUp(Some(hung_up));
                }
                Ok(read) => {
                    desk.bytes(&buffer[..read]);
                    last_byte = Instant::now();
                    unfinished = true;
                    false
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => false,
                Err(error) => {
                    desk.finish();
                    return Over::HungUp(Some(error));
                }
            },
            () = sleep_until(deadline) => true,
        };
        let now = Instant::now();
        if unfinished && nothing_came && now >= last_byte + PAUSE {
            unfinished = false;
            desk.pause();
        }
        if desk.is_held_enough(now, nothing_came) {
            desk.release();
        }
        if desk.chooser.refuted() && now >= start + FAIR {
            desk.finish();
            desk.refuted();
            return Over::Reopen;
        }
        // What came just now may have moved the moment on.
        if now >= desk.last_good.max(quiet_from) + desk.rhythm.silence() {
            desk.finish();
            desk.silent(now);
            if stream.can_restart() {
                return Over::Reopen;
            }
            quiet_from = now;
        }
    }
}

/// What is wrong with the source, told when it changes.
#[derive(Default)]
struct Failures {
    told: Option<(String, Instant)>,
    opened: bool,
}

impl Failures {
    fn failed(&mut self, meter: &MeterId, error: &str) {
        let now = Instant::now();
        if let Some((told, at)) = &self.told
            && told == error
            && now - *at < REMINDER
        {
            tracing::debug!(meter = %meter.name, error, "the source is still away");
            return;
        }
        tracing::warn!(meter = %meter.name, error, "cannot read the meter; trying again");
        self.told = Some((error.to_owned(), now));
    }

    fn opened(&mut self, meter: &MeterId, url: &SourceUrl, line: LineSettings) {
        // A source that is opened anew for its silence is old news.
        if self.opened && self.told.is_none() {
            tracing::debug!(meter = %meter.name, line = %Setting(line), "opened the source again");
            return;
        }
        self.opened = true;
        self.told = None;
        let source = Place(url);
        if let SourceUrl::Serial(_) = url {
            tracing::info!(meter = %meter.name, %source, line = %Setting(line), "opened the port");
        } else {
            tracing::info!(meter = %meter.name, %source, "opened the source");
        }
    }
}

/// A source for people.
struct Place<'a>(&'a SourceUrl);

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            SourceUrl::Serial(path) | SourceUrl::File(path) => write!(f, "{}", path.display()),
            SourceUrl::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            SourceUrl::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            SourceUrl::Stdin => f.write_str("standard input"),
            SourceUrl::Simulate { seed } => write!(f, "the simulated meter (seed {seed})"),
        }
    }
}

/// A line setting for people: `115200 8N1`.
pub(super) struct Setting(pub(super) LineSettings);

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parity = match self.0.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
        };
        write!(f, "{} {}{parity}1", self.0.baud, self.0.data_bits)
    }
}

#[cfg(test)]
mod tests;
