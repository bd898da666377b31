//! A reader in virtual time: a day of it passes in a moment.

mod country;
mod lines;
mod noise;
mod silence;

use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::p1::write::TelegramWriter;

/// 2026-01-20 12:00 UTC.
const NOON: i64 = 1_768_910_400_000;

/// What of the log an operator sees, as bytes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Listens to this thread until the guard is dropped.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        // While there is one listener alone, `tracing` asks that of the thread which comes by a line of the log
        // first; a test that does not listen would silence the line for one that does. So there is always another.
        static ANOTHER: OnceLock<tracing::Dispatch> = OnceLock::new();
        ANOTHER.get_or_init(|| tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new()));
        let lines = tracing_subscriber::fmt()
            .with_writer(self.clone())
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .with_max_level(tracing::Level::INFO)
            .finish();
        tracing::subscriber::set_default(lines)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// What was written since `read`, which moves on.
    fn since(&self, read: &mut usize) -> String {
        let bytes = self.0.lock().unwrap();
        let news = String::from_utf8_lossy(&bytes[*read..]).into_owned();
        *read = bytes.len();
        news
    }

    fn count(&self, what: &str) -> usize {
        self.text().lines().filter(|line| line.contains(what)).count()
    }
}

/// Where a test's bytes go: into whatever is open at the moment, or nowhere.
#[derive(Clone, Default)]
struct Cable(Arc<Mutex<Option<Plugged>>>);

/// The line's setting, and the way into what is open.
type Plugged = (LineSettings, UnboundedSender<Vec<u8>>);

impl Cable {
    fn open(&self, line: LineSettings) -> Stream {
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.0.lock().unwrap() = Some((line, sender));
        Stream::Played(receiver)
    }

    /// Sends what `of` makes of the reader's line setting.
    fn send_by(&self, of: impl FnOnce(LineSettings) -> Vec<u8>) {
        if let Some((line, sender)) = &*self.0.lock().unwrap() {
            for chunk in of(*line).chunks(BUFFER) {
                let _ = sender.send(chunk.to_vec());
            }
        }
    }

    fn hang_up(&self) {
        *self.0.lock().unwrap() = None;
    }

    fn send(&self, bytes: &[u8]) {
        self.send_by(|_| bytes.to_vec());
    }

    /// Sends more than the reader takes at once.
    fn send_in_pieces(&self, bytes: &[u8]) {
        bytes.chunks(1_000).for_each(|piece| self.send(piece));
    }
}

/// A reader at work on a cable.
struct Rig {
    cable: Cable,
    clock: Clock,
    counters: Arc<MeterCounters>,
    deliveries: UnboundedReceiver<Delivery>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn serial(line: Line) -> SourceSettings {
    SourceSettings {
        url: SourceUrl::Serial("/dev/played".into()),
        line,
        max_telegram: 8_192,
        silence: Duration::from_secs(20),
        country: None,
        timezone: None,
        keys: None,
        clock_tolerance: None,
    }
}

impl Rig {
    fn start(settings: SourceSettings) -> Self {
        let cable = Cable::default();
        let (clock, counters) = (Clock::manual(NOON), Arc::<MeterCounters>::default());
        let (sender, deliveries) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let opener = cable.clone();
        let task = tokio::spawn(run_by(
            async move |line| Ok(opener.open(line)),
            MeterId { name: "home".into() },
            settings,
            clock.clone(),
            Arc::clone(&counters),
            move |delivery| drop(sender.send(delivery)),
            stop.clone(),
        ));
        Self { cable, clock, counters, deliveries, stop, task }
    }

    /// Lets time pass, for the meter's clock too.
    async fn pass(&self, time: Duration) {
        sleep(time).await;
        self.clock.advance(time.as_millis() as u64);
    }

    /// What was delivered so far: readings, late readings, and what was told of the link.
    fn delivered(&mut self) -> (Vec<Reading>, Vec<Reading>, Vec<bool>) {
        let (mut readings, mut late, mut links) = (Vec::new(), Vec::new(), Vec::new());
        while let Ok(delivery) = self.deliveries.try_recv() {
            match delivery {
                Delivery::Reading(reading) => readings.push(reading),
                Delivery::Late(reading) => late.push(reading),
                Delivery::Link(up) => links.push(up),
            }
        }
        (readings, late, links)
    }

    /// Ends the reader and checks that all it counted balances.
    async fn end(self) -> Arc<MeterCounters> {
        self.stop.cancel();
        self.task.await.unwrap();
        let c = &self.counters;
        assert_eq!(c.frames.get(), c.delivered.get() + c.rejected());
        assert_eq!(c.bytes.get(), c.delivered_bytes.get() + c.rejected_bytes.get() + c.noise_bytes.get());
        self.counters
    }
}

/// A telegram of a meter with this identifier, whose clock shows `seconds` after [`NOON`].
fn telegram_of(id: &str, seconds: u64) -> Vec<u8> {
    let (hours, minutes, seconds) = (13 + seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut writer = TelegramWriter::new(b"ISK5\\2M550T-1012");
    writer
        .line(b"1-3:0.2.8(50)")
        .line(format!("0-0:1.0.0(260120{hours:02}{minutes:02}{seconds:02}W)").as_bytes())
        .line(format!("0-0:96.1.1({id})").as_bytes());
    for register in ["1.8.1", "1.8.2", "2.8.1", "2.8.2"] {
        writer.line(format!("1-0:{register}(000123.456*kWh)").as_bytes());
    }
    for (place, phase) in ["32", "52", "72"].iter().enumerate() {
        writer.line(format!("1-0:{phase}.7.0(23{place}.1*V)").as_bytes());
    }
    writer.finish()
}

fn telegram(seconds: u64) -> Vec<u8> {
    telegram_of("4530303434303037", seconds)
}

/// A telegram without a CRC, as meters of DSMR 2 send.
fn without_crc(number: u64) -> Vec<u8> {
    let mut writer = TelegramWriter::new(b"ISk5\\2MT382-1000");
    for register in ["1.8.1", "1.8.2", "2.8.1", "2.8.2"] {
        writer.line(format!("1-0:{register}({number:05}.001*kWh)").as_bytes());
    }
    writer.finish_without_crc()
}

fn with_parity(text: &[u8]) -> Vec<u8> {
    text.iter().map(|&byte| if byte.count_ones() % 2 == 1 { byte | 0x80 } else { byte }).collect()
}

/// Bytes without a meaning.
struct Noise(u64);

impl Noise {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let next = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 32) as u8
        };
        std::iter::repeat_with(next).take(count).collect()
    }
}
