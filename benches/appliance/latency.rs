//! Measures the appliance from outside: a pseudo-terminal, the real program, a real mosquitto, a subscriber.
//!
//! `latency WHAT DSMRD TELEGRAMS FOLDER [COUNT] [INTERVAL_MS]` sends COUNT telegrams of a recording one by one and
//! waits for each at the subscriber, then the rest of the recording at speed, and prints `key value` lines. WHAT is
//! `plain`; `whole`, with both layouts and a contract; `share`, with nine readers of the meter's share that read and one that does not; `encrypted`, whose key
//! is in `FOLDER/meter.key`; or `noise`, which sends an hour of noise before the rest. FOLDER takes configuration,
//! database and logs. `provisioning/bench` calls it.
#![expect(clippy::disallowed_methods, reason = "measuring time is what it is for")]

mod rig;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use rig::{Process, Pty};

/// A message that takes longer counts as lost.
const LOST: Duration = Duration::from_secs(1);

/// Between telegrams whose latency is not measured.
const FAST: Duration = Duration::from_millis(10);

/// Readers of the share that read.
const READERS: usize = 9;

/// What a line of 115200 baud carries in an hour.
const HOUR_OF_NOISE: usize = 115_200 / 10 * 3_600;

/// What a USB adapter hands over at once: 16 ms of that line.
const PIECE: usize = 184;

/// Keys of the broker for all that can be published, and what energy costs.
const WHOLE: &str = r#"
layouts = ["dsmrd", "dsmr-reader"]

[[contract]]
name = "bench"
start = 2015-01-01
import_t1 = 0.2412
import_t2 = 0.2631
export = 0.0550
feed_in = 0.0150
gas = 1.2795
fixed = 0.6841
"#;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, program, recording, folder, rest @ ..] = arguments.as_slice() else {
        return Err("usage: latency WHAT DSMRD TELEGRAMS FOLDER [COUNT] [INTERVAL_MS]".into());
    };
    let number = |index: usize, default: u64| rest.get(index).map_or(Ok(default), |text| text.parse());
    let (count, interval) = (number(0, 1_000)? as usize, Duration::from_millis(number(1, 100)?));
    let telegrams = split(&std::fs::read(recording)?);
    if telegrams.len() <= count {
        return Err(
            format!("{recording} has {} telegrams, more than {count} are needed", telegrams.len()).into()
        );
    }

    let folder = Path::new(folder);
    let (_broker, port) = rig::start_broker(folder)?;
    let mut port_of_meter = Pty::open()?;
    let share = SocketAddr::from((Ipv4Addr::LOCALHOST, rig::free_port()?));
    let (meter, more) = match what.as_str() {
        "plain" | "noise" => (String::new(), ""),
        "whole" => (String::new(), WHOLE),
        "share" => (format!("[meter.share]\nlisten = \"{share}\"\n"), ""),
        "encrypted" => ("key_file = \"meter.key\"\n".to_owned(), ""),
        _ => return Err(format!("`{what}`: plain, whole, share, encrypted or noise").into()),
    };
    let dsmrd = rig::start_dsmrd(Path::new(program), folder, &port_of_meter.name, port, (&meter, more))?;
    let messages = rig::subscribe(port)?;

    let mut telegrams = telegrams.iter();
    // Until the first message comes, the port is not open or the broker not connected.
    let started = Instant::now();
    while messages.recv_timeout(Duration::from_millis(500)).is_err() {
        if started.elapsed() > Duration::from_secs(30) {
            return Err(format!("no message; see {}", folder.join("dsmrd.log").display()).into());
        }
        port_of_meter.master.write_all(telegrams.next().ok_or("no telegrams left")?)?;
    }
    let shared = what == "share";
    let readers = (0..if shared { READERS } else { 0 }).map(|_| rig::read_share(share));
    let readers = readers.collect::<Result<Vec<_>>>()?;
    let stalled = shared.then(|| rig::stall(share)).transpose()?;
    // Whoever connects gets telegrams from the next one on, and must be in by then.
    std::thread::sleep(Duration::from_millis(500));

    let cpu_before = cpu(&dsmrd)?;
    let (mut to_subscriber, mut to_readers) = (Latencies::default(), Latencies::default());
    for telegram in telegrams.by_ref().take(count) {
        // What came too late is not what this one is waited for.
        messages.try_iter().for_each(drop);
        readers.iter().for_each(|reader| reader.try_iter().for_each(drop));
        port_of_meter.master.write_all(telegram)?;
        let sent = Instant::now();
        to_subscriber.add(sent, messages.recv_timeout(LOST).ok());
        if shared {
            // The last of them counts.
            let arrived: Option<Vec<Instant>> = readers.iter().map(|it| it.recv_timeout(LOST).ok()).collect();
            to_readers.add(sent, arrived.and_then(|all| all.into_iter().max()));
        }
        std::thread::sleep(interval.saturating_sub(sent.elapsed()));
    }
    println!("cpu_seconds {:.2}", cpu(&dsmrd)? - cpu_before);
    if what == "noise" {
        noise(&mut port_of_meter, &dsmrd)?;
        messages.try_iter().for_each(drop);
        port_of_meter.master.write_all(telegrams.next().ok_or("no telegrams left")?)?;
        let came = messages.recv_timeout(LOST).is_ok();
        println!("noise_next {}", if came { "accepted" } else { "lost" });
    }
    for telegram in telegrams {
        port_of_meter.master.write_all(telegram)?;
        std::thread::sleep(FAST);
    }

    println!("telegrams {count}");
    println!("interval_ms {}", interval.as_millis());
    to_subscriber.print("");
    if shared {
        to_readers.print("share_");
    }
    if let Some(stalled) = stalled {
        println!("stalled {}", if rig::is_dropped(stalled)? { "dropped" } else { "kept" });
    }
    println!("rss_kib {}", rig::status_kib(dsmrd.0.id(), "VmRSS")?);
    println!("rss_peak_kib {}", rig::status_kib(dsmrd.0.id(), "VmHWM")?);
    Ok(())
}

/// User and system time so far.
fn cpu(dsmrd: &Process) -> Result<f64> {
    rig::cpu_seconds(dsmrd.0.id())
}

/// An hour of noise as fast as dsmrd takes it, in the pieces in which it would come.
fn noise(meter: &mut Pty, dsmrd: &Process) -> Result<()> {
    let mut piece = [0; PIECE];
    let mut state = 1_u64;
    println!("noise_rss_before_kib {}", rig::status_kib(dsmrd.0.id(), "VmRSS")?);
    let before = cpu(dsmrd)?;
    let mut left = HOUR_OF_NOISE;
    while left > 0 {
        let length = left.min(PIECE);
        for byte in &mut piece[..length] {
            // xorshift64: noise that is the same each time.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 32) as u8;
        }
        meter.master.write_all(&piece[..length])?;
        while !meter.is_taken() {
            std::thread::sleep(Duration::from_micros(20));
        }
        left -= length;
    }
    println!("noise_bytes {HOUR_OF_NOISE}");
    println!("noise_cpu_seconds {:.2}", cpu(dsmrd)? - before);
    println!("noise_rss_after_kib {}", rig::status_kib(dsmrd.0.id(), "VmRSS")?);
    Ok(())
}

/// How long telegrams took, and how many did not come.
#[derive(Default)]
struct Latencies {
    taken: Vec<Duration>,
    lost: usize,
}

impl Latencies {
    fn add(&mut self, sent: Instant, received: Option<Instant>) {
        match received {
            Some(received) => self.taken.push(received.saturating_duration_since(sent)),
            None => self.lost += 1,
        }
    }

    fn print(&mut self, prefix: &str) {
        self.taken.sort();
        let percentile = |share: usize| {
            let index = (self.taken.len() * share / 100).min(self.taken.len().saturating_sub(1));
            self.taken.get(index).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
        };
        println!("{prefix}latency_median_ms {:.2}", percentile(50));
        println!("{prefix}latency_p95_ms {:.2}", percentile(95));
        println!("{prefix}latency_max_ms {:.2}", percentile(100));
        println!("{prefix}lost {}", self.lost);
    }
}

/// Cuts a recording into telegrams: each from its `/` to the end of the line with its `!`; encrypted ones by the
/// length they tell, `DB 08`, eight bytes of title, `82`, two of length.
fn split(recording: &[u8]) -> Vec<Vec<u8>> {
    let mut telegrams = Vec::new();
    let mut rest = recording;
    while let [0xDB, 0x08, _, _, _, _, _, _, _, _, 0x82, high, low, ..] = rest {
        let length = 13 + usize::from(u16::from_be_bytes([*high, *low]));
        let Some((telegram, behind)) = rest.split_at_checked(length) else { break };
        telegrams.push(telegram.to_vec());
        rest = behind;
    }
    let mut telegram = Vec::new();
    for line in rest.split_inclusive(|&byte| byte == b'\n') {
        telegram.extend_from_slice(line);
        if line.starts_with(b"!") {
            telegrams.push(std::mem::take(&mut telegram));
        }
    }
    telegrams
}
