//! Measures the appliance from outside: a pseudo-terminal, the real program, a real mosquitto, a subscriber.
//!
//! `latency DSMRD TELEGRAMS FOLDER [COUNT] [INTERVAL_MS]` sends COUNT telegrams of a recording one by one and
//! waits for each at the subscriber, then the rest of the recording at speed, and prints `key value` lines.
//! FOLDER takes configuration, database and logs. `provisioning/bench` calls it.
#![expect(clippy::disallowed_methods, reason = "measuring time is what it is for")]

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Every reading is one message here, and no two are equal.
const TOPIC: &str = "dsmrd/bench/json";

/// A message that takes longer counts as lost.
const LOST: Duration = Duration::from_secs(1);

/// Between telegrams whose latency is not measured.
const FAST: Duration = Duration::from_millis(10);

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, recording, folder, rest @ ..] = arguments.as_slice() else {
        return Err("usage: latency DSMRD TELEGRAMS FOLDER [COUNT] [INTERVAL_MS]".into());
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
    let (_broker, port) = start_broker(folder)?;
    let mut port_of_meter = Pty::open()?;
    let dsmrd = start_dsmrd(Path::new(program), folder, &port_of_meter.name, port)?;
    let messages = subscribe(port)?;

    let mut telegrams = telegrams.iter();
    // Until the first message comes, the port is not open or the broker not connected.
    let started = Instant::now();
    while messages.recv_timeout(Duration::from_millis(500)).is_err() {
        if started.elapsed() > Duration::from_secs(30) {
            return Err(format!("no message; see {}", folder.join("dsmrd.log").display()).into());
        }
        port_of_meter.master.write_all(telegrams.next().ok_or("no telegrams left")?)?;
    }

    let cpu_before = cpu_seconds(dsmrd.0.id())?;
    let mut latencies = Vec::with_capacity(count);
    let mut lost = 0;
    for telegram in telegrams.by_ref().take(count) {
        while messages.try_recv().is_ok() {}
        port_of_meter.master.write_all(telegram)?;
        let sent = Instant::now();
        match messages.recv_timeout(LOST) {
            Ok(received) => latencies.push(received.saturating_duration_since(sent)),
            Err(_) => lost += 1,
        }
        std::thread::sleep(interval.saturating_sub(sent.elapsed()));
    }
    let cpu = cpu_seconds(dsmrd.0.id())? - cpu_before;
    for telegram in telegrams {
        port_of_meter.master.write_all(telegram)?;
        std::thread::sleep(FAST);
    }

    latencies.sort();
    let percentile = |share: usize| {
        let index = (latencies.len() * share / 100).min(latencies.len().saturating_sub(1));
        latencies.get(index).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    };
    println!("telegrams {count}");
    println!("interval_ms {}", interval.as_millis());
    println!("latency_median_ms {:.2}", percentile(50));
    println!("latency_p95_ms {:.2}", percentile(95));
    println!("latency_max_ms {:.2}", percentile(100));
    println!("lost {lost}");
    println!("cpu_seconds {cpu:.2}");
    println!("rss_kib {}", status_kib(dsmrd.0.id(), "VmRSS")?);
    println!("rss_peak_kib {}", status_kib(dsmrd.0.id(), "VmHWM")?);
    Ok(())
}

/// A process that ends with the value: asked first, then killed.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // SAFETY: it is our own child and not yet waited for, so the pid is its own.
        unsafe { libc::kill(self.0.id() as libc::pid_t, libc::SIGTERM) };
        for _ in 0..200 {
            if matches!(self.0.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A pseudo-terminal; the meter's end is `master`, dsmrd opens `name`.
struct Pty {
    master: File,
    name: PathBuf,
    /// Kept open, so that the port does not hang up before dsmrd has come.
    _slave: OwnedFd,
}

impl Pty {
    fn open() -> io::Result<Self> {
        let (mut master, mut slave, mut name) = (0, 0, [0 as libc::c_char; 128]);
        // SAFETY: the three places are ours; a pty's name (/dev/pts/N) fits in the buffer.
        let opened = unsafe {
            libc::openpty(
                &mut master,
                &mut slave,
                name.as_mut_ptr(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        };
        if opened != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: both were just opened and belong to nobody else; name is a C string.
        let (master, slave, name) = unsafe {
            let mut raw = std::mem::zeroed();
            libc::tcgetattr(slave, &mut raw);
            libc::cfmakeraw(&mut raw);
            libc::tcsetattr(slave, libc::TCSANOW, &raw);
            (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave), std::ffi::CStr::from_ptr(name.as_ptr()))
        };
        Ok(Self { master, name: PathBuf::from(name.to_string_lossy().into_owned()), _slave: slave })
    }
}

/// Cuts a recording into telegrams: each from its `/` to the end of the line with its `!`.
fn split(recording: &[u8]) -> Vec<Vec<u8>> {
    let mut telegrams = Vec::new();
    let mut telegram = Vec::new();
    for line in recording.split_inclusive(|&byte| byte == b'\n') {
        telegram.extend_from_slice(line);
        if line.starts_with(b"!") {
            telegrams.push(std::mem::take(&mut telegram));
        }
    }
    telegrams
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn start_broker(folder: &Path) -> Result<(Process, u16)> {
    let port = free_port()?;
    let config = folder.join("mosquitto.conf");
    std::fs::write(&config, format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"))?;
    let child = Command::new("mosquitto")
        .arg("-c")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(File::create(folder.join("mosquitto.log"))?)
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot start mosquitto: {error}"))?;
    let process = Process(child);
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok((process, port));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("mosquitto did not come up".into())
}

fn start_dsmrd(program: &Path, folder: &Path, tty: &Path, port: u16) -> Result<Process> {
    let config = folder.join("dsmrd.toml");
    std::fs::write(
        &config,
        format!(
            "[[meter]]\nname = \"bench\"\nsource = \"{}\"\nline = \"115200 8N1\"\n\n\
             [store]\npath = \"dsmrd.sqlite\"\n\n\
             [[mqtt]]\nname = \"local\"\nurl = \"mqtt://127.0.0.1:{port}\"\n",
            tty.display()
        ),
    )?;
    let log = File::create(folder.join("dsmrd.log"))?;
    let child = Command::new(program)
        .args(["run", "--config"])
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    Ok(Process(child))
}

/// Subscribes to [`TOPIC`] at QoS 0 and gives the time of every message. MQTT 3.1.1 by hand: a client library
/// would add its own queue and thread to what is measured.
fn subscribe(port: u16) -> Result<Receiver<Instant>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    // Protocol name and level 4, clean session, no keep-alive, client id "bench".
    stream.write_all(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x00\x00\x05bench")?;
    let mut subscribe = vec![0x82, (2 + 2 + TOPIC.len() + 1) as u8, 0, 1, 0, TOPIC.len() as u8];
    subscribe.extend_from_slice(TOPIC.as_bytes());
    subscribe.push(0);
    stream.write_all(&subscribe)?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        // The thread ends with the connection.
        while let Ok(kind) = packet(&mut reader) {
            if kind >> 4 == 3 && sender.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Reads one packet; gives its first byte.
fn packet(reader: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    reader.read_exact(&mut byte)?;
    let kind = byte[0];
    let (mut length, mut shift) = (0_u64, 0);
    loop {
        reader.read_exact(&mut byte)?;
        length |= u64::from(byte[0] & 0x7f) << shift;
        shift += 7;
        if byte[0] & 0x80 == 0 || shift > 21 {
            break;
        }
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    Ok(kind)
}

/// User and system time of a process, all threads.
fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces; utime and stime are the 12th and 13th field behind it.
    let fields: Vec<&str> = stat.rsplit_once(')').ok_or("no stat")?.1.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    // SAFETY: sysconf has no memory effects.
    Ok(ticks as f64 / unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64)
}

/// A line of `/proc/<pid>/status`, in KiB.
fn status_kib(pid: u32, key: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(key)).ok_or("no such line in status")?;
    Ok(line.split_whitespace().nth(1).ok_or("no value")?.parse()?)
}
