//! What surrounds the appliance: a pseudo-terminal for its port, a mosquitto, a subscriber, readers of the share.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crate::Result;

/// Every reading is one message here, and no two are equal.
const TOPIC: &str = "dsmrd/bench/json";

/// A process that ends with the value: asked first, then killed.
pub(crate) struct Process(pub(crate) Child);

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
pub(crate) struct Pty {
    pub(crate) master: File,
    pub(crate) name: PathBuf,
    /// Kept open, so that the port does not hang up before dsmrd has come.
    slave: OwnedFd,
}

impl Pty {
    pub(crate) fn open() -> io::Result<Self> {
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
        Ok(Self { master, name: PathBuf::from(name.to_string_lossy().into_owned()), slave })
    }

    /// Whether dsmrd has taken all that was written.
    pub(crate) fn is_taken(&self) -> bool {
        let mut waiting: libc::c_int = 0;
        // SAFETY: the request writes one int, which is ours.
        let asked = unsafe { libc::ioctl(self.slave.as_raw_fd(), libc::FIONREAD, &mut waiting) };
        asked != 0 || waiting == 0
    }
}

pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

pub(crate) fn start_broker(folder: &Path) -> Result<(Process, u16)> {
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

/// `meter` is more keys of the meter, and tables below it; `more` further keys of the broker, and whole tables.
pub(crate) fn start_dsmrd(
    program: &Path,
    folder: &Path,
    tty: &Path,
    port: u16,
    (meter, more): (&str, &str),
) -> Result<Process> {
    let config = folder.join("dsmrd.toml");
    std::fs::write(
        &config,
        format!(
            "[[meter]]\nname = \"bench\"\nsource = \"{}\"\nline = \"115200 8N1\"\n{meter}\n\
             [store]\npath = \"dsmrd.sqlite\"\n\n\
             [[mqtt]]\nname = \"local\"\nurl = \"mqtt://127.0.0.1:{port}\"\n{more}",
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
pub(crate) fn subscribe(port: u16) -> Result<Receiver<Instant>> {
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
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces; utime and stime are the 12th and 13th field behind it.
    let fields: Vec<&str> = stat.rsplit_once(')').ok_or("no stat")?.1.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    // SAFETY: sysconf has no memory effects.
    Ok(ticks as f64 / unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64)
}

/// A line of `/proc/<pid>/status`, in KiB.
pub(crate) fn status_kib(pid: u32, key: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(key)).ok_or("no such line in status")?;
    Ok(line.split_whitespace().nth(1).ok_or("no value")?.parse()?)
}

/// A reader of the share: gives the time of every telegram that it has whole.
pub(crate) fn read_share(address: SocketAddr) -> Result<Receiver<Instant>> {
    let stream = TcpStream::connect(address)?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut reader, mut line) = (BufReader::new(stream), Vec::new());
        // The thread ends with the connection.
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            if line.starts_with(b"!") && sender.send(Instant::now()).is_err() {
                return;
            }
            line.clear();
        }
    });
    Ok(receiver)
}

/// A reader of the share that takes nothing: its window is as small as the system makes it, and it never reads.
pub(crate) fn stall(address: SocketAddr) -> Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_recv_buffer_size(2_048)?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}

/// Whether dsmrd has hung up on it.
pub(crate) fn is_dropped(mut stalled: TcpStream) -> Result<bool> {
    stalled.set_read_timeout(Some(Duration::from_secs(2)))?;
    let ended = io::copy(&mut stalled, &mut io::sink());
    Ok(ended.map_or_else(|error| error.kind() == io::ErrorKind::ConnectionReset, |_| true))
}
